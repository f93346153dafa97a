"""Crafted tables end every command in one line, or are read: never in another error, and never in an endless wait."""
import json
import os
from pathlib import Path

import pandas as pd
import pytest
from crafted_tables import TEXTS, crafted
from made_table import made_table

from classify.audit.run import audit
from classify.findings.predict import load_predictor
from classify.findings.tables import table_for
from classify.findings.train import train_table
from classify.settings import TrainSettings
from classify.similar.run import similar_to_several
from classify.train import train
from featurize.errors import UserError
from featurize.index.sources import Source, load
from featurize.table import TableInfo, read_perturbed, read_table, write_table

SEEDS = range(60)
FAST = TrainSettings(folds=2, resamples=5, rounds=10, jobs=1, model="logistic")
# Longest message that is one line for people, characters.
LONGEST = 600


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, TableInfo]:
    """A run folder, and the table that it learned from."""
    run = tmp_path_factory.mktemp("home") / "run"
    frame, info = made_table((12, 12), features=6)
    train(frame, info, run, FAST)
    return run, frame, info


def test_the_crafted_tables_are_changes_of_one_that_all_commands_read(home, tmp_path: Path) -> None:
    run, frame, info = home
    assert outcomes(run, frame, info, None, tmp_path) == {}


def outcomes(run: Path, frame: pd.DataFrame, info: TableInfo, seed: int | None, folder: Path) -> dict[str, str]:
    """What each command that refuses the table says."""
    path, said = folder / "t.parquet", {}
    if seed is None:
        write_table(frame, info, path)
    else:
        crafted(frame, info, path, seed)

    def similar() -> None:
        read, its = read_table(path)
        similar_to_several(read, its, frame.iloc[:1], folder / "s.html", 5, info)

    def audited() -> None:
        read, its = read_table(path)
        audit(run, read, its, folder / "a.html", table_for, perturbed=read_perturbed(path, its))
    for name, command in (("classify", lambda: train_table(path, folder / "run", FAST)), ("audit", audited),
                          ("predict", lambda: load_predictor(run)[1](*read_table(path), True, "the table", False)),
                          ("similar", similar)):
        try:
            command()
        except UserError as error:
            said[name] = str(error)
    return said


@pytest.mark.parametrize("seed", SEEDS)
def test_a_crafted_table_is_refused_in_one_line_or_read(seed: int, home, tmp_path: Path) -> None:
    for line in outcomes(*home, seed, tmp_path).values():
        assert "\n" not in line and len(line) <= LONGEST
    for page in (*tmp_path.glob("*.html"), *tmp_path.glob("run/*.html")):
        assert TEXTS[0] not in page.read_text("utf-8")


SIDECARS = {"types": [({"label": "float"}, "could not convert"), ({"nothing": "float"}, "other columns"),
                      ({"cell_morphology_feature3": "string"}, "holds 'string', numbers were wanted")],
            "pellucid": [({"features": ["label"]}, "a measurement"), ({"sources": 5}, "sources is 5")]}


@pytest.mark.parametrize("key, change, message", [(key, *one) for key, ones in SIDECARS.items() for one in ones])
def test_a_crafted_sidecar_of_a_csv_table_is_refused(key: str, change: dict[str, object], message: str, home,
                                                     tmp_path: Path) -> None:
    _, frame, info = home
    write_table(frame, info, tmp_path / "t.csv")
    content = json.loads((tmp_path / "t.csv.json").read_text("utf-8"))
    content[key] |= change
    (tmp_path / "t.csv.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=message) as error:
        read_table(tmp_path / "t.csv")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", ["zip", "npz"])
def test_an_archive_that_is_a_pipe_is_refused_at_once(kind: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a file"):
        load(Source("", tmp_path / "pipe", kind), "1.png")


def test_a_table_of_the_image_alone_has_nothing_to_compare(home, tmp_path: Path) -> None:
    _, frame, info = home
    with pytest.raises(UserError, match="no image but"):
        similar_to_several(frame.iloc[:1], info, frame.iloc[:1], tmp_path / "s.html", 5, info)
