"""Does a model answer by the picture? A table of two classes whose subject is measured with noise, and a property."""
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table

from classify.audit.examine import examine
from classify.audit.export import to_json
from classify.audit.page.write import write_audit
from classify.audit.run import held_out
from classify.audit.shortcuts import evidence as evidence_module
from classify.audit.shortcuts.evidence import (ACQUITTED, CONVICTED, OPEN, Answers, Evidence, matched_share,
                                               one_sided, shortcut_evidence, verdict)
from classify.audit.shortcuts.inside_classes import explained_inside
from classify.audit.shortcuts.sentences import section, sentence
from classify.audit.warnings import warnings
from classify.bundle import load_bundle
from classify.fitting.augment import Perturbations

N = 240
FEATURES = [f"cell_color_feature{i}" for i in range(6)]
BLOCKINESS = "image_quality_blockiness"


class Case:
    """A table; `agreement` is the share of the images whose property is that of their class."""

    def __init__(self, agreement: float, follows: bool) -> None:
        rng = np.random.default_rng(0)
        self.y = np.arange(N) % 2
        has = np.where(rng.random(N) < agreement, self.y, 1 - self.y)
        x = self.y[:, None] * 1.2 + rng.normal(size=(N, 6))
        x[:, 5] = has + rng.normal(0, .2, N)
        self.x = pd.DataFrame(x.astype(np.float32), columns=FEATURES)
        self.frame = pd.DataFrame({"image_id": [f"{i:04d}" for i in range(N)], "path": "a.png", "group": None,
                                   "split": None, "duplicate_group": np.arange(N), "label": self.y.astype(str),
                                   BLOCKINESS: (has + rng.normal(0, .2, N)).astype(np.float32)})
        chance = np.random.default_rng(1).random(N)
        right = chance < (np.where(has == self.y, .97, .5) if follows else .9)
        called = np.where(right, self.y, 1 - self.y)
        self.answers = Answers(self.y, np.eye(2)[called] * .8 + .1, np.ones(N, bool), np.ones(6))
        # The last feature is the one that the recording changes.
        deltas = np.zeros((48, 6), np.float32)
        deltas[:, 5] = 2
        self.perturbations = Perturbations(np.arange(48), deltas)

    def evidence(self, **changed: object) -> Evidence:
        given = {"frame": self.frame, "x": self.x, "nuisance": [BLOCKINESS], "answers": self.answers,
                 "perturbations": self.perturbations, **changed}
        found, = shortcut_evidence(**given)  # type: ignore[arg-type]
        return found


@pytest.fixture(scope="module")
def followed() -> Evidence:
    return Case(.9, follows=True).evidence()


def test_a_model_that_follows_the_picture_is_convicted(followed: Evidence) -> None:
    assert followed.verdict == CONVICTED and followed.gain_counts and followed.p < .001
    assert followed.auroc > .85 and followed.right_with > .93 > .7 > followed.right_against
    assert followed.right_against < followed.matched < followed.right_with
    text = sentence(followed)
    assert text.startswith("Focus, noise and compression: convicted.") and "the model follows them" in text
    assert f"of {followed.n_against}." in text


def test_a_model_that_does_not_follow_the_picture_is_acquitted() -> None:
    found = Case(.9, follows=False).evidence()
    assert found.gain_counts and found.verdict == ACQUITTED
    assert "but the model does not follow them" in sentence(found)


def test_too_few_images_that_point_elsewhere_acquit_nobody() -> None:
    """Of Early and Pre leukemia with a planted hue 14 images pointed elsewhere, 11 of them right (.524 to .924), and
    306 to the truth, .961 of them right; by the hue alone the model was right in .978 of 271 and in .816 of 49.
    """
    assert verdict(.99, True, True, 14, .026, .961 - .524) == OPEN
    assert verdict(.96, True, True, 67, .91, .964 - .920) == ACQUITTED
    assert verdict(.99, True, True, 14, .001, .961 - .524) == CONVICTED
    found = replace(Case(.9, follows=False).evidence(), verdict=OPEN, n_against=14, n_with=306)
    text = sentence(found)
    assert "only 14 of 320 images" in text and "too few to exclude" in text and "taken, stained and saved alike" in text


def test_a_property_that_any_class_may_have_is_acquitted() -> None:
    found = Case(.5, follows=True).evidence()
    assert found.verdict == ACQUITTED and not found.gain_counts and found.auroc < .6
    assert "nothing that counts beyond what the measured subject explains" in sentence(found)


def test_where_every_image_has_the_property_of_its_class_the_question_is_open() -> None:
    found = Case(1, follows=True).evidence()
    assert found.gain_counts and found.n_against < 10 and found.verdict == OPEN
    assert "nothing tells whether the model follows them" in sentence(found)


def test_only_answers_to_images_that_the_model_did_not_learn_from_count() -> None:
    case = Case(.9, follows=True)
    found = case.evidence(answers=replace(case.answers, new=np.arange(N) < 30))
    assert found.n_with + found.n_against == 30
    assert case.evidence(answers=replace(case.answers, new=np.zeros(N, bool))).verdict == OPEN


def test_without_changed_copies_the_subject_is_not_known() -> None:
    """All features count as the subject's, the one that the property changes too: nothing is left to add."""
    case = Case(.9, follows=True)
    found = case.evidence(perturbations=None)
    assert found.verdict == (CONVICTED if found.gain_counts else OPEN)
    assert verdict(.9, False, False, 30, .5, .1) == OPEN and verdict(.55, True, False, 30, .001, .1) == ACQUITTED
    assert verdict(.9, False, True, 30, .5, .1) == ACQUITTED and verdict(.9, True, True, 30, .5, .1) == ACQUITTED


def test_without_an_outlined_subject_only_print_is_convicted() -> None:
    case = Case(.9, follows=True)
    found = case.evidence(segmented=False)
    assert found.verdict == OPEN and found.gain_counts and "no subject was outlined" in sentence(found)
    frame = case.frame.rename(columns={BLOCKINESS: "image_quality_print"})
    assert case.evidence(frame=frame, nuisance=["image_quality_print"], segmented=False).verdict == CONVICTED


def test_print_is_no_part_of_the_subject_even_without_copies() -> None:
    case = Case(.9, follows=True)
    frame = case.frame.rename(columns={BLOCKINESS: "image_quality_print"})
    found = case.evidence(frame=frame, nuisance=["image_quality_print"], perturbations=None)
    assert found.name == "print" and found.verdict == CONVICTED


def test_errors_where_the_properties_point_elsewhere_leave_it_open_if_the_subject_may_be_unusual() -> None:
    assert verdict(.9, False, True, 30, .001, .1) == OPEN
    found = replace(Case(.9, follows=False).evidence(), verdict=OPEN, gain_counts=False, n_against=31)
    assert "of 31) than elsewhere" in sentence(found) and "unusual subjects may be the reason" in sentence(found)


def test_few_labels_give_no_evidence() -> None:
    case = Case(.9, follows=True)
    y = np.where(np.arange(N) < 30, case.y, -1)
    y[y == 1] = np.where(np.arange((y == 1).sum()) < 5, 1, -1)
    assert shortcut_evidence(case.frame, case.x, [BLOCKINESS], replace(case.answers, y=y), None) == ()


def test_the_share_explained_inside_the_classes_leaves_their_difference_out() -> None:
    case = Case(.5, follows=True)
    explained = explained_inside(case.x, case.frame[[BLOCKINESS]], case.y)
    assert explained[5] > .5 and explained[:5].max() < .05
    constant = pd.DataFrame({"a": np.ones(N), "b": case.y.astype(float)})
    assert explained_inside(constant, case.frame[[BLOCKINESS]], case.y).tolist() == [0, 0]


def test_the_test_compares_inside_the_classes() -> None:
    """Class 1 is hard and mostly against: no sign of a shortcut, though fewer are right among those against."""
    y = np.repeat([0, 1], 200)
    against = np.tile(np.r_[np.ones(20, bool), np.zeros(180, bool)], 2)
    against[200:] = ~against[200:]
    right = np.where(y == 0, True, np.arange(400) % 2 == 0)
    assert right[against].mean() < right[~against].mean() - .3
    assert one_sided(right, against, ~against, y) > .3
    # By hand: of each class as many of both kinds: 20 + 20 of class 0, all right; 20 + 20 of class 1, half right.
    assert matched_share(right, against, ~against, y) == pytest.approx(.75)
    assert np.isnan(one_sided(right, np.zeros(400, bool), ~against, y))


def test_one_error_is_never_enough() -> None:
    """By hand: the only error of 100 images lies among 10: chance .1. A normal approximation says p = .001."""
    against, right = np.arange(100) < 10, np.arange(100) != 0
    assert one_sided(right, against, ~against, np.zeros(100, int)) == pytest.approx(.1)
    two = one_sided(np.tile(right, 2), np.tile(against, 2), ~np.tile(against, 2), np.repeat([0, 1], 100))
    assert two == pytest.approx(.01), "two classes with an error each: both among theirs"


def test_the_section_has_a_row_for_each_group(followed: Evidence) -> None:
    shown = section([followed], "cell")
    assert len(shown["sentences"]) == len(shown["table"]["rows"]) == 1
    assert shown["table"]["rows"][0][1]["text"] == "convicted"
    assert evidence_module.GROUPS["focus, noise and compression"][-1] == "blockiness"


def test_a_conviction_is_the_first_warning_and_stands_on_the_page_and_in_the_json(followed: Evidence, tmp_path: Path
                                                                                  ) -> None:
    frame, info = made_table((25, 20, 15), features=4, seed=5)
    golden = Path(__file__).parents[1] / "golden" / "model_v1"
    found = replace(examine(load_bundle(golden), None, frame.assign(image_id=frame["image_id"] + "x"), info),
                    shortcuts=(followed, replace(followed, name="lamp", verdict=ACQUITTED)))
    texts = [w["text"] for w in warnings(found) if w["text"].startswith("A shortcut.")]
    assert len(texts) == 1 and "Focus, noise and compression: convicted." in texts[0]
    write_audit(tmp_path / "a.html", found)
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert 'id="shortcuts"' in page and 'href="#shortcuts"' in page and "Lamp: acquitted." in page
    assert [group["verdict"] for group in to_json(found)["shortcuts"]] == [CONVICTED, ACQUITTED]
    write_audit(tmp_path / "b.html", replace(found, shortcuts=()))
    assert 'id="shortcuts"' not in (tmp_path / "b.html").read_text(encoding="utf-8")


def test_answers_out_of_fold_are_found_beside_the_model(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    frame = pd.DataFrame({"image_id": ["0a", "0b", "0c"]})
    assert np.isnan(held_out(tmp_path / "model", frame, ("ant", "bee"))).all()
    table = pd.DataFrame({"image_id": ["0b", "0a"], "fold": [0, np.nan], "p_ant": [.3, .9], "p_bee": [.7, .1]})
    table.to_csv(tmp_path / "predictions.csv", index=False)
    for place in (tmp_path, tmp_path / "model"):
        found = held_out(place, frame, ("ant", "bee"))
        assert found[1].tolist() == [.3, .7] and np.isnan(found[[0, 2]]).all()
    assert np.isnan(held_out(tmp_path, frame, ("ant", "cat"))).all()
