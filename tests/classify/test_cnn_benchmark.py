"""benchmarks.cnn on small made squares: the split is kept, a stopped run goes on, nothing is written over."""
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from made_pictures import COUNTS, made_pictures

from featurize.errors import UserError

torch = pytest.importorskip("torch")


@pytest.fixture
def cnn(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(Path(__file__).parents[2])
    return importlib.import_module("benchmarks.cnn")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_pictures(tmp_path_factory.mktemp("squares"))


def call(cnn: ModuleType, table: Path, out: Path, *more: str) -> dict:
    return cnn.run(cnn.parser().parse_args([str(table), "-o", str(out), "--net", "small", "--epochs", "4", *more]))


def test_learns_the_color_and_tests_the_given_part_alone(cnn: ModuleType, table: Path, tmp_path: Path) -> None:
    found = call(cnn, table, tmp_path / "net")
    assert found["accuracy"] == 1 and found["n"] == COUNTS["test"]
    assert [found["folds"][0][k] for k in ("train_rows", "valid_rows")] == [COUNTS["train"], COUNTS["val"]]
    written = pd.read_csv(tmp_path / "net/predictions.csv", dtype={"label": str, "predicted": str})
    tested = written[written["fold"].notna()]
    assert set(tested["split"]) == {"test"} and (tested["predicted"] == tested["label"]).all()
    assert np.allclose(tested[["p_0", "p_1"]].sum(axis=1), 1) and written["p_0"].notna().sum() == COUNTS["test"]
    curves = pd.read_csv(tmp_path / "net/curves.csv")
    assert curves["epoch"].tolist() == [0, 1, 2, 3] and curves["seconds"].is_monotonic_increasing


def test_a_stopped_run_goes_on_to_the_same_result(cnn: ModuleType, table: Path, tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    whole = call(cnn, table, tmp_path / "whole")
    train = importlib.import_module("benchmarks.cnn_train")
    epoch = train._epoch

    def stopped(*given: object) -> float:
        if given[6] == 2:
            raise KeyboardInterrupt
        return epoch(*given)
    monkeypatch.setattr(train, "_epoch", stopped)
    with pytest.raises(KeyboardInterrupt):
        call(cnn, table, tmp_path / "cut")
    monkeypatch.setattr(train, "_epoch", epoch)
    with pytest.raises(UserError, match="--resume"):
        call(cnn, table, tmp_path / "cut")
    torn = (tmp_path / "cut/fold_0.pt").read_bytes()
    (tmp_path / "cut/fold_0.pt").write_bytes(torn[:len(torn) // 2])
    with pytest.raises(UserError, match="is damaged"):
        call(cnn, table, tmp_path / "cut", "--resume")
    (tmp_path / "cut/fold_0.pt").write_bytes(torn)
    gone_on = call(cnn, table, tmp_path / "cut", "--resume")
    assert gone_on["log_loss"] == whole["log_loss"]
    a, b = ((tmp_path / name / "predictions.csv").read_bytes() for name in ("whole", "cut"))
    assert a == b
    with pytest.raises(UserError, match="begun with another"):
        call(cnn, table, tmp_path / "cut", "--resume", "--seed", "1")


def test_seconds_stop_the_training_and_are_told(cnn: ModuleType, table: Path, tmp_path: Path,
                                                monkeypatch: pytest.MonkeyPatch,
                                                capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net"
    monkeypatch.setattr(sys, "argv", ["cnn", str(table), "-o", str(out), "--net", "small", "--seconds", "0.001"])
    cnn.main()
    fold, = json.loads((out / "metrics.json").read_text(encoding="utf-8"))["folds"]
    assert fold["stopped_by"] == "seconds" and fold["epochs"] == 1
    assert "1 of 1 networks stopped after --seconds 0.001" in capsys.readouterr().out


def test_files_of_others_are_kept(cnn: ModuleType, table: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="not of this benchmark"):
        call(cnn, table, tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["notes.txt"]


def test_weights_of_another_network_are_refused(cnn: ModuleType, tmp_path: Path) -> None:
    nets = importlib.import_module("benchmarks.cnn_nets")
    body = {k: v for k, v in nets.make_net("resnet18", 5, 224).state_dict().items()}
    torch.save(body, tmp_path / "body.pth")
    made = nets.make_net("resnet18", 2, 28, tmp_path / "body.pth").state_dict()
    # Another stem and other classes: all between them is taken.
    assert torch.equal(made["layer3.0.conv1.weight"], body["layer3.0.conv1.weight"])
    assert made["fc.weight"].shape[0] == 2 and made["conv1.weight"].shape[-1] == 3
    torch.save({"layer9.weight": torch.zeros(3)}, tmp_path / "other.pth")
    (tmp_path / "text.pth").write_text("hello")
    for name, said in {"other": "another network", "text": "cannot be read", "none": "cannot be read"}.items():
        with pytest.raises(UserError, match=said):
            nets.make_net("resnet18", 2, 28, tmp_path / f"{name}.pth")


def test_the_rate_falls_as_the_recipes_say(cnn: ModuleType) -> None:
    images, train = (importlib.import_module(f"benchmarks.{name}") for name in ("cnn_images", "cnn_train"))
    paper, users = images.RECIPES["medmnist"], images.RECIPES["users"]
    assert [round(train.rate_at(paper, share) / paper.rate, 6) for share in (0, .49, .5, .75)] == [1, 1, .1, .01]
    assert train.rate_at(users, 0) == users.rate and train.rate_at(users, .5) == pytest.approx(users.rate / 2)
    assert train.rate_at(users, 1.2) == 0
