"""Reporting guidelines: what an audit answers, beside what the run and its authors do."""
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pandas as pd

from classify.audit.origin import origin
from classify.audit.result import Audit, Judged
from classify.audit.subgroups import PAIR
from classify.bundle import model_digest
from classify.crosswalk.answers import Evidence, Reporting, crosswalk
from classify.crosswalk.run_evidence import NEEDED, REPORT, RunFacts, run_evidence
from classify.crosswalk.study import read_kept, read_study
from classify.monitor.sentences import verdict
from classify.report.class_names import class_names, label_column, with_names
from classify.run_folder import STABILITY, STUDY
from classify.settings import TrainSettings
from featurize.report.numbers import count, interval, number, percent

# Ways to divide a table that the audit knows itself, besides the properties of the picture.
WAYS = ("class", "site", "split", "images in the group")
# Shift from which a feature counts as shifted, as on the page.
VISIBLE_SHIFT = .33


def reporting(model: Path, study: Path | None, result: Audit, out: Path) -> Reporting:
    """The items that the run, the audit and the authors answer.

    Parameters
    ----------
    model : Path
        The run folder, or the model folder in it.
    study : Path or None
        study.toml; else the one that was given to `classify`, if any.
    result : Audit
    out : Path
        What is written: the page or its numbers.

    Raises
    ------
    UserError
        study.toml cannot be read, or has an unknown key.
    """
    run, said = run_and_words(model, study)
    evidence = {**_of_run(run, result), **audit_evidence(result, out)}
    return Reporting(said, tuple(crosswalk(said, evidence, evaluated=True)))


def with_origin(model: Path, result: Audit) -> Audit:
    """The audit of a model, given as its run or model folder, with where the model comes from."""
    run, _ = _run_of(model)
    bundle = result.bundle
    found = origin(model_digest(model), bundle.settings, bundle.versions, bundle.model.features, run,
                   result.home or {}, _of_run(run, result))
    return replace(result, origin=found)


def run_and_words(model: Path, study: Path | None) -> tuple[Path, dict[str, str]]:
    """The run folder of a model, and what its authors said; parameters and errors as of `reporting`."""
    run, kept = _run_of(model)
    return run, read_study(study) if study else read_kept(kept) if kept.is_file() else {}


def _run_of(model: Path) -> tuple[Path, Path]:
    """The run folder of a model, and where it keeps what its authors said."""
    run = next((place for place in (model, model.resolve().parent) if (place / REPORT).is_file()), model)
    return run, run / STUDY


def on_page(found: Mapping[str, tuple[str, str]], out: Path) -> dict[str, Evidence]:
    """Sentences of an audit, given as name to (section of the page, sentence), with the place where they stand."""
    page = out.suffix.lower() == ".html"
    return {f"audit.{name}": Evidence(text, f"{out.name}#{anchor}" if page else out.name)
            for name, (anchor, text) in found.items()}


def _of_run(run: Path, result: Audit) -> dict[str, Evidence]:
    """Sentences of the run, where its metrics.json is there and not of an older version."""
    home, bundle = result.home or {}, result.bundle
    if not set(NEEDED) <= set(home):
        return {}
    settings = {**asdict(TrainSettings()), **bundle.settings}
    names = class_names(bundle.classes, settings["names"] or {}, label_column(result.info))
    shown = with_names(home, dict(zip(bundle.classes, names)))
    facts = RunFacts(shown, settings, bundle.preset, tuple(bundle.blocks), len(bundle.model.features),
                     bundle.model.description, (run / STABILITY).is_file())
    return run_evidence(facts, f"{run.resolve().name}/{REPORT}")


def audit_evidence(result: Audit, out: Path) -> dict[str, Evidence]:
    """Sentences of the audit, by the names that items.csv uses."""
    shifted = int((result.shift["shift"].abs() > VISIBLE_SHIFT).sum())
    found = {"model": ("at-a-glance", "Predictions were made by the saved model with `pellucid audit`, which checks "
                       "that the images were measured as those of training."),
             "shift": ("shifted-features", f"{number(shifted)} of {count(len(result.shift), 'measurement')} are "
                       "shifted by more than a third of a standard deviation; each is shown beside training.")}
    if result.judged is not None:
        found |= _of_judged(result.judged)
    people = _of_people(result)
    if people:
        found["people"] = ("subgroups", people)
    if result.sweep:
        broken = sum(bool(change.broken_at) for change in result.sweep.changes)
        found["sweep"] = ("changed-pictures", f"Images were changed in {count(len(result.sweep.changes), 'way')} at "
                          f"five strengths; in {number(broken)} a promise breaks.")
    if result.drift:
        found["drift"] = ("since-the-baseline", verdict(result.drift))
    if result.gains:
        found["gains"] = ("labels-from-here", "What labels from here would bring to the probabilities, by number of "
                          "labels.")
    return on_page(found, out)


def _of_people(result: Audit) -> str:
    """What was compared by the columns of --subgroups; "" without any: thirds of brightness are no groups of people."""
    if result.compared is None:
        return ""
    found = people_ways(result.compared, result.info.nuisance)
    if not found:
        return ""
    names, parts = ", ".join(found), result.compared[[bool(found.keys() & set(by.split(PAIR)))
                                                      for by in result.compared["by"]]]
    return (f"{count(len(parts), 'part or pair', 'parts and pairs')} by {names} were compared with the rest, counting "
            f"all comparisons (Holm): {number(int(parts['worse'].sum()))} worse.")


def people_ways(compared: pd.DataFrame, nuisance: Collection[str]) -> dict[str, None]:
    """The columns of --subgroups among the ways that a table of parts is divided by, in their order."""
    own = {*WAYS, *nuisance}
    return dict.fromkeys(name for by in compared["by"] for name in by.split(PAIR) if name not in own)


def _of_judged(judged: Judged) -> dict[str, tuple[str, str]]:
    scores: Mapping[str, Any] = judged.metrics
    told = ", ".join(f"{name} {interval(scores[key], *scores['intervals'][key])}" for key, name in
                     (("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy")))
    return {"external": ("scores-there-and-at-home", f"{count(scores['n'], 'labelled image')} of this table: {told} "
                         f"(95 % intervals by group), sets hold the truth in {percent(scores['coverage'])}."),
            "failures": ("single-images", f"{count(len(judged.wrong), 'image')} named wrongly; the surest are shown "
                         "with outlines.")}
