"""What must be known before the scores of an audit are read: for the page, the terminal and the JSON alike."""
from collections.abc import Mapping

import numpy as np

from classify.audit.result import Audit, Judged
from classify.audit.shortcuts.evidence import CONVICTED
from classify.audit.shortcuts.parts_section import sentence as parts_sentence
from classify.audit.shortcuts.sentences import advice, sentence
from classify.audit.subgroup_section import part_words
from classify.monitor.sentences import verdict
from classify.sweep.result import Sweep
from classify.sweep.sentences import mild_breaches
from classify.uncertainty.known_images import known_line
from featurize.report.numbers import count, number, percent, score, whole
from featurize.report.page import by_weight, warning

# Share of novel images from which there is a warning, and a serious one.
MANY_NOVEL = .1
MOST_NOVEL = .5
# Balanced accuracy by which the interval must end below that at home before there is a warning.
LOWER_ACCURACY = .02
# Drop of the balanced accuracy from which the warning is serious.
SERIOUS_DROP = .1
# An interval of the balanced accuracy that reaches so far below home leaves open how good the model is here.
OPEN_DROP = .1
# Share of images for review from which there is a warning, if it is so much higher than at home.
MOSTLY_REVIEW = .5
MORE_REVIEW = .1
# Calibration slope below which probabilities are called too sure.
TOO_SURE_SLOPE = .7
WITHOUT_SUBJECT_ADVICE = ("Look at what differs: scale bars, stain, other cells, the edge of the film. Test on images "
                          "of which all classes were taken alike.")
MILD_ADVICE = "See the section on changed pictures: keep such images out, or learn from changed copies."


def warnings(result: Audit) -> list[Mapping[str, str]]:
    """Serious ones first."""
    listed = _of_drift(result) + _of_images(result)
    listed += _of_scores(result, result.judged) if result.judged is not None else []
    listed += _of_shortcuts(result) + _of_parts(result) + _of_subgroups(result)
    # Where the promise is broken on the images as they are, a change of the picture is not what breaks it.
    as_they_are = result.judged is not None and _sets_fall_short(result, result.judged)
    return by_weight(listed + (_of_sweep(result.sweep) if result.sweep and not as_they_are else []))


def known_images(result: Audit) -> str:
    """One sentence where the model was trained on some of the images, else ""."""
    return known_line(int(result.trained_on.sum()), len(result.frame))


def sets_fail(result: Audit) -> str:
    """One sentence where the prediction sets do not hold what they promise, or nothing shows that they do, else ""."""
    promise = 1 - result.bundle.conformal.alpha
    if result.judged is not None:
        metrics = result.judged.metrics
        if metrics["intervals"]["coverage"][1] >= promise:
            return ""
        return (f"The prediction sets do not hold here: {percent(metrics['coverage'])} of them contain the truth, "
                f"{whole(promise)} were promised.")
    return promise_elsewhere(promise) if result.novel_share > MANY_NOVEL or result.batch_line else ""


def promise_elsewhere(promise: float) -> str:
    """What becomes of the promise of the prediction sets where images are unlike those at home and have no labels."""
    return ("These images are unlike those at home, and the promise of the prediction sets "
            f"({whole(promise)} contain the truth) holds only for images like those.")


def _of_images(result: Audit) -> list[dict[str, str]]:
    listed, known = [], known_images(result)
    if known:
        listed.append(warning("serious", known, _without_known(result)))
    if len(result.unknown):
        names = ", ".join(f"{name} ({number(int(n))})" for name, n in result.unknown.items())
        listed.append(warning("caution", f"Labels that the model does not know: {names}.",
                              "These images were predicted, but count in no score; the model must be wrong on them."))
    if result.judged is None:
        listed.append(warning("caution", "No image has a label: nothing is said about right and wrong.",
                              "Have 50 images of each class labelled and run the audit again."))
    new = result.novel_share
    if new > MANY_NOVEL:
        usual = percent(result.bundle.review.most_novelty)
        listed.append(warning("serious" if new > MOST_NOVEL else "caution",
                              f"{percent(new)} of the images are less like the training images than {usual} of those "
                              "at home.", "Another stain, camera or preparation; see which features are shifted."))
    elif result.batch_line:
        what, _, why = result.batch_line.partition("; ")
        listed.append(warning("caution", f"{what[0].upper()}{what[1:]}.", f"{why[0].upper()}{why[1:]}."))
    asked = float(result.table["review"].mean())
    home = None if result.home is None else result.home.get("review_share")
    if asked > MOSTLY_REVIEW and home is not None and asked > home + MORE_REVIEW:
        listed.append(warning("caution", f"The model asks for a person on {percent(asked)} of the images; at home it "
                              f"was {percent(home)}.", "It saves little work here."))
    return listed


def _of_shortcuts(result: Audit) -> list[dict[str, str]]:
    convicted = [group for group in result.shortcuts if group.verdict == CONVICTED]
    preset = result.info.preset.get("name", "")
    return [warning("serious", f"A shortcut. {sentence(group, preset)}", advice([group]), "featurize --augment 3")
            for group in convicted]


def _of_parts(result: Audit) -> list[dict[str, str]]:
    if not any(part.tells for part in result.parts):
        return []
    told = parts_sentence(result.parts, result.info.preset.get("name", ""))
    return [warning("caution", told, WITHOUT_SUBJECT_ADVICE)]


def _of_subgroups(result: Audit) -> list[dict[str, str]]:
    worse = () if result.compared is None else tuple(result.compared[result.compared["worse"]].to_dict("records"))
    if not worse:
        return []
    more = f" and in {count(len(worse) - 1, 'other part')}" if len(worse) > 1 else ""
    return [warning("caution", f"The model is right less often in {part_words(worse[0], result)} "
                    f"({percent(worse[0]['right'])} of {count(worse[0]['n'], 'image')}){more} than in the rest.",
                    "This is no chance, counting all parts that were compared; see Subgroups.")]


def _of_drift(result: Audit) -> list[dict[str, str]]:
    if result.drift is None or not result.drift.alarm:
        return []
    return [warning("serious", verdict(result.drift), "See which numbers moved; have some of the new images labelled, "
                    "and run the audit on them before the model is trusted here.")]


def _of_sweep(found: Sweep) -> list[dict[str, str]]:
    broken = mild_breaches(found)
    if not broken or found.unchanged.broken:
        return []
    return [warning("caution", f"Mild changes of the picture break what the model promises: {', '.join(broken)}.",
                    MILD_ADVICE, "featurize --augment 3")]


def _without_known(result: Audit) -> str:
    """How good the predictions of the other images are."""
    if result.judged is None:
        return "Take them out: they are no images from elsewhere."
    rows, y = result.judged.rows, result.judged.y
    new = ~result.trained_on[rows]
    if not new.any():
        return "Every score below is that of images the model has seen: it says nothing about new ones."
    right = float((result.predictions.p[rows].argmax(axis=1) == y)[new].mean())
    return (f"The scores below are too good. Of the other {count(int(np.count_nonzero(new)), 'labelled image')}, "
            f"{percent(right)} were named correctly: take the known ones out and run the audit again.")


def _sets_fall_short(result: Audit, judged: Judged) -> bool:
    """Whether the sets hold the truth more seldom than promised, beyond chance."""
    return bool(judged.metrics["intervals"]["coverage"][1] < 1 - result.bundle.conformal.alpha)


def _of_scores(result: Audit, judged: Judged) -> list[dict[str, str]]:
    listed, metrics, alpha = [], judged.metrics, result.bundle.conformal.alpha
    low, high = metrics["intervals"]["balanced_accuracy"]
    home = None if result.home is None else result.home.get("balanced_accuracy")
    if home is not None and high < home - LOWER_ACCURACY:
        drop = home - metrics["balanced_accuracy"]
        listed.append(warning("serious" if drop > SERIOUS_DROP else "caution",
                              f"The balanced accuracy is {score(drop)} lower than at home.",
                              "Do not use the model here as it is; see What to do."))
    elif home is not None and low < home - OPEN_DROP:
        listed.append(warning("caution", f"{count(metrics['n'], 'labelled image')} leave open how good the model is "
                              f"here: the balanced accuracy lies between {score(low)} and {score(high)}, at home it is "
                              f"{score(home)}.", "Have more images labelled."))
    if _sets_fall_short(result, judged):
        listed.append(warning("serious", f"The prediction sets hold the truth in {percent(metrics['coverage'])} of the "
                              f"images, not in {whole(1 - alpha)} as promised.",
                              "The promise holds only for images like those at home."))
    accepted, left = result.bundle.review.accepted, metrics["review"]
    if accepted is not None and accepted.kept and left["errors_kept_interval"][0] > accepted.error:
        kept = int((~result.table["review"] & result.frame["label"].isin(result.bundle.classes)).sum())
        wrong = round(left["errors_kept"] * kept)
        listed.append(warning("serious", f"{number(wrong)} of {count(kept, 'prediction')} without review "
                              f"{'is' if wrong == 1 else 'are'} wrong here ({percent(left['errors_kept'])}), not at "
                              f"most {percent(accepted.error)} as promised.",
                              "The promise holds only for images like those at home."))
    if metrics["calibration_slope"] < TOO_SURE_SLOPE:
        listed.append(warning("caution", "The probabilities are too sure here (calibration slope "
                              f"{number(metrics['calibration_slope'])}, 1 is right).", "Do not read them as chances."))
    return listed
