"""The audit of a table from elsewhere, with the golden model, whose classes are ant, bee and cat."""
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.audit import shift
from classify.audit.examine import examine, home_metrics
from classify.audit.result import Audit, Judged
from classify.audit.run import audit
from classify.bundle import load_bundle
from classify.predict import predict
from featurize.errors import UserError
from featurize.table import TableInfo

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v1"
HOME = {"n": 90, "accuracy": .9, "balanced_accuracy": .99, "macro_f1": .9, "auroc": .99, "ece": .02, "coverage": .95,
        "review_share": .1, "intervals": {"balanced_accuracy": [.97, 1.0]}}


@pytest.fixture(scope="module")
def elsewhere() -> tuple[pd.DataFrame, TableInfo]:
    """Sixty rows; one feature is higher than at home by ten, some images belong to an unknown class."""
    frame, info = made_table((25, 20, 15), features=4, seed=5)
    frame["image_id"] = [f"elsewhere{i:07d}" for i in range(len(frame))]
    frame["nucleus_color_feature0"] += 10
    frame.loc[:3, "label"] = "wasp"
    return frame, info


@pytest.fixture(scope="module")
def result(elsewhere: tuple[pd.DataFrame, TableInfo]) -> Audit:
    return examine(load_bundle(GOLDEN), HOME, *elsewhere)


@pytest.fixture(scope="module")
def page(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("audit")
    shutil.copytree(GOLDEN / "model", folder / "run" / "model")
    (folder / "run" / "metrics.json").write_text(json.dumps(HOME))
    audit(folder / "run", *elsewhere, folder / "audit.html")
    return (folder / "audit.html").read_text(encoding="utf-8")


def judged_of(result: Audit) -> Judged:
    assert result.judged is not None
    return result.judged


def test_audit_links_to_nothing_outside_itself(page: str) -> None:
    addresses = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert addresses and all(a.startswith(("#", "data:")) for a in addresses)


def test_labels_that_the_model_does_not_know_are_named_and_left_out(result: Audit, page: str) -> None:
    assert dict(result.unknown) == {"wasp": 4} and len(judged_of(result).rows) == len(result.frame) - 4
    assert "Labels that the model does not know: wasp (4)." in page
    assert sum(c["n"] for c in judged_of(result).metrics["per_class"].values()) == len(judged_of(result).rows)


def test_predictions_are_those_of_the_command_predict(result: Audit) -> None:
    table = predict(result.bundle, result.frame, result.info)
    assert list(table["predicted"]) == list(result.table["predicted"])
    right = (table["predicted"] == table["label"])[result.frame["label"] != "wasp"]
    assert judged_of(result).metrics["accuracy"] == pytest.approx(right.mean())


def test_the_feature_that_was_moved_is_found(result: Audit) -> None:
    moved = result.shift.set_index("feature").loc["nucleus_color_feature0"]
    at = result.bundle.model.features.index("nucleus_color_feature0")
    assert moved["shift"] == pytest.approx((moved["here"] - moved["training"]) / result.bundle.novelty.space.scale[at])
    assert moved["shift"] > 2 and result.shift["feature"].iloc[0] == "nucleus_color_feature0"
    others = result.shift[result.shift["feature"] != "nucleus_color_feature0"]
    assert others["shift"].abs().max() < moved["shift"] / 3


def test_scores_at_home_stand_beside_those_here(page: str) -> None:
    assert "at home .990" in page and "lower than at home" in page


def test_without_labels_only_the_shift_is_shown(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = elsewhere
    audit(GOLDEN, frame.assign(label=None), info, tmp_path / "audit.html")
    page = (tmp_path / "audit.html").read_text(encoding="utf-8")
    assert 'id="shifted-features"' in page and 'id="novelty"' in page
    assert 'id="calibration"' not in page and "What the model called these images" in page


def test_images_that_the_model_was_trained_on_are_counted() -> None:
    bundle = load_bundle(GOLDEN)
    frame, info = made_table((5, 5, 5), features=4, seed=2)
    frame["image_id"] = bundle.train_ids[:15]
    assert examine(bundle, None, frame, info).trained_on.all()


def test_home_scores_are_found_beside_the_model_or_not_at_all(tmp_path: Path) -> None:
    assert home_metrics(tmp_path) is None
    (tmp_path / "model").mkdir()
    (tmp_path / "metrics.json").write_text('{"n": 3}')
    assert home_metrics(tmp_path) == {"n": 3} == home_metrics(tmp_path / "model")


def test_a_table_of_other_block_versions_is_refused(elsewhere: tuple[pd.DataFrame, TableInfo], tmp_path: Path) -> None:
    frame, info = elsewhere
    other = TableInfo.from_json(info.to_json().replace('"color": 2', '"color": 3'))
    with pytest.raises(UserError, match="color v3, the model expects v2"):
        audit(GOLDEN, frame, other, tmp_path / "audit.html")
    assert not (tmp_path / "audit.html").exists()


def test_calibration_slope_finds_the_temperature() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6000, 3)) * 2
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([rng.choice(3, p=row) for row in p])
    sharper = p ** 2 / (p ** 2).sum(axis=1, keepdims=True)
    assert shift.calibration_slope(y, p) == pytest.approx(1, abs=.08)
    assert shift.calibration_slope(y, sharper) == pytest.approx(.5, abs=.04)
    assert shift.overconfidence(y, sharper) > .05 > abs(shift.overconfidence(y, p))


def test_a_part_that_fails_is_told_apart() -> None:
    n = 60
    frame = pd.DataFrame({"site": ["old"] * 40 + ["new"] * 20, "split": None, "group": None,
                          "focus": np.linspace(0, 1, n)})
    right = np.array([True] * 40 + [False] * 15 + [True] * 5)
    truth = pd.Series(["a", "b"] * 30)
    groups = shift.subgroups(frame, truth, ["focus"], right, np.full(n, .9)).set_index(["by", "part"])
    assert groups.loc[("site", "new"), "against_rest"] == "worse"
    assert groups.loc[("site", "new"), "right"] == .25 and groups.loc[("focus", "low"), "n"] == 20
    assert groups.loc[("class", "a"), "against_rest"] == ""
