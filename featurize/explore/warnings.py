"""What will go wrong with a folder of images, and what to do about it."""
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from featurize.explore.by_class import image_table, look_alike
from featurize.explore.census import (NO_FINDING, NO_PART, UNLABELLED, Census, Conflict, absent, class_by_split,
                                      conflict_of, duplicate_clusters, groups_in_several_splits, present)
from featurize.explore.groups import guess_group_regex
from featurize.explore.shortcuts import shortcuts
from featurize.report.numbers import count, number, percent
from featurize.report.page import by_weight, warning

Warnings = Iterator[dict[str, str]]

# The largest class has at least this many times the images of the smallest: a warning, and a serious one.
UNBALANCED_RATIO = 3
VERY_UNBALANCED_RATIO = 20
# A class with fewer images is warned of, and one with fewer still seriously.
FEW_IMAGES = 50
TOO_FEW_IMAGES = 10
# Fewer groups than this are warned of: the default number of folds of `classify`.
FEW_GROUPS = 5
# Longest over shortest longer side from which sizes in pixels are warned of.
SIDES_RATIO = 1.5
# Fewer cut-out (or whole) images than this share of all are single odd ones, no second kind of pictures: of 110 chest
# films one had a black margin. Chosen.
FEW_ODD_SHARE = 0.05
# An image is of one even color if no channel has a larger standard deviation, in gray levels.
EVEN_DEVIATION = 2
# Share of unreadable files from which the warning is serious.
MANY_UNREADABLE = .1
# Names that a warning lists.
MOST_NAMES = 6


def warnings(census: Census, read: int, index_warnings: Sequence[str] = ()) -> list[Mapping[str, str]]:
    """All warnings, the serious ones first.

    Parameters
    ----------
    census : Census
    read : int
        How many images were chosen to be looked at.
    index_warnings : sequence of str
        Warnings of the index: sentences without capital letter and full stop.
    """
    of_index = [warning("caution", f"{text[0].upper()}{text[1:]}.") for text in index_warnings]
    listed = [*of_index, *_labels(census), *_balance(census), *_splits_without(census), *_leaks(census),
              *_duplicates(census), *shortcuts(census), *_sizes(census), *_odd_images(census), *_sites(census),
              *_files(census), *_groups(census, asked_already=any("--group-column" in text for text in index_warnings))]
    if read < len(census.frame):
        text = f"{number(read)} of {count(len(census.frame), 'image')} were read for this page."
        listed.append(warning("note", text, "They are spread evenly over classes and parts. Counts are of all images, "
                              "looks and near copies of these only."))
    return by_weight(listed)


def _labels(census: Census) -> Warnings:
    known, option = census.frame["label"].dropna(), "--labels F.csv --label-column C"
    if known.empty:
        yield warning("serious", "No image has a label.",
                      "Put the images of each class into a folder of its name, or give a CSV:", option)
    elif known.nunique() == 1 and not census.findings:
        yield warning("serious", f"There is only one class, {_quoted(known.iloc[0])}.",
                      "A classifier needs two. Check the folder that was given, or give labels in a CSV:", option)
    missing = len(census.frame) - len(known)
    if missing and len(known):
        yield warning("caution", f"{count(missing, 'image')} of {number(len(census.frame))} have no label.",
                      "They are measured and predicted, and not trained on.", option)


def _balance(census: Census) -> Warnings:
    if census.findings:
        yield from _few_findings(census)
        return
    sizes = census.frame["label"].value_counts()
    if len(sizes) < 2:
        return
    first, last, ratio = sizes.index[0], sizes.index[-1], float(sizes.iloc[0] / sizes.iloc[-1])
    if ratio >= UNBALANCED_RATIO:
        yield warning("serious" if ratio >= VERY_UNBALANCED_RATIO else "caution",
                      f"Class “{first}” has {number(float(f'{ratio:.2g}'))} times as many images as class "
                      f"“{last}” "
                      f"({number(sizes.iloc[0])} and {number(sizes.iloc[-1])}).",
                      "classify weights the classes by itself. Judge by balanced accuracy, macro-F1 and each class "
                      "alone, never by accuracy.")
    few = [f"{_quoted(name)} ({number(n)})" for name, n in sizes.items() if TOO_FEW_IMAGES <= n < FEW_IMAGES]
    if few:
        yield warning("caution", f"Few images: {_listed(few)}.",
                      "Intervals will be wide, and prediction sets coarse, with less than 50 images in a class.")
    tiny = [f"{_quoted(name)} ({number(n)})" for name, n in sizes.items() if n < TOO_FEW_IMAGES]
    if tiny:
        advice = "Add images, or merge the class with another one."
        folds = ("Add images, merge the class with another one, or use fewer folds:", "--folds 3")
        yield warning("serious", f"Too few images to learn from: {_listed(tiny)}.",
                      *((advice,) if census.frame["split"].notna().any() else folds))


def _few_findings(census: Census) -> Warnings:
    """A finding is learned from the images that have it and those that do not: both must be there."""
    frame = census.frame
    sizes = {name: min((int(present(frame, name).sum()), "with"), (int(absent(frame, name).sum()), "without"))
             for name in census.findings}
    few = [f"{_quoted(name)} ({number(n)} {side} it)" for name, (n, side) in sizes.items()
           if TOO_FEW_IMAGES <= n < FEW_IMAGES]
    if few:
        yield warning("caution", f"Few images: {_listed(few)}.", "The intervals of these findings will be wide.")
    tiny = [f"{_quoted(name)} ({number(n)} {side} it)" for name, (n, side) in sizes.items() if n < TOO_FEW_IMAGES]
    if tiny:
        yield warning("serious", f"Too few images to learn from: {_listed(tiny)}.",
                      "classify trains no model of these findings: add images, or do without them.")


def _quoted(name: object) -> str:
    """The name of a class in a sentence: a class may be called "all"."""
    return f"“{name}”"


def _listed(names: Sequence[str], most: int = MOST_NAMES) -> str:
    """The first names, and how many more there are."""
    more = f" and {number(len(names) - most)} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _splits_without(census: Census) -> Warnings:
    counts = class_by_split(census).drop(index=[UNLABELLED, NO_FINDING], errors="ignore")
    thing = "finding" if census.findings else "class"
    for split in counts.columns.drop(NO_PART, errors="ignore"):
        lost = [_quoted(name) for name, n in counts[split].items() if n == 0]
        if lost and len(lost) < len(counts):
            yield warning("serious", f"The part {split} has no image of {thing} {_listed(lost)}.",
                          "Give every class to every part, or give no parts: classify then makes folds.", "--folds 5")


def _leaks(census: Census) -> Warnings:
    across = groups_in_several_splits(census.frame)
    if across:
        text = f"{count(len(across), 'group stands', 'groups stand')} in several parts: {_listed(across)}."
        yield warning("serious", text,
                      "Scores would be too good. classify takes such images out of the training part; better deal the "
                      "groups anew.")
    split = [rows for rows in duplicate_clusters(census) if census.frame.iloc[rows]["split"].dropna().nunique() > 1]
    if split:
        yield warning("serious", f"{count(len(split), 'picture stands', 'pictures stand')} in several parts.",
                      "The test part holds copies of what was trained on. classify takes them out of the training "
                      "part; they are shown below.")


def _duplicates(census: Census) -> Warnings:
    conflicts = [(len(rows), conflict_of(census.frame, rows)) for rows in duplicate_clusters(census)]
    n_torn = sum(conflict == Conflict.LABELS for _, conflict in conflicts)
    if n_torn:
        yield warning("serious", f"{count(n_torn, 'picture has', 'pictures have')} two different labels.",
                      "One of them is wrong. They are shown below with their paths: correct them before training.")
    n_copies = sum(n - 1 for n, conflict in conflicts if conflict == Conflict.NONE)
    if n_copies:
        text = f"{count(n_copies, 'image is a copy', 'images are copies')} of another one, or nearly so."
        yield warning("note", text, "classify keeps copies on one side of every split by itself.")


def _sizes(census: Census) -> Warnings:
    shapes = {(image.width_px, image.height_px) for image in census.images}
    sides = [max(shape) for shape in shapes]
    if len(shapes) > 1 and max(sides) > SIDES_RATIO * min(sides):
        yield warning("caution", f"The longer sides of the images reach from {number(min(sides))} to "
                      f"{number(max(sides))} px.", "If pixels differ in size, lengths in pixels do not compare. Scale "
                      "the images alike, or give the size of a pixel if it is one and known:", "--mm-per-px X")


def _odd_images(census: Census) -> Warnings:
    black = np.array([image.black_frame for image in census.images])
    fewer = np.flatnonzero(black if black.mean() <= .5 else ~black) if len(black) else black
    if len(fewer) and len(fewer) < FEW_ODD_SHARE * len(black):
        path = census.frame["path"].iloc[int(census.rows[fewer[0]])]
        text = (f"{count(len(fewer), 'image lies', 'images lie')} on black, the others do not" if black[fewer[0]] else
                f"{count(len(fewer), 'image does', 'images do')} not lie on black, the others do")
        yield warning("note", f"{text}, such as {path}.", "Look whether it belongs here.")
    elif len(fewer):
        yield warning("caution", f"{percent(float(black.mean()))} of the images lie on black, the others do not.",
                      "A model could tell cut-out from whole images instead of the classes. Keep them apart as sites:",
                      "--site-column C")
    flat = [row for row, image in zip(census.rows, census.images) if image.deviation.max() < EVEN_DEVIATION]
    if flat:
        path = census.frame["path"].iloc[int(flat[0])]
        them = "them" if len(flat) > 1 else "it"
        yield warning("caution", f"{count(len(flat), 'image is', 'images are')} of one even color, such as {path}.",
                      f"Nothing can be measured on {them}: take {them} out.")


def _sites(census: Census) -> Warnings:
    known = census.frame.dropna(subset=["label"])
    if known["site"].nunique() < 2:
        return
    sites = {name: census.frame.loc[member, "site"].dropna().unique() for name, member in census.classes.items()
             if name not in (UNLABELLED, NO_FINDING)}
    bound = [f"{_quoted(name)} ({its[0]})" for name, its in sites.items() if len(its) == 1]
    if bound:
        things = ("finding comes", "findings come") if census.findings else ("class comes", "classes come")
        yield warning("serious", f"{count(len(bound), *things)} from one site only: {_listed(bound)}.",
                      "The model can learn the site instead of the class. Leave such classes out, or compare sites "
                      "with the command audit.")


def _files(census: Census) -> Warnings:
    n = len(census.errors)
    if n:
        share = n / (n + len(census.frame))
        text = f"{count(n, 'file')} ({percent(share)}) could not be read."
        yield warning("serious" if share > MANY_UNREADABLE else "caution", text,
                      "They are listed below and left out. To make featurize end with an error instead:", "--strict")


def _few_groups_of_a_class(census: Census) -> Warnings:
    """`classify` refuses more folds than a class has groups; an image without a group is one of its own."""
    group = census.frame["group"].where(census.frame["group"].notna(), census.frame["image_id"])
    few = {name: group[member].nunique() for name, member in census.classes.items() if name != UNLABELLED}
    few = {name: n for name, n in few.items() if n < FEW_GROUPS}
    if few:
        named = _listed([f"{_quoted(name)} ({number(n)})" for name, n in few.items()])
        yield warning("serious", f"Too few groups for {FEW_GROUPS} folds: {named}.",
                      "Each fold keeps back whole groups of every class. Add groups, or make fewer folds:",
                      f"--folds {max(min(few.values()), 2)}")


def _groups(census: Census, *, asked_already: bool) -> Warnings:
    """Few groups, or none; `asked_already` if another warning offers a column of the labels file."""
    known = census.frame["group"].nunique()
    if 0 < known < FEW_GROUPS and not census.frame["split"].notna().any():
        yield warning("serious", f"There {'is' if known == 1 else 'are'} only {count(known, 'group')}.",
                      "Whole groups are kept back for testing: intervals will be too narrow, and there can be no more "
                      "folds than groups.", f"--folds {max(known, 2)}")
    elif known and not census.findings and not census.frame["split"].notna().any():
        yield from _few_groups_of_a_class(census)
    if known or asked_already:
        return
    table = image_table(census)
    guess = guess_group_regex(census.frame, lambda values: look_alike(table, [values[row] for row in census.rows]))
    if guess is None:
        yield warning("note", "No patients, slides or other groups are given.",
                      "If several images come from one patient, say so, or every score will be too good:",
                      "--group-column C or --group-regex RE")
        return
    expression, n = guess
    yield warning("caution", f"No groups are given, but a part of the paths has {number(n)} values that repeat.",
                  "If that is the patient or the slide, keep its images together:", f"--group-regex '{expression}'")
