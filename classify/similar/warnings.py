"""What must be known before the neighbors of an image are looked at."""
from classify.similar.search import Similar
from classify.similar.space import CLASSES, SAME_PICTURE_DISTANCE
from featurize.report.numbers import number
from featurize.report.page import warning

# Files that the warning of the same file names.
MOST_SAME_FILES = 5


def warnings(result: Similar) -> list[dict[str, str]]:
    """What must be known before the neighbors are looked at."""
    paths, labels = result.frame["path"], result.label
    names = ", ".join(f"{paths.iloc[r]} ({labels.iloc[r]})" for r in result.same_file[:MOST_SAME_FILES].tolist())
    same_file = warning("note", "The table holds this very file.", f"It stands there as {names}, and is not among the "
                        "neighbors.")
    return ([same_file] if names else []) + _distance_warnings(result)


def _distance_warnings(result: Similar) -> list[dict[str, str]]:
    if not len(result.neighbors):
        return [warning("caution", "The table holds no other image to compare with.")]
    nearest = float(result.distances[result.neighbors[0]])
    if result.metric != CLASSES and nearest < SAME_PICTURE_DISTANCE:
        return [warning("note", "The nearest image is the same picture, or nearly so.",
                        f"{result.frame['path'].iloc[result.neighbors[0]]}: keep the two together when you split the "
                        "data.")]
    if nearest > result.usual_distance:
        return [warning("caution", f"This image is unlike all others: its nearest neighbour is {number(nearest)} away, "
                        f"and 99\u00a0% of the table's own images have one within {number(result.usual_distance)}.",
                        "What its neighbours are called says little about it. Look at the outlines first.")]
    return []
