"""Images changed at five strengths: small squares, red or blue, in a given split; the model reads their mean colors."""
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_pictures import made_pictures

from classify.audit.examine import examine
from classify.audit.page.write import write_audit
from classify.audit.result import Audit
from classify.audit.run import audit
from classify.audit.warnings import warnings
from classify.bundle import load_bundle
from classify.settings import TrainSettings
from classify.sweep import run as sweep_run
from classify.sweep import score as score_module
from classify.sweep.choose import choose
from classify.sweep.choose import Remeasure
from classify.sweep.result import Scored, Sweep, SweptChange
from classify.sweep.run import IMAGES, check_sweep
from classify.sweep.score import first_broken, score, with_verdicts
from classify.sweep.section import section
from classify.sweep.sentences import lead, lines, mild_breaches, says
from classify.train import train
from featurize.batch import sweep as batch_sweep
from featurize.batch.sweep import measure_sweep
from featurize.errors import Stopped, UserError
from featurize.images.corrupt import CORRUPTIONS, STRENGTHS, LongerSides, corrupted
from featurize.index.build import Index, build_index, load
from featurize.pipeline import measure_picture
from featurize.presets.load import Preset, preset_from_dict
from featurize.run import measure_index
from featurize.table import TableInfo

CHANGES = ("white balance", "rotation")
# What depends on all comparisons of a sweep.
VERDICT = ("sets_p", "review_p", "sets_broken", "review_broken")


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Index, pd.DataFrame, TableInfo]:
    """Folder with a run, the index of the images, and their table."""
    folder = tmp_path_factory.mktemp("squares")
    made_pictures(folder)
    index = build_index([folder / "squares.npz"])
    frame, info, _ = measure_index(index, Preset("whole", "none", "whole", {"color": {"regions": ("whole",)}}), jobs=1)
    train(frame, info, folder / "run", TrainSettings(resamples=10, model="logistic"))
    return folder, index, frame, info


@pytest.fixture(scope="module")
def found(squares: tuple[Path, Index, pd.DataFrame, TableInfo]) -> Audit:
    """The audit of the model's own table with a sweep of two changes."""
    folder, index, frame, info = squares
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep_run, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in CHANGES})
        return audit(folder / "run", frame, info, folder / "audit.html", sweep_settings=Remeasure(index, IMAGES))


def sweep_of(found: Audit) -> Sweep:
    assert found.sweep is not None
    return found.sweep


def scored(**changed: object) -> Scored:
    sure = Scored("told", 100, 0, 1.0, (.96, 1), .99, .01, .98, (.94, .99), 1.1, .1, .01, (0, .04), .5, False, False)
    return replace(sure, **changed)


def test_only_the_test_part_of_a_given_split_is_swept(found: Audit) -> None:
    swept = sweep_of(found)
    assert swept.unchanged.n == 16 == (found.frame["split"] == "test").sum() and not swept.learned and not swept.note


def test_the_numbers_are_those_of_the_images_changed_by_hand(
        found: Audit, squares: tuple[Path, Index, pd.DataFrame, TableInfo]) -> None:
    _, index, frame, info = squares
    tested = frame[frame["split"] == "test"].reset_index(drop=True)
    ids = index.frame.set_index("path")["image_id"]
    rows = []
    for path in tested["path"]:
        picture = corrupted(load(index.sources[0], path), ids[path], "white balance", 4)
        rows.append(measure_picture(picture, preset_from_dict(info.preset)))
    by_hand = tested.drop(columns=[*info.features, *info.nuisance]).join(pd.DataFrame(rows, dtype=np.float32))
    y = tested["label"].astype(int).to_numpy()
    expected = score(found.bundle, by_hand, y, np.arange(len(y)), CORRUPTIONS["white balance"].words(4))
    verdict = {name: getattr(expected, name) for name in VERDICT}
    assert replace(sweep_of(found).changes[0].strengths[3], **verdict) == expected
    assert expected.accuracy < sweep_of(found).unchanged.accuracy, "the change must matter to this model"


def test_a_turned_picture_has_the_same_colors(found: Audit) -> None:
    turned = next(change for change in sweep_of(found).changes if change.name == "rotation")
    assert turned.strengths[-1].accuracy == sweep_of(found).unchanged.accuracy
    assert turned.strengths[-1].told == "90° either way"


def test_the_page_and_the_json_show_every_strength(found: Audit, squares: tuple[Path, Index, pd.DataFrame, TableInfo],
                                                   tmp_path: Path) -> None:
    page = (squares[0] / "audit.html").read_text(encoding="utf-8")
    assert 'id="changed-pictures"' in page and 'href="#changed-pictures"' in page
    assert page.count('class="pictures small"') == len(CHANGES)
    assert all(scored.told in page for change in sweep_of(found).changes for scored in change.strengths)
    assert not list(squares[0].glob("*.shards")), "nothing is left beside the page"
    write_audit(tmp_path / "plain.html", replace(found, sweep=None))
    assert 'id="changed-pictures"' not in (tmp_path / "plain.html").read_text(encoding="utf-8")


def test_json_holds_the_numbers_of_the_sweep(found: Audit, squares: tuple[Path, Index, pd.DataFrame, TableInfo],
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    folder, index, frame, info = squares
    monkeypatch.setattr(sweep_run, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in CHANGES})
    audit(folder / "run", frame, info, folder / "a.json", sweep_settings=Remeasure(index, IMAGES))
    read = json.loads((folder / "a.json").read_text(encoding="utf-8"))["sweep"]
    assert [change["name"] for change in read["changes"]] == list(CHANGES) and read["images"] == 16
    assert read["changes"][0]["strengths"][3]["accuracy"] == sweep_of(found).changes[0].strengths[3].accuracy


def test_gray_images_are_not_changed_in_color(squares: tuple[Path, Index, pd.DataFrame, TableInfo],
                                              monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder, index, frame, info = squares
    monkeypatch.setattr(sweep_run, "CORRUPTIONS", {name: CORRUPTIONS[name] for name in CHANGES})
    monkeypatch.setattr(sweep_run, "is_gray", lambda _: True)
    done = audit(folder / "run", frame, info, tmp_path / "a.json", sweep_settings=Remeasure(index, 4))
    assert [change.name for change in sweep_of(done).changes] == ["rotation"]


def test_a_stopped_sweep_goes_on_where_it_was(squares: tuple[Path, Index, pd.DataFrame, TableInfo], tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    folder, index, frame, info = squares
    monkeypatch.setattr(sweep_run, "CORRUPTIONS", {"rotation": CORRUPTIONS["rotation"]})
    done: list[int] = []
    measure = batch_sweep.measure

    def stopped_after_two(plain: object, chunks: object, task: object, execution: object) -> object:
        write = type(execution.shards).write  # type: ignore[attr-defined]

        def counted(self: object, number: int, chunk: object) -> None:
            if len(done) == 2:
                raise KeyboardInterrupt
            done.append(number)
            write(self, number, chunk)
        monkeypatch.setattr(type(execution.shards), "write", counted)  # type: ignore[attr-defined]
        return measure(plain, chunks, task, execution)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        patch.setattr(batch_sweep, "measure", stopped_after_two)
        with pytest.raises(Stopped, match="32 of 80 changed images are measured and kept in .*the same command again"):
            audit(folder / "run", frame, info, tmp_path / "a.json", sweep_settings=Remeasure(index, IMAGES))
    assert not (tmp_path / "a.json").exists() and len(list(tmp_path.glob("a.json.shards/*/*.npz"))) == 2
    done.clear()
    done.extend([-1] * 3)
    audit(folder / "run", frame, info, tmp_path / "a.json", sweep_settings=Remeasure(index, IMAGES))
    assert len(done) == 3 + 3, "three of five chunks were left to measure"
    assert not list(tmp_path.glob("*.shards"))


def test_images_that_cannot_be_measured_are_counted(found: Audit, squares: tuple[Path, Index, pd.DataFrame, TableInfo],
                                                    monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder, index, frame, info = squares
    monkeypatch.setattr(sweep_run, "CORRUPTIONS", {"rotation": CORRUPTIONS["rotation"]})
    monkeypatch.setattr(sweep_run, "measure_sweep", lambda *given: {
        step: table.iloc[3:] if step[1] == 2 else table.iloc[:0] if step[1] == 5 else table
        for step, table in measure_sweep(*given).items()})
    done = audit(folder / "run", frame, info, tmp_path / "a.json", sweep_settings=Remeasure(index, IMAGES))
    strengths = sweep_of(done).changes[0].strengths
    assert [(s.n, s.failed) for s in strengths] == [(16, 0), (13, 3), (16, 0), (16, 0), (0, 16)]
    rows = section(sweep_of(done))["changes"][0]["table"]["rows"]
    told = [row[1]["text"].partition(" (")[0] for row in rows]
    assert told == ["16", "16", "13, 3 not measured", "16", "16", "0, 16 not measured"]


def test_classes_are_chosen_evenly_and_what_a_rare_class_leaves_goes_to_others() -> None:
    y = np.array([0] * 50 + [1] * 30 + [2] * 4 + [-1] * 5)
    frame, none = pd.DataFrame({"split": [None] * len(y)}), np.zeros(len(y), bool)
    chosen = choose(frame, y, none, ~none, 24, 0)
    assert np.bincount(y[chosen.rows]).tolist() == [10, 10, 4] and not chosen.learned
    assert np.array_equal(chosen.rows, choose(frame, y, none, ~none, 24, 0).rows)
    assert not np.array_equal(chosen.rows, choose(frame, y, none, ~none, 24, 1).rows)


def test_images_that_the_model_knows_are_swept_only_where_there_are_no_others() -> None:
    y = np.arange(40) % 2
    known, found = np.arange(40) < 30, np.ones(40, bool)
    split = pd.DataFrame({"split": ["train"] * 30 + ["val"] * 5 + ["test"] * 5})
    assert choose(split, y, known, found, 100, 0).rows.tolist() == list(range(35, 40))
    assert choose(split.assign(split=None), y, known, found, 100, 0).rows.tolist() == list(range(30, 40))
    every = choose(split.assign(split=None), y, found, found, 100, 0)
    assert len(every.rows) == 40 and every.learned and "learned from all of these" in every.note
    lost = choose(split.assign(split=None), y, ~found, np.arange(40) >= 10, 100, 0)
    assert lost.note == (
        "10 labelled images of the table were not found among the images, or are copies of others.")


def test_a_table_without_its_images_is_refused(squares: tuple[Path, Index, pd.DataFrame, TableInfo], tmp_path: Path
                                               ) -> None:
    folder, index, frame, info = squares
    with pytest.raises(UserError, match="of 80 labelled images of the table, none is among the images"):
        audit(folder / "run", frame.assign(sha256="0"), info, tmp_path / "a.html",
              sweep_settings=Remeasure(index, IMAGES))
    with pytest.raises(UserError, match="measured with --masks"):
        check_sweep(info, frame.assign(mask="m.png"))
    with pytest.raises(UserError, match="holds no measurements of images"):
        check_sweep(replace(info, preset={**info.preset, "segment": "beats"}), frame)
    assert not list(tmp_path.iterdir())


def swept(*broken: tuple[int, ...]) -> Sweep:
    """Changes a, b, ..., whose sets are broken at the strengths given."""
    changes = []
    for name, at in zip("abcde", broken):
        strengths = tuple(scored(told=f"{s} px", sets_broken=s in at, coverage=.8 if s in at else .98)
                          for s in range(1, STRENGTHS + 1))
        changes.append(SweptChange(name, strengths, first_broken(strengths)))
    return Sweep(0, False, "", .95, .02, scored(), tuple(changes), None)  # type: ignore[arg-type]


def test_the_strength_at_which_a_promise_breaks_is_said_in_words() -> None:
    found = swept((), (3, 4, 5), (1,))
    assert [change.broken_at for change in found.changes] == [0, 3, 1]
    assert says(found.changes[1], found) == (
        "The promise breaks at strength 3 (3 px): the prediction sets hold the truth in 80.0\u00a0% of the images, not "
        "in 95\u00a0%. Up to strength 2 none is shown to break.")
    assert says(found.changes[0], found).startswith("No promise is shown to break up to strength 5 (5 px): 100")
    assert lines(found)[1:] == ["  breaks at strength 1: c", "  breaks at strength 3: b",
                                "  not shown to break at any strength: a"]
    review = replace(found.changes[0], broken_at=1, strengths=(scored(review_broken=True, errors_kept=.0512),) * 5)
    assert "of the answers that need no review 5.1\u00a0% are wrong, not at most 2.0\u00a0%" in says(review, found)


def test_mild_changes_that_break_a_promise_are_warned_of(found: Audit) -> None:
    broken = swept((2, 3, 4, 5), (3, 4, 5), ())
    assert list(mild_breaches(broken)) == ["a"]
    texts = [w["text"] for w in warnings(replace(found, sweep=broken))]
    assert "Mild changes of the picture break what the model promises: a." in texts
    already = replace(broken, unchanged=scored(sets_broken=True))
    assert not any("Mild changes" in w["text"] for w in warnings(replace(found, sweep=already)))


def test_the_sweep_changes_nothing_else_of_an_audit(found: Audit,
                                                    squares: tuple[Path, Index, pd.DataFrame, TableInfo]) -> None:
    folder, _, frame, info = squares
    plain = examine(load_bundle(folder / "run"), found.home, frame, info)
    assert plain.sweep is None and plain.table.equals(found.table)


def test_a_promise_is_broken_where_the_whole_interval_lies_below_it(found: Audit, monkeypatch: pytest.MonkeyPatch
                                                                    ) -> None:
    frame, y = found.frame.head(8), np.zeros(8, np.int64)
    assert found.bundle.conformal.alpha == pytest.approx(.05)
    for high, broken in ((.96, False), (.94, True)):
        monkeypatch.setattr(score_module, "grouped_wilson", lambda *_: (.8, high))
        assert score(found.bundle, frame, y, np.arange(8), "").sets_broken == broken


def test_verdicts_count_all_comparisons_of_the_sweep() -> None:
    """.01 alone is below .05; as one of 15 it is not. .003 is the third smallest: 13 x .003 = .039."""
    p = {"a": (.9, .01, .01, .01, .01), "b": (.8,) * 5, "c": (.9, .9, .003, .0001, .0001)}
    alone = tuple(SweptChange(name, tuple(scored(sets_p=value, sets_broken=value < .05) for value in own), 0)
                  for name, own in p.items())
    plain = Sweep(0, False, "", .95, None, scored(), alone, None)  # type: ignore[arg-type]
    found = with_verdicts({"": plain})[""]
    assert [change.broken_at for change in found.changes] == [0, 0, 3] and found.comparisons == 15
    assert [s.sets_p for s in found.changes[2].strengths] == pytest.approx([1, 1, 13 * .003, .0015, .0015])
    assert found.shown_from == .87 and "counting all 15 comparisons" in lead(found)
    assert "sets that hold the truth in 87.0\u00a0% or less" in lead(found)
    both = with_verdicts({"one": plain, "two": plain})
    assert [change.broken_at for change in both["one"].changes] == [0, 0, 4] and both["two"].comparisons == 30


def test_without_a_promise_of_few_errors_only_sets_are_compared(found: Audit) -> None:
    accepted = found.bundle.review.accepted
    steps = [s for change in sweep_of(found).changes for s in change.strengths]
    promised = accepted is not None and accepted.kept
    assert all(np.isfinite(s.sets_p) and np.isfinite(s.review_p) <= promised for s in steps)
    assert sweep_of(found).comparisons == sum(np.isfinite(p) for s in steps for p in (s.sets_p, s.review_p))


def test_lengths_are_told_in_pixels_of_these_pictures(squares: tuple[Path, Index, pd.DataFrame, TableInfo],
                                                      monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder, index, frame, info = squares
    monkeypatch.setattr(sweep_run, "CORRUPTIONS", {"blur": CORRUPTIONS["blur"]})
    side = int(frame["width_px"].iloc[0])
    done = audit(folder / "run", frame, info, tmp_path / "a.json", sweep_settings=Remeasure(index, 4))
    told = [s.told for s in sweep_of(done).changes[0].strengths]
    assert told[-1] == f"Gaussian, standard deviation {.022 * side:.2g} px (2.2 % of the longer side)"
    assert all("‰" not in kind.words(1, LongerSides(50, 2000)) for kind in CORRUPTIONS.values())
    assert CORRUPTIONS["defocus"].words(2, LongerSides(50, 2000, .0005)) == (
        "disk, radius 0.3 to 12 px, 0.15 to 6 µm (0.6 % of the longer side)")


@pytest.mark.parametrize("option", ["--sweep", "--maps", "--parts"])
def test_a_table_of_older_measurements_is_not_measured_again(
        option: str, squares: tuple[Path, Index, pd.DataFrame, TableInfo]) -> None:
    """Changed images would be measured in another way than the unchanged ones."""
    _, _, frame, info = squares
    check_sweep(info, frame, option)
    name, version = next(iter(info.blocks.items()))
    with pytest.raises(UserError, match=f"{option} measures images again with {name} v{version}, .* v{version + 1}"):
        check_sweep(replace(info, blocks={**info.blocks, name: version + 1}), frame, option)
