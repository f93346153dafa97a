"""metrics.json of a run, changed key by key: an audit goes on or refuses the file in one line."""
import copy
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from classify.audit.run import audit
from classify.bundle import load_bundle
from classify.findings.audit_run import Asked, audit_findings
from classify.findings.bundle import load_findings
from classify.findings.result import FindingsResult
from classify.stored.metrics import read_metrics
from featurize.errors import UserError
from featurize.runtime.seal import unsealed
from made_table import made_table
from test_findings import chest_table, findings_run  # noqa: F401
from test_stages import stages_run  # noqa: F401

# What takes the place of a value.
OTHERS: tuple[Any, ...] = (None, "", "text", -1, 10 ** 400, 1e308, True, [], [[]], {}, {"x": 1}, [1, 2, 3],
                           float("nan"))
# Changes that are tried, of some thousands; one takes a part of a second.
SOME = int(os.environ.get("PELLUCID_METRICS_CHANGES", 30))


def places(content: Any, above: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Every key and entry, at every depth."""
    pairs = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in pairs:
        yield (*above, key)
        yield from places(value, (*above, key))


def changed(content: Any, place: tuple[str | int, ...], value: Any, remove: bool) -> Any:
    """A copy in which one key is gone or has another value."""
    content = copy.deepcopy(content)
    holder = content
    for key in place[:-1]:
        holder = holder[key]
    if remove:
        del holder[place[-1]]
    else:
        holder[place[-1]] = value
    return content


def some_changes(content: Any, seed: int) -> Iterator[tuple[str, Any]]:
    """Which change, and the changed content."""
    every = [(place, value, remove) for place in places(content)
             for value, remove in [(None, True), *((other, False) for other in OTHERS)]]
    rng = np.random.default_rng(seed)
    for number in rng.choice(len(every), min(SOME, len(every)), replace=False).tolist():
        place, value, remove = every[number]
        yield f"{place}: {'removed' if remove else repr(value)[:40]}", changed(content, place, value, remove)


def check(run: Path, content: Any, seed: int, read: Any) -> None:
    """No change ends in anything but an answer or one line that names the file; both occur."""
    outcomes = set()
    for what, other in some_changes(content, seed):
        (run / "metrics.json").write_text(json.dumps(other))
        try:
            read()
            outcomes.add("read")
        except UserError as error:
            assert "metrics.json of a run" in str(error) and "\n" not in str(error), what
            outcomes.add("refused")
        except Exception as error:
            raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    assert outcomes == {"read", "refused"}, outcomes


@pytest.mark.slow
@pytest.mark.parametrize("suffix", (".html", ".json"))
def test_a_run_of_one_class_an_image(stages_run: Any, suffix: str, tmp_path: Path) -> None:  # noqa: F811
    run = tmp_path / "run"
    shutil.copytree(stages_run.out, run)
    content = unsealed(json.loads((run / "metrics.json").read_text()))
    frame, info = made_table((5, 5, 5, 5), features=4, seed=7)
    check(run, content, 0, lambda: audit(run, frame, info, tmp_path / f"a{suffix}"))


@pytest.mark.slow
def test_a_run_of_several_findings(findings_run: FindingsResult, tmp_path: Path) -> None:  # noqa: F811
    run = tmp_path / "run"
    shutil.copytree(findings_run.out, run)
    content = unsealed(json.loads((run / "metrics.json").read_text()))
    frame, info = chest_table()
    check(run, content, 1, lambda: audit_findings(run, tmp_path / "t.parquet", frame, info, tmp_path / "a.json",
                                                  Asked()))
    assert load_findings(run) and load_bundle(run / "model" / "00_edema")


def test_the_file_of_a_run_as_it_is_and_of_an_older_version_is_read(tmp_path: Path) -> None:
    for content in ({}, {"n": 3, "accuracy": .5, "balanced_accuracy": .5}, {"n": 3}):
        (tmp_path / "metrics.json").write_text(json.dumps(content))
        assert read_metrics(tmp_path / "metrics.json") == content


@pytest.mark.parametrize("content, said", (
    ({"accuracy": .5, "n": 3}, "balanced_accuracy is missing"),
    ({"lineage": {"levels": [], "errors_inside": 1}}, "lineage.errors_across: field required"),
    ({"operating_point": {"class": "b", "threshold": "low"}}, "operating_point.threshold is 'low'"),
    ({"intervals": {"accuracy": [1]}}, r"intervals.accuracy is \[1\]"),
    ({"task": "multilabel", "findings": {"Edema": {}}}, r"findings.Edema.threshold")))
def test_the_key_that_is_wrong_is_named(content: dict[str, Any], said: str, tmp_path: Path) -> None:
    (tmp_path / "metrics.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=f"metrics.json is not the metrics.json of a run \\({said}"):
        read_metrics(tmp_path / "metrics.json")
