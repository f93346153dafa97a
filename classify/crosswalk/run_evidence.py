"""What a run answers by itself, in sentences with its own numbers."""
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from classify.crosswalk.answers import Evidence
from featurize.report.numbers import count, interval, number, percent, score, whole

REPORT = "report.html"
# Keys of metrics.json that the sentences need: runs of older versions lack some.
NEEDED = ("task", "n", "classes", "groups", "split", "folds", "class_counts", "review_share", "accuracy", "versions")
# Simpler models by their names in metrics.json.
SIMPLER = {"majority": "most frequent class", "pca_logistic": "logistic regression on principal components"}
# Scores that are told with their intervals.
TOLD = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "auroc": "AUROC"}


@dataclass(frozen=True)
class RunFacts:
    """A run as far as the sentences need it.

    Parameters
    ----------
    metrics : mapping
        metrics.json.
    settings : mapping
        `classify.settings.TrainSettings` as plain data.
    preset : mapping
        That of the table.
    families : sequence of str
        Feature families.
    features : int
        Measurements that the model reads.
    model : str
        The library, and what its trees start from.
    perturbed : bool
        Some images were measured a second time, changed: stability.csv is there.
    """

    metrics: Mapping[str, Any]
    settings: Mapping[str, Any]
    preset: Mapping[str, Any]
    families: Sequence[str]
    features: int
    model: str
    perturbed: bool


def run_evidence(run: RunFacts, page: str = REPORT) -> dict[str, Evidence]:
    """Sentences of a run by the names that items.csv uses; `page` is where its report lies."""
    metrics = run.metrics
    found = {**_of_data(metrics, run.preset), **_of_model(run), **_of_scores(metrics, run.settings)}
    if metrics.get("left_out_sites"):
        sites = ", ".join(f"{s['site']}: {score(s['balanced_accuracy'])}" for s in metrics["left_out_sites"])
        found["sites"] = ("performance", f"Balanced accuracy at each site, of a model that did not learn from it: "
                                         f"{sites}.")
    if run.perturbed:
        found["stability"] = ("what-the-model-looks-at", "Some images were changed as another recording would and "
                              "measured again: stability.csv has the agreement (ICC) of every measurement.")
    return {f"run.{name}": Evidence(text, f"{page}#{anchor}" if anchor else "model/")
            for name, (anchor, text) in found.items()}


# Anchor of a section of report.html ("" for the model folder), and a sentence.
Told = dict[str, tuple[str, str]]


def _of_data(metrics: Mapping[str, Any], preset: Mapping[str, Any]) -> Told:
    at, classes = "data-splits-and-leaks", ", ".join(map(str, metrics["classes"]))
    n, groups, suspects = metrics["n"], metrics["groups"], metrics.get("suspects") or {}
    parts = ("the table's own train, validation and test parts" if metrics["split"] == "given" else
             f"{metrics['folds']} stratified folds; every image was predicted by a model that never saw it")
    apart = ("Images of one patient or group, and copies of one another, stay in one part" if groups < n else
             "Parts are apart by image; copies of one another stay together, groups were not given or hold one image")
    of_class = "; ".join(f"{part}: {', '.join(f'{c} {number(int(m))}' for c, m in by.items())}"
                         for part, by in metrics["class_counts"].items())
    return {
        "task": (at, f"The label of each image: {classes} ({metrics['task']})."),
        "data": (at, f"{count(n, 'labelled image')} were tested, of {count(groups, 'independent group')}."),
        "counts": (at, f"Labelled images by part and class: {of_class}."),
        "split": (at, f"Division: {parts}."), "groups": (at, f"{apart}: {number(groups)} for {count(n, 'image')}."),
        "preparation": ("model-card", f"Normalization {preset.get('normalize', '?')}, segmentation "
                        f"{preset.get('segment', '?')} (preset {preset.get('name', '?')}); unreadable files and copies "
                        "are found and listed, no image is chosen by hand."),
        "missing": ("model-card", "A region that is not found gives missing measurements, which the model takes as "
                    "such: nothing is filled in."),
        "suspects": ("suspect-labels", f"{count(suspects.get('flagged', 0), 'label')} of {number(suspects.get('n', n))}"
                     " contradict the predictions and are listed; this does not replace the agreement of people."),
        "limits": ("model-card", f"{count(n, 'image')} of {count(groups, 'group')} (patients, or images with their "
                   f"copies){_smallest(metrics['class_counts'])}; nothing is known of images from elsewhere but "
                   "what an audit finds.")}


def _smallest(class_counts: Mapping[str, Mapping[str, int]]) -> str:
    """The class of fewest images; "" where they are not counted."""
    total: dict[str, int] = {}
    for by in class_counts.values():
        for name, n in by.items():
            total[name] = total.get(name, 0) + int(n)
    if not total:
        return ""
    name = min(total, key=lambda known: total[known])
    return f"; the smallest class, {name}, has {count(total[name], 'image')}"


def _of_model(run: RunFacts) -> Told:
    settings, families = run.settings, ", ".join(sorted(run.families))
    searched = (f"{number(settings['tune'])} trials of other settings inside the training rows of each fold"
                if settings.get("tune") else "no settings were searched: they are the same for every table")
    versions = ", ".join(f"{name} {version}" for name, version in sorted(run.metrics["versions"].items()))
    return {
        "predictors": ("what-the-model-looks-at", f"All {count(run.features, 'measurement')} of the families {families}"
                       " that vary; properties of the picture are not offered, and none was chosen by the labels."),
        "definitions": ("what-the-model-looks-at", "Every measurement has a name, a unit and a formula; the most "
                        "important ones stand on the page, all in docs/features.md."),
        "measured": ("model-card", "All are measured by the program: no judgement of a person enters."),
        "model": ("model-card", f"{run.model}, on {count(run.features, 'measurement')} as they are; all settings stand "
                  "on the page."),
        "start": ("model-card", f"Nothing was trained before on other data; seed {settings['seed']}."),
        "training": ("training", f"Boosting stops on images that were kept back, after {number(settings['rounds'])} "
                     "rounds at most; the learning curves are shown."),
        "tuning": ("model-card", f"The model was not chosen among several by the tested images; {searched}."),
        "ensemble": ("model-card", "One model, no ensemble."),
        "imbalance": ("model-card", f"Balance of the classes: {settings['balance']}; probabilities are calibrated on "
                      "the unchanged frequencies."),
        "versions": ("how-to-make-it-again", f"Versions: {versions}."),
        "reproduce": ("how-to-make-it-again", "Commands, data hash, seed and versions that give the same numbers."),
        "file": ("", "The folder model/ is the whole model; `pellucid predict` applies it to new images."),
        "explanation": ("what-the-model-looks-at", "Exact Shapley values (TreeSHAP) of each prediction by the model "
                        "that made it, by measurement, family and region; they say what the model used.")}


def _of_scores(metrics: Mapping[str, Any], settings: Mapping[str, Any]) -> Told:
    intervals = metrics.get("intervals", {})
    scores = ", ".join(f"{name} {interval(metrics[key], *(intervals.get(key) or (None, None)))}"
                       for key, name in TOLD.items() if metrics.get(key) is not None)
    calibration, point = metrics.get("calibration") or {}, metrics.get("operating_point")
    threshold = (f" {point['class']} counts from a probability of {score(point['threshold'])} on "
                 f"({point['chosen_by']})." if point else "")
    beside = ", ".join(f"{SIMPLER.get(name, name)} {score(of.get('accuracy'))}"
                       for name, of in (metrics.get("baselines") or {}).items())
    shortcuts = ", ".join(f"{name.replace('_', ' ')} {score(value)}" for name, value in
                          (metrics.get("shortcuts") or {}).items())
    return {
        "performance": ("performance", f"Held out: {scores} (95 % intervals by group)."),
        "calibration": ("calibration-and-selection", f"Calibration by {calibration.get('method', '?')}; expected "
                        f"calibration error {score(metrics.get('ece'))}."),
        "output": ("prediction-sets", "Probabilities of the classes; a set of classes that holds the truth in "
                   f"{whole(1 - settings['alpha'])} of the images of each class (found: "
                   f"{percent(metrics.get('coverage'))}); {percent(metrics['review_share'])} go to a person."
                   f"{threshold}"),
        "baselines": ("performance", f"Accuracy of simpler models on the same images: {beside}."),
        "shortcuts": ("performance", f"AUROC of what should not tell the label or the site: {shortcuts or 'none'}."),
        "failures": ("single-images", "Confusion by class, and the surest errors with outlines and reasons."),
        "input": ("single-images", "Every prediction carries a novelty and reasons for review (unlike training, cut, "
                  "several cells, nothing found); unreadable files are listed.")}
