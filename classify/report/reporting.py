"""Reporting guidelines: what a run answers, with what its authors say in study.toml."""
from dataclasses import asdict

from classify.crosswalk.answers import Answer, crosswalk
from classify.crosswalk.run_evidence import REPORT, RunFacts, run_evidence
from classify.result import RunResult


def answers_of(result: RunResult, page: str = REPORT) -> list[Answer]:
    """Every item of every guideline; `page` is the name of the report. No test elsewhere was made yet."""
    metrics = {**result.scores.metrics, "suspects": result.suspects.metrics, "versions": result.versions}
    facts = RunFacts(metrics, asdict(result.settings), result.info.preset, tuple(result.info.blocks),
                     len(result.features), result.model or result.settings.model, len(result.stability) > 0)
    return crosswalk(result.study, run_evidence(facts, page), evaluated=False)
