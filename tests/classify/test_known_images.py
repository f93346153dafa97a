"""A training image is recognized as such also where it was saved anew; other images are not."""
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_table import made_table
from PIL import Image

from classify.audit.examine import examine
from classify.bundle import Bundle, load_bundle, save_bundle
from classify.findings.bundle import FindingModel, load_findings, save_findings
from classify.findings.predict import predict_findings
from classify.predict import predict
from classify.uncertainty.known_images import copies_of, fingerprints_of
from featurize.arrays import BoolArray
from featurize.errors import UserError
from featurize.index.fingerprints import fingerprint, from_text, to_text
from featurize.simulate.smears import KINDS, draw_cell

GOLDEN = Path(__file__).parents[1] / "golden" / "model_v3"
CELLS = [draw_cell(KINDS[n % 4], n).rgb for n in range(8)]


def saved_again(rgb: np.ndarray, side: int = 150) -> np.ndarray:
    """A picture made smaller and saved as JPEG."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).resize((side, side)).save(buffer, "JPEG", quality=70)
    return np.asarray(Image.open(buffer))


def table(pictures: list[np.ndarray]) -> pd.DataFrame:
    return pd.DataFrame({"fingerprint": to_text(np.stack([fingerprint(rgb) for rgb in pictures]))})


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """The golden model, as if trained on the first four cells."""
    return replace(load_bundle(GOLDEN), train_fingerprints=fingerprints_of(table(CELLS[:4])))


@pytest.fixture(scope="module")
def elsewhere() -> pd.DataFrame:
    """Measurements unlike any training image; every second picture is a training image saved again."""
    pictures = [picture for known, new in zip(CELLS[:4], CELLS[4:]) for picture in (saved_again(known), new)]
    frame, _ = made_table((3, 3, 2), features=4, seed=7)
    return frame.assign(image_id=[f"elsewhere{i:07d}" for i in range(8)], fingerprint=table(pictures)["fingerprint"])


COPIES = [True, False] * 4


def test_training_images_saved_again_are_copies_and_other_cells_are_not(bundle: Bundle, elsewhere: pd.DataFrame
                                                                        ) -> None:
    assert copies_of(bundle.train_fingerprints, elsewhere).found.tolist() == COPIES


def test_images_without_a_fingerprint_are_no_copies(bundle: Bundle, elsewhere: pd.DataFrame) -> None:
    some = elsewhere.assign(fingerprint=elsewhere["fingerprint"].where(np.arange(8) >= 4))
    assert copies_of(bundle.train_fingerprints, some).found.tolist() == [False] * 4 + COPIES[4:]
    assert not copies_of(bundle.train_fingerprints, elsewhere.drop(columns="fingerprint")).found.any()
    assert not copies_of(fingerprints_of(made_table()[0]), elsewhere).found.any()


@pytest.mark.parametrize("text", ["", "not base64!", "AAAA"])
def test_another_column_of_that_name_is_refused(text: str, bundle: Bundle) -> None:
    with pytest.raises(UserError, match="column 'fingerprint' cannot be used .*featurize` again"):
        copies_of(bundle.train_fingerprints, pd.DataFrame({"fingerprint": [text]}))


def test_a_fingerprint_comes_back_from_its_text() -> None:
    levels = fingerprint(CELLS[0])
    assert np.array_equal(from_text(to_text(levels[None]))[0], levels) and levels.max() > 100


def test_predict_and_audit_mark_training_images_that_were_saved_again(bundle: Bundle, elsewhere: pd.DataFrame) -> None:
    _, info = made_table(features=4)
    assert predict(bundle, elsewhere, info)["trained_on"].tolist() == COPIES
    assert examine(bundle, None, elsewhere, info).trained_on.tolist() == COPIES
    older = replace(bundle, train_fingerprints=bundle.train_fingerprints[:0])
    assert not predict(older, elsewhere, info)["trained_on"].any()


def test_duplicate_groups_count_only_where_fingerprints_cannot_be_compared(bundle: Bundle, elsewhere: pd.DataFrame
                                                                           ) -> None:
    """In two tables joined by hand one number means two groups."""
    joined = elsewhere.assign(duplicate_group=[0, 0, 1, 1, 2, 3, 4, 5])
    _, info = made_table(features=4)
    assert predict(bundle, joined, info)["trained_on"].tolist() == COPIES
    some = joined.assign(fingerprint=joined["fingerprint"].where(np.arange(8) != 1))
    assert predict(bundle, some, info)["trained_on"].tolist() == [True, True, *COPIES[2:]]


def test_a_saved_model_keeps_the_fingerprints(bundle: Bundle, tmp_path: Path) -> None:
    save_bundle(bundle, tmp_path / "model")
    assert np.array_equal(load_bundle(tmp_path / "model").train_fingerprints, bundle.train_fingerprints)


def findings(bundle: Bundle) -> list[FindingModel]:
    """Two findings; the second one's training images lack one of the first's."""
    binary = load_bundle(GOLDEN.with_name("model_v6_binary"))
    few = replace(binary, train_fingerprints=bundle.train_fingerprints[1:])
    return [FindingModel("Edema", replace(binary, train_fingerprints=bundle.train_fingerprints[:3]), .5),
            FindingModel("Mass", few, .5)]


@pytest.fixture
def saved_findings(bundle: Bundle, tmp_path: Path) -> Path:
    save_findings(findings(bundle), tmp_path)
    return tmp_path


def test_findings_keep_every_fingerprint_once(bundle: Bundle, saved_findings: Path) -> None:
    models = load_findings(saved_findings)
    assert all(not len(load_bundle(place).train_fingerprints) for place in saved_findings.iterdir() if place.is_dir())
    assert [len(model.bundle.train_fingerprints) for model in models] == [4, 4]
    assert set(map(bytes, models[0].bundle.train_fingerprints)) == set(map(bytes, bundle.train_fingerprints))


def test_findings_mark_training_images_that_were_saved_again(saved_findings: Path, elsewhere: pd.DataFrame) -> None:
    told: BoolArray = predict_findings(load_findings(saved_findings), elsewhere, made_table(features=4)[1])[
        "trained_on"].to_numpy()
    assert told.tolist() == COPIES


@pytest.mark.parametrize("damage", ["lost", "changed"])
def test_damaged_fingerprints_are_refused(damage: str, saved_findings: Path) -> None:
    path = saved_findings / "fingerprints.npz"
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UserError, match="fingerprints.npz is damaged or missing: copy the model again"):
        load_findings(saved_findings)
