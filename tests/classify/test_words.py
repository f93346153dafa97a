"""Words of experts: read, said out of fold, scored, and shown."""
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_run import made_run
from made_table import chest_table, made_table
from typer.testing import CliRunner

import classify.train
from classify.bundle import load_bundle, save_bundle
from classify.data.dataset import prepare
from classify.data.expert_words import Subject, read_words
from classify.evaluate.for_report import report_numbers
from classify.findings.predict import load_predictor
from classify.findings.train import train_findings
from classify.predict import predict
from classify.report.words import in_words, measured, words_of_image
from classify.report.write import write_report
from classify.result import RunResult
from classify.settings import TrainSettings
from classify.train import train
from classify.words.describe import classes_in_words, speaking_measurements
from classify.words.fit import out_of_fold
from classify.words.model import fit_words
from classify.words.say import say_words
from classify.words.score import word_scores
from cli import app
from featurize.errors import UserError
from featurize.table import TableInfo, write_table


def sheet(folder: Path, frame: pd.DataFrame, **columns: object) -> Path:
    pd.DataFrame({"file": frame["path"], **columns}).to_csv(folder / "words.csv", index=False)
    return folder / "words.csv"


def told_table(n: int = 45) -> tuple[pd.DataFrame, TableInfo, np.ndarray]:
    """A table, and a word that one measurement of the nucleus tells within each class."""
    frame, info = made_table((n, n, n))
    value = np.random.default_rng(3).normal(size=len(frame)).astype(np.float32)
    frame["nucleus_morphology_lobes"] = value
    return frame, TableInfo(**{**info.__dict__, "features": [*info.features, "nucleus_morphology_lobes"]}), value


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunResult:
    """Trained with words for the first two classes."""
    folder = tmp_path_factory.mktemp("words")
    frame, info, value = told_table()
    said = pd.Series(np.where(value > 0, "segmented", "round")).where(frame["label"] != "cat", "")
    path = sheet(folder, frame, nucleus_shape=said, granularity=np.where(frame["label"] == "ant", "yes", "no"),
                 label=frame["label"])
    settings = TrainSettings(jobs=1, folds=3, resamples=2, rounds=5, model="logistic", words=str(path))
    return train(frame, info, folder / "run", settings)


def test_words_are_read_by_path_and_columns_of_other_things_are_left_out(tmp_path: Path) -> None:
    frame, _ = made_table((20, 20))
    half = np.arange(len(frame)) % 2 == 0
    path = sheet(tmp_path, frame, size=np.where(half, "big", "small"), copy=frame["path"],
                 kind=frame["label"].str.upper(),
                 Label=np.where(half, "a", "b"), only="yes", number=np.arange(len(frame)),
                 rare=["odd", *["x", "y", ""] * 13])
    size, rare = read_words(path, frame)
    assert size.name == "size" and size.words == ("big", "small") and (size.y == np.where(half, 0, 1)).all()
    assert rare.words == ("x", "y") and rare.y[:5].tolist() == [-1, 0, 1, -1, 0]


def test_a_file_without_words_is_refused_by_name(tmp_path: Path) -> None:
    frame, _ = made_table((20, 20))
    with pytest.raises(UserError, match="words.csv has no column of words"):
        read_words(sheet(tmp_path, frame, number=np.arange(len(frame))), frame)


def test_a_word_is_said_by_a_model_that_saw_no_row_of_its_group() -> None:
    """Noise that is the same within a group: only a model that saw the group can tell its word."""
    rng, group = np.random.default_rng(0), np.repeat(np.arange(30), 4)
    x = rng.normal(size=(30, 40))[group].astype(np.float32)
    subject = Subject("word", ("a", "b"), rng.integers(0, 2, 30)[group])
    (p,), fold = out_of_fold(x, [subject], np.zeros(len(x), np.int64), group, 5, 0)
    assert (p.argmax(axis=1) == subject.y).mean() < .75
    assert pd.Series(fold).groupby(group).nunique().max() == 1
    assert p.sum(axis=1) == pytest.approx(1)


def test_rows_without_a_word_get_one_and_teach_none() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(90, 3)).astype(np.float32)
    y = (x[:, 0] > 0).astype(np.int64)
    known = np.where(np.arange(90) % 3 > 0, y, -1)
    subjects = [Subject("word", ("a", "b"), known), Subject("other", ("c", "d"), np.arange(90) % 2)]
    (p, _), _ = out_of_fold(x, subjects, np.zeros(90, np.int64), np.arange(90), 3, 0)
    assert (p.argmax(axis=1) == y)[known < 0].mean() > .85 and p.sum(axis=1) == pytest.approx(1)


def test_a_word_that_the_other_folds_lack_has_probability_0() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2)).astype(np.float32)
    group = np.r_[np.zeros(6, np.int64), np.arange(1, 25)]
    y = np.r_[np.zeros(6, np.int64), np.ones(24, np.int64)]
    (p,), _ = out_of_fold(x, [Subject("word", ("a", "b"), y)], np.zeros(30, np.int64), group, 3, 0)
    assert (p[:6] == [0, 1]).all() and np.isfinite(p).all()


def test_images_of_one_group_are_refused() -> None:
    subject = Subject("word", ("a", "b"), np.arange(10) % 2)
    with pytest.raises(UserError, match="at least two groups"):
        out_of_fold(np.zeros((10, 2), np.float32), [subject], np.zeros(10, np.int64), np.zeros(10, np.int64), 5, 0)


def test_scores_by_hand() -> None:
    """Truth a a a b; said a a b b: recalls 2/3 and 1. Each class says its most frequent word in the other fold."""
    subject = Subject("word", ("a", "b"), np.array([0, 0, 0, 1, -1]))
    p = np.array([[.9, .1], [.8, .2], [.4, .6], [.3, .7], [.5, .5]])
    scores = word_scores(subject, p, np.array([0, 0, 1, 1, 1]), np.array([0, 1, 0, 1, 0]))
    assert scores["n"] == 4 and scores["words"] == {"a": 3, "b": 1}
    assert scores["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert scores["macro_f1"] == pytest.approx((.8 + 2 / 3) / 2)
    assert scores["log_loss"] == pytest.approx(-np.log([.9, .8, .4, .7]).mean())
    # Row 2 is told b by row 3 of its class, and row 3 a by row 2.
    assert scores["class_only"]["balanced_accuracy"] == pytest.approx(1 / 3)


def test_the_measurement_that_speaks_for_a_word_is_of_its_region_and_name() -> None:
    """Of equally good columns, the one of the nucleus; of all, the one called a ratio."""
    y = np.arange(40) % 2
    clear, noisy = y + .1 * np.arange(40) / 40, np.where(np.arange(40) < 8, 1 - y, y) * 1.0
    # "saturation" holds the letters of "ratio", but not as a part of its own.
    x = pd.DataFrame({"cell_morphology_solidity": clear, "nucleus_morphology_lobes": -noisy,
                      "nucleus_morphology_nc_ratio": noisy, "nucleus_color_saturation_mean": clear,
                      "nucleus_haralick_gray_d1_contrast": clear})
    x.loc[:9, "nucleus_morphology_lobes"] = np.nan
    found = speaking_measurements(x, [Subject("nucleus_shape", ("a", "b"), y), Subject("n_c_ratio", ("a", "b"), y),
                                      Subject("size", ("a", "b"), y)], ["morphology", "haralick", "color"], "cell")
    assert found["feature"].tolist() == [*["nucleus_morphology_lobes"] * 2, *["nucleus_morphology_nc_ratio"] * 2,
                                         *["cell_morphology_solidity"] * 2]
    assert found["direction"].tolist() == ["higher", "lower", "lower", "higher", "lower", "higher"]
    assert found["auroc"].tolist() == pytest.approx([1, 1, .8, .8, 1, 1])
    assert found["median"].iloc[3] == 1 and found["median_of_others"].iloc[3] == 0


def test_a_class_is_described_by_the_words_that_it_has_more_often() -> None:
    y = np.repeat([0, 1, 2, -1], 10)
    words = np.r_[np.zeros(9), 1, np.ones(10), np.full(10, -1), np.zeros(10)].astype(np.int64)
    found = classes_in_words([Subject("shape", ("round", "long"), words)], y, ("a", "b", "c"))
    assert found["class"].tolist() == ["a", "b"] and found["word"].tolist() == ["round", "long"]
    assert found["share"].tolist() == pytest.approx([.9, 1]) and found["n"].tolist() == [10, 10]
    assert found["share_of_others"].tolist() == pytest.approx([0, .1])


def test_a_run_writes_words_of_images_whose_class_experts_described(run: RunResult) -> None:
    table = pd.read_csv(run.out / "words.csv", dtype=str, keep_default_na=False)
    predicted = pd.read_csv(run.out / "predictions.csv")["predicted"]
    truth = np.where(run.frame["nucleus_morphology_lobes"] > 0, "segmented", "round")
    assert (table["nucleus_shape"] == truth).mean() > .8
    assert (table["nucleus_shape_expert"] == "").equals(run.frame["label"] == "cat")
    metrics = json.loads((run.out / "metrics.json").read_text())["words"]
    assert set(metrics["subjects"]) == {"nucleus_shape", "granularity"}
    assert metrics["subjects"]["nucleus_shape"]["n"] == 90
    assert metrics["subjects"]["granularity"]["class_only"]["balanced_accuracy"] == 1
    assert len(predicted) == len(table)


def test_images_of_a_class_without_words_get_none(tmp_path: Path) -> None:
    frame, info, value = told_table(20)
    few = frame["label"] != "cat"
    said = pd.Series(np.where(value > 0, "lobed", "round")).where(few, "")
    settings = TrainSettings(words=str(sheet(tmp_path, frame, nucleus_shape=said)), folds=3)
    data, _ = prepare(frame, info, settings)
    table = say_words(data, data.task.y, 3, 0).table
    for column in ("nucleus_shape", "nucleus_shape_probability"):
        assert (table[column].isna() == ~few).all()


def test_the_model_and_its_predictions_do_not_read_the_words(run: RunResult, tmp_path: Path,
                                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classify.train, "write_report", lambda path, result, numbers: path.write_text(""))
    plain = train(run.frame, run.info, tmp_path / "run", replace(run.settings, words=""))
    for name in ("predictions.csv", "model/weights.json"):
        assert (plain.out / name).read_bytes() == (run.out / name).read_bytes()
    with np.load(plain.out / "model/arrays.npz") as own, np.load(run.out / "model/arrays.npz") as told:
        assert {name for name in told.files if not name.startswith("words_")} == set(own.files)
        for name in own.files:
            np.testing.assert_array_equal(own[name], told[name])
    assert not (plain.out / "words.csv").exists()


def test_the_page_says_words_of_classes_images_and_measurements(run: RunResult) -> None:
    page = (run.out / "report.html").read_text(encoding="utf-8")
    assert 'href="#words-of-experts"' in page and 'id="words-of-experts"' in page
    content = in_words(run)
    assert content is not None and "No word is typical of" not in content["sentence"]
    assert "described no image" not in content["sentence"]
    rows = [[given["text"] for given in row][:2] for row in content["measurements"]["rows"]]
    told = [row[1] for row in rows if row[0] == "granularity"]
    assert told in (["yes, not no"], ["no, not yes"]), "one row for two words"
    ant = next(c for c in content["classes"] if c["name"] == "ant")
    assert "granularity yes in 100\xa0% (other classes 0\xa0%)" in ant["text"]
    image = words_of_image(run, int(np.flatnonzero(run.words.table["nucleus_shape"].notna())[0]))
    assert image is not None and "nucleus shape" in image["text"] and "lobes of the nucleus" in str(image["table"])


@pytest.mark.parametrize("value, told, tone", [
    (3.0, "lobes of the nucleus: 3, speaks for it (with the word 3, else 1)", ""),
    (1.2, "lobes of the nucleus: 1.20, speaks against it (with the word 3, else 1)", "bad"),
    (np.nan, "lobes of the nucleus: not measured here (with the word 3, else 1)", "")])
def test_a_measurement_that_contradicts_a_word_is_not_called_its_evidence(value: float, told: str, tone: str) -> None:
    speaking = pd.Series({"feature": "nucleus_morphology_lobes", "name": "lobes of the nucleus", "unit": "",
                          "median": 3.0, "median_of_others": 1.0})
    found = measured(pd.DataFrame({"nucleus_morphology_lobes": [value]}), 0, speaking)
    assert (found["text"], found["tone"]) == (told, tone)


def test_classes_that_experts_did_not_describe_are_told_from_those_without_a_typical_word(run: RunResult) -> None:
    cats, named = run.frame["label"] == "cat", ["nucleus_shape_expert", "granularity_expert"]
    table, classes = run.words.table.copy(), run.words.classes
    table.loc[cats.to_numpy(), named] = np.nan
    few = replace(run.words, table=table, classes=classes[classes["class"] == "ant"])
    content = in_words(replace(run, words=few))
    assert content is not None
    assert content["sentence"].endswith(" Experts described no image of cat. No word is typical of bee.")


def test_a_page_without_words_has_no_section(tmp_path: Path) -> None:
    result = made_run(tmp_path, ("a", "b", "c"), pictures=False)
    write_report(tmp_path / "report.html", result, report_numbers(result))
    assert "words-of-experts" not in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert words_of_image(result, 0) is None


def test_several_findings_take_no_words(tmp_path: Path) -> None:
    frame, info = chest_table()
    with pytest.raises(UserError, match="--words is for tasks of one class an image"):
        train_findings(frame, info, tmp_path / "run", TrainSettings(words="words.csv"))


def test_the_command_takes_words_and_names_a_file_that_is_not_there(tmp_path: Path) -> None:
    frame, info = made_table((20, 20))
    write_table(frame, info, tmp_path / "t.parquet")
    told = CliRunner().invoke(app, ["classify", str(tmp_path / "t.parquet"), "-o", str(tmp_path / "run"), "--words",
                                    str(tmp_path / "none.csv")])
    assert isinstance(told.exception, UserError) and "none.csv" in str(told.exception)
    assert not (tmp_path / "run").exists()


def test_a_saved_run_says_words_of_new_images(run: RunResult, tmp_path: Path) -> None:
    frame, info, value = told_table()
    bundle = load_bundle(run.out)
    new = frame.assign(image_id=[f"new{k}" for k in range(len(frame))], sha256=[f"new{k}" for k in range(len(frame))])
    plain, told = (predict(bundle, new, info, words=words) for words in (False, True))
    pd.testing.assert_frame_equal(plain, told[plain.columns])
    assert list(told.columns[len(plain.columns):]) == [
        "word_nucleus_shape", "word_nucleus_shape_probability", "word_granularity", "word_granularity_probability"]
    assert (told["word_nucleus_shape"] == np.where(value > 0, "segmented", "round")).mean() > .85
    # Of a class that no expert described nothing is said.
    assert bundle.words is not None
    fewer = predict(replace(bundle, words=replace(bundle.words, described=(0, 1))), new, info, words=True)
    cats = fewer["predicted"] == "cat"
    assert cats.any() and (fewer["word_nucleus_shape"].isna() == cats).all()
    assert (fewer["word_nucleus_shape_probability"].isna() == cats).all()
    # Read again, the models are the same.
    save_bundle(bundle, tmp_path / "model")
    pd.testing.assert_frame_equal(predict(load_bundle(tmp_path / "model"), new, info, words=True), told)


def test_words_of_a_run_without_words_are_refused(tmp_path: Path) -> None:
    frame, info = made_table((20, 20))
    train(frame, info, tmp_path / "run", TrainSettings(jobs=1, folds=2, resamples=2, rounds=5, model="logistic"))
    with pytest.raises(UserError, match="--words was given, and the run has none"):
        load_predictor(tmp_path / "run", words=True)


def test_words_of_test_rows_are_not_learned_from() -> None:
    frame, info, value = told_table()
    subject = Subject("nucleus_shape", ("round", "segmented"), (value > 0).astype(np.int64))
    x = frame[info.features].to_numpy(np.float32)
    known = np.arange(len(x)) % 3 > 0
    other = replace(subject, y=np.where(known, subject.y, 1 - subject.y))
    first, second = (fit_words(x, [s], np.zeros(len(x), np.int64), known, 0) for s in (subject, other))
    np.testing.assert_array_equal(first.models[0].linear.weights, second.models[0].linear.weights)
