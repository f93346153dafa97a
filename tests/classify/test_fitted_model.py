"""A saved model that a few labelled images fit to another place."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.audit.fitted_model import FEWEST, check_fitted, fit_there
from classify.audit.labels_section import LabelledRows, lines
from classify.audit.run import audit
from classify.bundle import Bundle, load_bundle, save_bundle
from classify.data.columns import matrix
from classify.elsewhere.few_labels import fit_few, fitted
from classify.predict import apply_bundle
from classify.settings import TrainSettings
from classify.train import train
from classify.uncertainty.calibrate import Calibration
from featurize.arrays import Int64Array
from featurize.errors import UserError


@pytest.fixture(scope="module", params=[(60, 60, 60), (60, 60)], ids=["three classes", "two classes"])
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    out = tmp_path_factory.mktemp("home") / "run"
    train(*made_table(request.param), out, TrainSettings(folds=2, resamples=10))
    return load_bundle(out)


def there(bundle: Bundle, calibration: Calibration) -> tuple[Bundle, pd.DataFrame, Int64Array]:
    """The model with a calibration, and measurements and classes of another place."""
    frame, _ = made_table((30,) * len(bundle.classes), seed=3)
    x = matrix(frame, bundle.model.features)
    # The instrument there adds the same to every measurement.
    x = x + np.float32(.8)
    return replace(bundle, calibration=calibration), x, frame["label"].map(bundle.classes.index).to_numpy(np.int64)


@pytest.mark.parametrize("method", ["none", "temperature", "matrix"])
def test_the_fitted_model_gives_the_fitted_probabilities(method: str, bundle: Bundle, tmp_path: Path) -> None:
    k = len(bundle.classes)
    calibration = {"none": Calibration("none"), "temperature": Calibration("temperature", 1.7), "matrix": Calibration(
        "matrix", matrix=tuple(tuple(row) for row in (np.eye(k) * .6 + .05).tolist()), bias=(.3,) * (k - 1) + (-.2,))}
    home, x, y = there(bundle, calibration[method])
    before = apply_bundle(home, x)
    new = fit_there(home, LabelledRows(before.p, y, np.arange(len(y)), before.novelty))
    after = apply_bundle(new, x)
    np.testing.assert_allclose(after.p, fitted(fit_few(before.p, y), before.p), atol=1e-9)
    loss = [-np.log(p[np.arange(len(y)), y]).mean() for p in (before.p, after.p)]
    assert loss[1] < loss[0]
    assert after.sets[np.arange(len(y)), y].mean() >= .9
    assert (after.novelty > new.review.most_novelty).mean() <= .06 and new.batch is None and not new.review.accepted
    save_bundle(new, tmp_path / "there")
    np.testing.assert_allclose(apply_bundle(load_bundle(tmp_path / "there"), x).p, after.p)


def test_a_new_threshold_follows_the_rule_of_home(bundle: Bundle) -> None:
    home, x, y = there(bundle, Calibration("none"))
    found = apply_bundle(home, x)
    new = fit_there(home, LabelledRows(found.p, y, np.arange(len(y)), found.novelty)).operating_point
    if len(bundle.classes) > 2:
        assert new is None
    else:
        assert new and home.operating_point and new.rule == home.operating_point.rule
        assert new.threshold != home.operating_point.threshold


def test_few_labels_and_isotonic_steps_are_refused(bundle: Bundle) -> None:
    home, x, y = there(bundle, Calibration("isotonic"))
    p, novelty = np.full((len(y), len(bundle.classes)), 1 / len(bundle.classes)), np.zeros(len(y))
    with pytest.raises(UserError, match="isotonic steps"):
        fit_there(home, LabelledRows(p, y, np.arange(len(y)), novelty))
    few = FEWEST - 1
    with pytest.raises(UserError, match="at least 20 images of 5 groups"):
        fit_there(home, LabelledRows(p[:few], y[:few], np.arange(few), novelty[:few]))
    with pytest.raises(UserError, match="of 4 groups"):
        fit_there(home, LabelledRows(p, y, np.arange(len(y)) % 4, novelty))


def test_the_audit_tells_what_labels_bring_and_writes_the_model(bundle: Bundle, tmp_path: Path) -> None:
    frame, info = made_table((30,) * len(bundle.classes), seed=3)
    frame[list(bundle.model.features)] += np.float32(.8)
    frame["image_id"] = "other" + frame["image_id"]
    save_bundle(bundle, tmp_path / "home")
    found = audit(tmp_path / "home", frame, info, tmp_path / "a.html", fit_labels=(20, 10), fitted=tmp_path / "there")
    assert [gain.labels for gain in found.gains] == [10, 20] and "Labels from here" in (tmp_path / "a.html").read_text()
    assert lines(found.gains)[0].startswith("with 10 labels from here: accuracy ")
    assert load_bundle(tmp_path / "there").calibration.method == "matrix"
    with pytest.raises(UserError, match="--fit-labels 70 needs 90, because 20 are left to test on"):
        audit(tmp_path / "home", frame.iloc[:60], info, tmp_path / "b.html", fit_labels=(70,))
    with pytest.raises(UserError, match="no image of the table has a label"):
        audit(tmp_path / "home", frame.assign(label=None), info, tmp_path / "b.html", fitted=tmp_path / "b")
    assert not (tmp_path / "b.html").exists() and not (tmp_path / "b").exists()


def test_the_model_of_a_run_is_not_replaced(bundle: Bundle, tmp_path: Path) -> None:
    for name in ("home/model", "other/model"):
        save_bundle(bundle, tmp_path / name)
        (tmp_path / name).with_name("metrics.json").write_text("{}")
    for place in ("home", "home/model", "home/model/there", "other/model"):
        with pytest.raises(UserError, match="lies in a run folder, whose model would be replaced"):
            check_fitted(tmp_path / place, tmp_path / "home")
    check_fitted(tmp_path / "there", tmp_path / "home")
