"""From a table to a run folder, and the saved model on tables again."""
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from scipy.special import log_softmax
from test_metrics_page import documented, keys_of

import classify.train
from classify.bundle import load_bundle
from classify.predict import check_compatible, predict
from classify.result import RunResult
from classify.run_folder import RUN_FOLDER
from classify.settings import TrainSettings
from classify.train import train
from featurize.errors import UserError
from featurize.table import TableInfo

QUICK = TrainSettings(jobs=1, folds=3, resamples=50, rounds=40)


@pytest.fixture(scope="module", autouse=True)
def no_report() -> Iterator[None]:
    """The page has tests of its own and takes longer than all the rest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(classify.train, "write_report", lambda path, result, numbers: path.write_text(result.task.kind))
        yield


# Number of classes and library.
RUNS = [(3, "xgboost"), pytest.param((2, "lightgbm"), marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=RUNS, ids=str)
def run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """A table with five unlabelled rows, trained."""
    k, library = request.param
    frame, info = made_table((50, 40, 30)[:k])
    frame.loc[:4, "label"] = None
    settings = TrainSettings(jobs=1, resamples=50, model=library)
    return train(frame, info, tmp_path_factory.mktemp("run") / "run", settings)


def test_every_labelled_row_is_predicted_out_of_fold_and_well(run: RunResult) -> None:
    table = pd.read_csv(run.out / "predictions.csv")
    assert len(table) == len(run.frame) and table["fold"].notna().sum() == len(run.frame) - 5
    assert run.scores.metrics["n"] == len(run.frame) - 5 and run.scores.metrics["accuracy"] > .7
    assert table.groupby("group")["fold"].nunique().max() == 1


def test_unlabelled_rows_have_a_prediction_and_neither_label_nor_fold(run: RunResult) -> None:
    table = pd.read_csv(run.out / "predictions.csv")
    rows = table.iloc[:5]
    assert rows[["label", "fold"]].isna().all().all() and rows["predicted"].notna().all()
    assert not run.predicted.held_out[:5].any()


def test_unlabelled_rows_are_predicted_as_the_saved_model_does(run: RunResult) -> None:
    reloaded = predict(load_bundle(run.out), run.frame, run.info)
    columns = [f"p_{c}" for c in run.task.classes]
    # The last bit of a sum of products depends on how many rows are multiplied at once.
    np.testing.assert_allclose(reloaded[columns].iloc[:5], run.predicted.table[columns].iloc[:5], rtol=1e-12)
    assert list(reloaded["prediction_set"].iloc[:5]) == list(run.predicted.table["prediction_set"].iloc[:5])


def test_predictions_have_the_promised_columns(run: RunResult) -> None:
    table = pd.read_csv(run.out / "predictions.csv")
    assert list(table.columns) == ["image_id", "path", "label", "group", "site", "split", "fold", "predicted",
                                   *(f"p_{c}" for c in run.task.classes), "prediction_set", "novelty", "review",
                                   "review_reason"]
    assert (table["review_reason"].notna() == table["review"]).all()
    p = table[[f"p_{c}" for c in run.task.classes]]
    np.testing.assert_allclose(p.sum(axis=1), 1, atol=1e-6)
    assert (table["predicted"] == [run.task.classes[i] for i in p.to_numpy().argmax(axis=1)]).all()
    assert all(row.predicted in row.prediction_set.split("|") for row in table.itertuples())
    assert table["novelty"].between(0, 1).all() and table["review"].dtype == bool


def test_every_key_of_the_metrics_stands_in_the_docs(run: RunResult) -> None:
    assert set(keys_of(json.loads((run.out / "metrics.json").read_text()))) <= documented()


def test_suspects_are_all_held_out_rows_most_suspect_first(run: RunResult) -> None:
    table = pd.read_csv(run.out / "suspects.csv")
    assert list(table.columns) == ["image_id", "path", "site", "label", "likely", "score", "flagged"]
    assert len(table) == len(run.frame) - 5 and table["score"].is_monotonic_decreasing
    told = pd.read_csv(run.out / "predictions.csv").set_index("image_id").loc[table["image_id"]]
    own = [told[f"p_{label}"].iloc[at] for at, label in enumerate(table["label"])]
    np.testing.assert_allclose(table["score"], 1 - np.array(own), atol=1e-6)
    assert (table["likely"].to_numpy() == told["predicted"].to_numpy()).all()


def test_metrics_have_the_promised_names(run: RunResult) -> None:
    found = json.loads((run.out / "metrics.json").read_text())
    assert {"task", "n", "classes", "accuracy", "balanced_accuracy", "macro_f1", "weighted_f1", "auroc", "log_loss",
            "brier", "ece", "coverage", "mean_set_size", "per_class", "intervals", "baselines"} <= set(found)
    assert set(found["baselines"]) == {"majority", "pca_logistic"}
    low, high = found["intervals"]["accuracy"]
    assert low <= found["accuracy"] <= high


def test_contributions_add_up_to_the_margins_of_the_reported_predictions(run: RunResult) -> None:
    explained = run.explanation
    np.testing.assert_array_equal(explained.rows, np.flatnonzero(run.predicted.held_out))
    np.testing.assert_allclose(explained.contributions.sum(axis=2), run.predicted.margins[explained.rows], atol=1e-4)


def test_the_model_never_sees_nuisances_and_constants(run: RunResult) -> None:
    features = load_bundle(run.out).model.features
    assert not {"whole_quality_focus", "cell_color_constant"} & set(features) and features == run.features
    assert any("were left out: cell_color_constant" in w for w in run.warnings)
    assert not any("were left out" in w for w in run.terminal_warnings) and run.terminal_warnings


def test_neighbours_are_training_rows_of_other_groups(run: RunResult) -> None:
    group, near = run.frame["group"].to_numpy(), run.predicted.neighbours
    assert (near >= 0).all() and not (group[near] == group[:, None]).any()
    fold = run.split.fold
    held_out = run.predicted.held_out
    assert (fold[near[held_out]] != fold[held_out][:, None]).all()
    assert (np.diff(run.predicted.neighbour_distances, axis=1) >= 0).all()


def test_curves_follow_every_fold_until_the_validation_loss_rises(run: RunResult) -> None:
    curves = pd.read_csv(run.out / "curves.csv")
    assert list(curves.columns) == ["fold", "round", "train_loss", "valid_loss"]
    assert sorted(set(curves["fold"])) == [0, 1, 2, 3, 4]
    for _, curve in curves.groupby("fold"):
        assert list(curve["round"]) == list(range(len(curve)))
        # Trees that start from good log-odds may find nothing to add.
        assert curve["valid_loss"].min() <= curve["valid_loss"].iloc[0] < 1.1 * np.log(len(run.task.classes))
        # A fit stops some rounds after its best one; on the rows that it learns from the loss falls all the while.
        assert curve["valid_loss"].argmin() < len(curve) - 1
        assert curve["train_loss"].iloc[-1] <= 1.01 * curve["train_loss"].min() < curve["valid_loss"].min()


@pytest.mark.slow
@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_the_curve_of_a_given_split_holds_the_loss_of_the_saved_model_on_val(library: str, tmp_path: Path) -> None:
    """Expected: mean negative log of the probability of the truth, from the margins of the saved model."""
    frame, info = given_split()
    run = train(frame, info, tmp_path / "run", replace(QUICK, model=library))
    val = run.split.part == "val"
    loss = -log_softmax(run.predicted.margins[val], axis=1)[np.arange(val.sum()), run.task.y[val]].mean()
    curves = pd.read_csv(tmp_path / "run/curves.csv")
    assert curves["valid_loss"].iloc[load_bundle(run.out).model.rounds - 1] == pytest.approx(loss, rel=1e-4)


def test_the_library_is_named_with_what_its_trees_start_from(run: RunResult) -> None:
    assert run.model == f"{run.settings.model} from linear log-odds"


def test_the_folder_holds_no_pickle(run: RunResult) -> None:
    names = {p.name for p in run.out.rglob("*") if p.is_file()}
    trees = "trees.ubj" if run.settings.model == "xgboost" else "trees.txt"
    assert names == {"predictions.csv", "metrics.json", "curves.csv", "suspects.csv", "report.html", "crosswalk.csv",
                     "timings.json", "manifest.json", "arrays.npz", "start.json", trees}
    assert not [p for p in run.out.parent.iterdir() if p != run.out], "nothing is left beside it"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes(run: RunResult, tmp_path: Path) -> None:
    repeated = train(run.frame, run.info, tmp_path / "repeated", run.settings)
    for name in ("predictions.csv", "metrics.json", "curves.csv", "model/manifest.json", "model/arrays.npz"):
        assert (run.out / name).read_bytes() == (repeated.out / name).read_bytes(), name


def given_split(group: bool = True) -> tuple[pd.DataFrame, TableInfo]:
    frame, info = made_table((60, 60, 60))
    frame["split"] = np.array(["train", "train", "train", "val", "test"])[
        frame["group"].str[3:].astype(int) % 5 if group else np.arange(len(frame)) % 5]
    return frame, info


@pytest.mark.slow
def test_with_a_given_split_every_row_is_predicted_by_the_saved_model(tmp_path: Path) -> None:
    frame, info = given_split()
    run = train(frame, info, tmp_path / "run", QUICK)
    reloaded = predict(load_bundle(tmp_path / "run"), frame, info)
    pd.testing.assert_frame_equal(reloaded.drop(columns=["fold", "trained_on"]),
                                  run.predicted.table.drop(columns="fold"))
    assert (reloaded["trained_on"] == (frame["split"] == "train")).all()
    table = pd.read_csv(tmp_path / "run/predictions.csv")
    assert (table["fold"].notna() == (table["split"] == "test")).all()
    assert run.scores.metrics["n"] == (frame["split"] == "test").sum() == len(run.explanation.rows)


@pytest.mark.parametrize("rows", [pytest.param(22, marks=pytest.mark.slow), pytest.param(60, marks=pytest.mark.slow)])
def test_the_share_for_review_at_home_forecasts_that_of_new_images(rows: int, tmp_path: Path) -> None:
    """With 22 rows a class all rows at home were for review, and 4 of 10 new ones."""
    frame, info = made_table((rows + 100,) * 3, group_size=1, spread=1.6)
    home = frame.groupby("label").cumcount() < rows
    run = train(frame[home], info, tmp_path / "run", QUICK)
    new = predict(load_bundle(run.out), frame[~home], info)
    expected, found = run.scores.metrics["review_share"], new["review"].mean()
    error = np.sqrt(found * (1 - found) * (1 / (3 * rows) + 1 / 300))
    assert abs(expected - found) < 3 * error, (expected, found)
    assert found < .9
    for reason in ("set", "novel"):
        share = new["review_reason"].str.contains(reason).mean()
        error = np.sqrt(max(share, .05) * (1 - share) * (1 / (3 * rows) + 1 / 300))
        assert abs(run.scores.metrics["review"]["by_reason"][reason] - share) < 3.5 * error, reason


@pytest.mark.slow
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_is_trained_saved_and_explained_like_trees(classes: int, tmp_path: Path) -> None:
    frame, info = made_table((50, 40, 30)[:classes])
    run = train(frame, info, tmp_path / "run", replace(QUICK, model="logistic"))
    assert {path.name for path in (run.out / "model").iterdir()} == {"manifest.json", "arrays.npz", "weights.json"}
    assert run.scores.metrics["accuracy"] > .7 and not len(run.curves)
    found = predict(load_bundle(run.out), frame, info, explain=True)
    assert (found["predicted"] == frame["label"]).mean() >= run.scores.metrics["accuracy"] - .02
    assert found["because_1"].str.match(r".+=.+ [(][+-].+[)]").all()
    rows = run.explanation.rows
    np.testing.assert_allclose(run.explanation.contributions.sum(axis=2), run.predicted.margins[rows], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("folds", marks=pytest.mark.slow), "given"])
def test_the_operating_point_keeps_a_stated_sensitivity_and_is_saved(kind: str, tmp_path: Path) -> None:
    frame, info = made_table((120, 120), group_size=1, spread=3.)
    if kind == "given":
        frame["split"] = np.array(["train", "val", "test"], dtype=object)[np.arange(240) % 3]
    run = train(frame, info, tmp_path / "run", replace(QUICK, model="logistic", sensitivity=.9))
    point, saved = run.scores.metrics["operating_point"], load_bundle(run.out).operating_point
    assert saved is not None and (point["class"], point["threshold"]) == ("bee", saved.threshold)
    assert point["chosen_by"] == "sensitivity" and point["wanted_sensitivity"] == .9
    # Standard error of the sensitivity of 120 or 40 rows, and of the threshold by as many: .04 or .07.
    assert point["sensitivity"] == pytest.approx(.9, abs=.1 if kind == "folds" else .18)
    assert 0 < point["specificity"] < 1


def test_a_sensitivity_that_nothing_can_have_and_more_than_two_classes_are_refused(tmp_path: Path) -> None:
    frame, info = made_table((20, 20, 20))
    with pytest.raises(UserError, match="--sensitivity 1.2: a share from 0 to 1 is wanted"):
        train(frame, info, tmp_path / "run", replace(QUICK, sensitivity=1.2))
    with pytest.raises(UserError, match="--sensitivity needs two classes, the table has 3"):
        train(frame, info, tmp_path / "run", replace(QUICK, sensitivity=.9))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folds", "given"])
def test_the_promise_of_few_errors_is_saved_and_kept(kind: str, tmp_path: Path) -> None:
    frame, info = made_table((200, 200), group_size=1, spread=1.4)
    if kind == "given":
        frame["split"] = np.array(["train", "val", "test"], dtype=object)[np.arange(400) % 3]
    run = train(frame, info, tmp_path / "run", replace(QUICK, model="logistic", accept_error=.05))
    told, saved = run.scores.metrics, load_bundle(run.out).review
    assert saved.accepted == run.accepted and saved.accepted is not None and saved.accepted.kept
    assert not saved.by_set and saved.least_probability == saved.accepted.threshold
    kept = ~run.predicted.table["review"].to_numpy()
    if kind == "folds":
        assert kept.sum() == saved.accepted.images and told["review"]["errors_kept"] <= saved.accepted.bound <= .05
    reloaded = predict(load_bundle(run.out), run.frame, run.info)
    sure = reloaded[[f"p_{c}" for c in run.task.classes]].max(axis=1) >= saved.accepted.threshold
    assert (sure | reloaded["review"]).all()
    assert json.loads((run.out / "metrics.json").read_text())["accepted_error"]["images"] == saved.accepted.images


@pytest.mark.slow
def test_a_promise_that_cannot_be_kept_sends_everything_to_a_person_if_it_was_asked_for(tmp_path: Path) -> None:
    frame, info = made_table((24, 24), group_size=1)
    asked = train(frame, info, tmp_path / "asked", replace(QUICK, model="logistic", folds=2, accept_error=.01))
    assert asked.predicted.table["review"].all() and "calibrating images would do" in " ".join(asked.warnings)
    usual = train(frame, info, tmp_path / "usual", replace(QUICK, model="logistic", folds=2))
    assert not usual.predicted.table["review"].all() and usual.accepted is not None and not usual.accepted.kept
    assert not any("promise" in line for line in usual.warnings)
    with pytest.raises(UserError, match="--accept-error 0.7: a share of errors from 0 to 0.5 is wanted"):
        train(frame, info, tmp_path / "wrong", replace(QUICK, accept_error=.7))


@pytest.mark.slow
def test_leaks_of_a_given_split_are_the_first_warning(tmp_path: Path) -> None:
    frame, info = given_split(group=False)
    run = train(frame, info, tmp_path / "run", replace(QUICK, drop_leaks=True))
    assert "stand on several sides of the given split" in run.warnings[0] and len(run.split.leaks) > 0
    train_groups = set(frame["group"][run.split.part == "train"])
    assert not train_groups & set(frame["group"][run.split.part == "test"])


@pytest.mark.slow
def test_progress_is_reported_from_nothing_to_almost_all(tmp_path: Path) -> None:
    frame, info = made_table((40, 40))
    reported: list[tuple[str, float]] = []
    train(frame, info, tmp_path / "run", QUICK, lambda stage, share: reported.append((stage, share)))
    shares = [share for _, share in reported]
    assert shares[0] == 0 and shares == sorted(shares) and .8 < shares[-1] <= 1
    assert {"fit", "calibrate", "report"} <= {stage for stage, _ in reported}


@pytest.mark.slow
def test_a_nuisance_that_knows_the_label_is_a_warning(tmp_path: Path) -> None:
    frame, info = made_table((50, 50))
    frame["whole_quality_focus"] += (frame["label"] == "ant") * np.float32(4)
    run = train(frame, info, tmp_path / "run", QUICK)
    assert run.scores.shortcuts["score"].iloc[0] > .9
    assert run.warnings[0].startswith("properties of the picture (most of all whole_quality_focus) tell the label")


@pytest.mark.slow
def test_sites_that_go_with_the_label_are_a_warning(tmp_path: Path) -> None:
    frame, info = made_table((50, 50))
    frame["site"] = np.where((frame["label"] == "ant") ^ (np.arange(100) % 8 == 0), "east", "west")
    run = train(frame, info, tmp_path / "run", QUICK)
    assert any("tell the site" in w and "Cramer" in w for w in run.warnings)


@pytest.mark.parametrize("change, message", [
    (dict(model="forest"), "--model forest"), (dict(calibration="beta"), "--calibration beta"),
    (dict(alpha=.9), "--alpha 0.9"), (dict(folds=1), "--folds 1"), (dict(task="ordinal"), "add --order"),
    (dict(folds=40), "use --folds 20")])
def test_wrong_settings_are_one_line_and_write_nothing(change: dict[str, object], message: str, tmp_path: Path) -> None:
    frame, info = made_table((40, 40))
    with pytest.raises(UserError, match=message):
        train(frame, info, tmp_path / "run", replace(QUICK, **change))  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_a_folder_of_somebody_else_is_left_alone_also_where_it_holds_a_metrics_json(tmp_path: Path) -> None:
    frame, info = made_table((40, 40))
    (tmp_path / "run").mkdir()
    (tmp_path / "run/thesis.docx").write_text("years of work")
    (tmp_path / "run/metrics.json").write_text("{}")
    with pytest.raises(UserError, match="holds files that Pellucid did not write"):
        train(frame, info, tmp_path / "run", QUICK)
    assert (tmp_path / "run/thesis.docx").read_text() == "years of work"
    assert (tmp_path / "run/metrics.json").read_text() == "{}"


@pytest.mark.slow
def test_a_new_run_replaces_an_old_one_and_leaves_the_notes_in_it(run: RunResult, tmp_path: Path) -> None:
    shutil.copytree(run.out, tmp_path / "run")
    (tmp_path / "run/notes.txt").write_text("mine")
    frame, info = made_table((40, 40))
    train(frame, info, tmp_path / "run", replace(QUICK, model="lightgbm"), perturbed=frame.iloc[:20])
    assert (tmp_path / "run/notes.txt").read_text() == "mine"
    written = {path.relative_to(tmp_path / "run").as_posix() for path in (tmp_path / "run").rglob("*")}
    # words.csv is written with --words only, study.json with --study.
    of_others = {"model/trees.ubj", "model/weights.json", "model/fingerprints.npz", "words.csv", "study.json"}
    assert written - {"notes.txt", "model"} == RUN_FOLDER.files - of_others, "every file is in the list"


def test_extra_columns_are_fine_and_missing_ones_are_named(run: RunResult) -> None:
    bundle = load_bundle(run.out)
    more = predict(bundle, run.frame.assign(cell_color_new=np.float32(1)), run.info)
    assert len(more) == len(run.frame)
    with pytest.raises(UserError, match=f"the first is '{run.features[3]}'"):
        predict(bundle, run.frame.drop(columns=run.features[3]), run.info)


def test_a_table_of_another_block_version_is_refused_with_the_command_that_repairs_it(run: RunResult) -> None:
    other = replace(run.info, blocks={**run.info.blocks, "color": 1})
    with pytest.raises(UserError) as caught:
        predict(load_bundle(run.out), run.frame, other, name="features.parquet")
    first = next(c for c in run.features if "_color_" in c)
    assert str(caught.value) == ("features.parquet was made with color v1, the model expects v2: run `python cli.py "
                                 f"featurize` again (first differing column: {first})")


def test_a_table_without_a_family_of_the_model_is_refused(run: RunResult) -> None:
    versions = {name: v for name, v in run.info.blocks.items() if name != "morphology"}
    with pytest.raises(UserError, match="made without morphology, which the model reads: .*--preset cell"):
        check_compatible(load_bundle(run.out), replace(run.info, blocks=versions))


def test_a_table_of_another_preset_is_refused(run: RunResult) -> None:
    bundle = load_bundle(run.out)
    with pytest.raises(UserError, match="segment = tissue, the model expects cell"):
        check_compatible(bundle, replace(run.info, preset={**run.info.preset, "segment": "tissue"}))
    other = {**run.info.preset, "blocks": {**run.info.preset["blocks"], "color": {"bins": 4}}}
    with pytest.raises(UserError, match="other settings of color"):
        check_compatible(bundle, replace(run.info, preset=other))


def test_a_saved_model_adapts_to_a_laboratory_that_measures_everything_higher(run: RunResult) -> None:
    bundle, moved = load_bundle(run.out), run.frame.copy()
    columns = list(bundle.model.features)
    moved[columns] += np.float32(3)
    plain, adapted = (predict(bundle, moved, run.info, explain=True, adapt=adapt) for adapt in (False, True))
    right = [(found["predicted"] == moved["label"])[moved["label"].notna()].mean() for found in (plain, adapted)]
    assert right[1] > right[0] + .1 and adapted["adapted"].all() and "adapted" not in plain
    pd.testing.assert_series_equal(plain["novelty"], adapted["novelty"])
    assert (plain["because_1"] != adapted["because_1"]).any()
    with pytest.raises(UserError, match="--adapt was given 9 images of 'here'"):
        predict(bundle, moved.iloc[:9], run.info, adapt=True)


def test_explained_predictions_name_the_columns_that_decided(run: RunResult) -> None:
    found = predict(load_bundle(run.out), run.frame.iloc[:7], run.info, explain=True)
    assert list(found.columns[-5:]) == [f"because_{i}" for i in range(1, 6)]
    form = r"(nucleus|cell)_(color|morphology)_\w+=(nan|[-\d.e+]+) \([+-]\d+\.\d\d\)"
    assert found["because_1"].str.fullmatch(form).all()
