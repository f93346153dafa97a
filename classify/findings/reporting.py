"""Reporting guidelines of a model of several findings: what its run and an audit answer."""
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from classify.audit.examine import run_metrics
from classify.audit.reporting import on_page, people_ways, run_and_words
from classify.crosswalk.answers import Evidence, Reporting, crosswalk
from classify.crosswalk.run_evidence import REPORT, SIMPLER, RunFacts, run_evidence
from classify.findings.audit import FindingsAudit, mean_scores
from classify.findings.audit_sections import compared_sentence, gains_sentence, sweep_lead
from classify.findings.bundle import FindingModel
from classify.monitor.sentences import verdict
from classify.run_folder import STABILITY
from classify.settings import TrainSettings
from featurize.report.numbers import count, interval, number, percent, score, whole

# Sentences of a run with one class an image that say nothing true of several findings.
_NOT_TOLD = ("shortcuts", "suspects")


def findings_reporting(run: Path, study: Path | None, models: Sequence[FindingModel], result: FindingsAudit,
                       out: Path) -> Reporting:
    """The items that the run, the audit and the authors answer; parameters as of `classify.audit.reporting.reporting`.

    Raises
    ------
    UserError
        study.toml cannot be read, or has an unknown key.
    """
    place, said = run_and_words(run, study)
    home = run_metrics(place)
    evidence = {**(evidence_of_run(place, home, models) if home else {}), **_of_audit(result, out)}
    return Reporting(said, tuple(crosswalk(said, evidence, evaluated=True)))


def evidence_of_run(run: Path, home: Mapping[str, Any], models: Sequence[FindingModel]) -> dict[str, Evidence]:
    """Sentences of the run: those that hold for each of its models, and the scores of all of them.

    Parameters
    ----------
    run : Path
        The run folder.
    home : mapping
        Its metrics.json.
    models : sequence of FindingModel
    """
    first = models[0].bundle
    features = len({name for model in models for name in model.bundle.model.features})
    settings = {**asdict(TrainSettings()), **first.settings}
    plain = {"class_counts": {}, "accuracy": None, "auroc": None, **{k: v for k, v in home.items() if k != "auroc"}}
    facts = RunFacts(plain, settings, first.preset, tuple(first.blocks), features, first.model.description,
                     (run / STABILITY).is_file())
    page = f"{run.resolve().name}/{REPORT}"
    shared = {name: Evidence(given.sentence, given.where.partition("#")[0])
              for name, given in run_evidence(facts, page).items() if name.partition(".")[2] not in _NOT_TOLD}
    return {**shared, **{f"run.{name}": Evidence(text, page) for name, text in _own(home, settings).items()}}


def _own(home: Mapping[str, Any], settings: Mapping[str, Any]) -> dict[str, str]:
    findings: Mapping[str, Mapping[str, Any]] = home["findings"]
    told = "; ".join(f"{name} {number(of['positives'])}" for name, of in findings.items())
    each = "; ".join(f"{name} AUROC {interval(of['auroc'], *of['intervals']['auroc'])}, sensitivity "
                     f"{score(of['sensitivity'])}, specificity {score(of['specificity'])}"
                     for name, of in findings.items())
    simpler = pd.DataFrame([of.get("baselines") or {} for of in findings.values()], dtype=float).mean()
    beside = ", ".join(f"{SIMPLER.get(str(name), name)} {score(value)}" for name, value in simpler.items())
    methods = ", ".join(sorted({of["calibration"]["method"] for of in findings.values()}))
    errors = [of["ece"] for of in findings.values()]
    covered = "; ".join(f"{name} {percent(of['coverage'])}" for name, of in findings.items())
    return {
        "task": f"Whether each image has each of {count(len(findings), 'finding')}: {', '.join(findings)}.",
        "counts": f"Images with each finding, of {number(home['n'])}: {told}.",
        "ensemble": "One model a finding, no ensemble.",
        "performance": f"Held out (95 % intervals by group): mean AUROC {score(home['auroc'])}. {each}.",
        "baselines": f"Mean AUROC of simpler models on the same images: {beside or 'not known'}.",
        "calibration": f"Calibration by {methods}; expected calibration error from {score(min(errors))} to "
                       f"{score(max(errors))} by finding.",
        "output": f"A probability of each finding, a threshold ({home['threshold_rule']}), and a set (absent, present "
                  f"or both) that holds the truth in {whole(1 - settings['alpha'])} (found: {covered}); "
                  f"{percent(home['review_share'])} of the images go to a person."}


def _of_audit(result: FindingsAudit, out: Path) -> dict[str, Evidence]:
    found = {"model": ("at-a-glance", "Predictions were made by the saved models with `pellucid audit`, which checks "
                       "that the images were measured as those of training.")}
    if not result.labelled.empty:
        means = mean_scores(result.rows)
        at_home = f" (at home {score(means['home_auroc'])})" if np.isfinite(means["home_auroc"]) else ""
        found["external"] = ("findings-here-and-at-home", f"{count(len(result.labelled), 'finding')} in "
                             f"{count(len(result.frame), 'image')} of this table: mean AUROC {score(means['auroc'])}"
                             f"{at_home}; every finding with its intervals.")
    if result.compared is not None and people_ways(result.compared, result.info.nuisance):
        found["people"] = ("subgroups", compared_sentence(result))
    if result.sweeps:
        broken = sum(any(change.broken_at for change in own.changes) for own in result.sweeps.values())
        found["sweep"] = ("changed-pictures", f"{sweep_lead(result)} Of {count(len(result.sweeps), 'finding')} a "
                          f"promise breaks in {number(broken)}.")
    if result.gains:
        found["gains"] = ("labels-from-here", gains_sentence(result))
    if result.drift:
        found["drift"] = ("since-the-baseline", verdict(result.drift))
    return on_page(found, out)
