"""What other programs rely on: exit codes, one clear line, files under their names or not at all."""
import html
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image
from started import minds_ctrl_c

import cli
from featurize.simulate.demo import write_images
from featurize.table import read_table, write_table

ROOT = Path(__file__).parent.parent


class Ended:
    """How a command ended: exit code and what it printed."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command in this process, as the console would."""
    def run(*arguments: object) -> Ended:
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return Ended(ended.value.code or 0, printed.out, printed.err)
    return run


def test_help_imports_nothing_heavy() -> None:
    """That is what makes it quick: a measured time would depend on the machine."""
    heavy = {"numpy", "pandas", "cv2", "numba", "xgboost", "pyarrow", "rich"}
    code = f"import sys, cli; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_help_lists_the_commands(call: Any) -> None:
    ended = call("--help")
    assert ended.code == 0
    for command in ("explore", "featurize", "classify", "predict", "demo"):
        assert command in ended.out


@pytest.mark.parametrize("arguments", [
    ("featurize", "nowhere", "-o", "t.parquet"), ("explore", "nowhere", "-o", "e.html"),
    ("classify", "none.parquet", "-o", "run"), ("predict", "run", "nowhere", "-o", "p.csv"), ("demo", "nothing")],
    ids=lambda a: a[0])
def test_a_wrong_path_is_one_line_and_exit_2(arguments: tuple[str, ...], call: Any, tmp_path: Path,
                                             monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call(*arguments)
    assert ended.code == 2
    assert ended.err.startswith("error: ") and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["--sweep", "--maps", "--parts"])
def test_what_has_no_row_an_image_is_refused_as_csv_before_anything_is_read(option: str, call: Any, tmp_path: Path
                                                                            ) -> None:
    ended = call("audit", "run", "t.parquet", "-o", tmp_path / "a.csv", option, "images")
    assert ended.code == 2 and f"{option}, which has no row for each image" in ended.err and ended.err.count("\n") == 1


@pytest.mark.parametrize("given", [("--labels", "patients.csv"), ("--subgroups", "age")], ids=lambda given: given[0])
def test_subgroups_need_a_sheet_and_its_columns(given: tuple[str, str], call: Any, tmp_path: Path) -> None:
    ended = call("audit", "run", "t.parquet", "-o", tmp_path / "a.html", *given)
    assert ended.code == 2 and "--labels and --subgroups go together" in ended.err and ended.err.count("\n") == 1


def test_a_missing_option_is_exit_2(call: Any) -> None:
    ended = call("featurize", "somewhere")
    assert ended.code == 2 and "--output" in ended.err


@pytest.mark.parametrize(("options", "words"), [
    (("--preset", "cells"), "no preset is called 'cells'"), (("--settings", "none.toml"), "cannot read the settings"),
    (("--group-column", "patient"), "--labels"), (("--labels", "none.csv", "--label-column", "a"), "none.csv"),
    (("--group-regex", "("), "group-regex"), (("--jobs", "0"), "--jobs")])
def test_a_wrong_option_is_exit_2_and_nothing_is_written(options: tuple[str, ...], words: str, call: Any,
                                                         cell_folder: Path, tmp_path: Path) -> None:
    ended = call("featurize", cell_folder, "-o", tmp_path / "t.parquet", "--jobs", 1, *options)
    assert ended.code == 2 and words in ended.err
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("arguments", "wanted"), [
    (("featurize", "IN", "-o", "t.xlsx"), "-o t.parquet"), (("explore", "IN", "-o", "e.png"), "-o e.html"),
    (("predict", "RUN", "IN", "-o", "p.txt"), "-o p.csv"), (("audit", "RUN", "TABLE", "-o", "a.png"), "-o a.html"),
    (("similar", "TABLE", "IMAGE", "-o", "s.jpg"), "-o s.html")], ids=lambda a: a[0])
def test_an_output_with_another_ending_is_refused(arguments: tuple[str, ...], wanted: str, call: Any,
                                                  places: dict[str, Path], tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call(*(places.get(a, a) for a in arguments))
    assert ended.code == 2 and wanted in ended.err and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("arguments", [
    ("featurize", "IN", "--labels", "l.csv", "-o", "l.csv"),
    ("featurize", "IN", "--labels", "t.errors.csv", "-o", "t.csv"),
    ("explore", "IN", "--labels", "l.html", "-o", "./l.html"), ("predict", "RUN", "t.csv", "-o", "t.csv"),
    ("predict", "RUN", "IN", "-o", "RUN/predictions.csv"), ("audit", "RUN", "t.html", "-o", "t.html"),
    ("audit", "RUN", "TABLE", "-o", "RUN/report.html"), ("similar", "t.html", "IMAGE", "-o", "t.html")],
    ids=lambda a: f"{a[0]} -o {a[-1]}")
def test_an_output_that_is_an_input_is_refused(arguments: tuple[str, ...], call: Any, places: dict[str, Path],
                                               tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("l.csv", "t.errors.csv", "l.html", "t.csv", "t.html"):
        (tmp_path / name).write_text("mine")
    before = {path: path.read_bytes() for path in places["RUN"].iterdir() if path.is_file()}
    ended = call(*(places[a] if a in places else a.replace("RUN", str(places["RUN"])) for a in arguments))
    assert ended.code == 2 and "is read by this command and would be replaced" in ended.err
    assert {path.read_text() for path in tmp_path.iterdir()} == {"mine"}
    assert before == {path: path.read_bytes() for path in before}


@pytest.mark.parametrize("arguments", [
    ("explore", "IN", "-o", "mine.html"), ("predict", "RUN", "TABLE", "-o", "mine.csv"),
    ("predict", "RUN", "IN", "-o", "p.csv"), ("audit", "RUN", "TABLE", "-o", "mine.html"),
    ("featurize", "IN", "-o", "mine.csv")], ids=lambda a: f"{a[0]} -o {a[-1]}")
def test_a_file_of_somebody_else_is_not_replaced(arguments: tuple[str, ...], call: Any, places: dict[str, Path],
                                                 tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("mine.html", "mine.csv", "p.errors.csv"):
        (tmp_path / name).write_text("notes\n1\n")
    ended = call(*(places.get(a, a) for a in arguments))
    assert ended.code == 2 and "was not written by Pellucid, so it is not replaced" in ended.err
    assert {path.read_text() for path in tmp_path.iterdir()} == {"notes\n1\n"}


@pytest.mark.parametrize(("options", "words"), [
    (("--log", "mine.csv"), "mine.csv exists and was not written by Pellucid"),
    (("--log", "t.parquet"), "a name ending in .csv was wanted: --log t.csv"),
    (("--log", "run/log.csv"), "lies in the run folder"), (("--tensorboard", "tb"), "--tensorboard needs tensorboardX"),
    (("--tensorboard", "mine.csv"), "--tensorboard needs tensorboardX")], ids=str)
def test_a_log_that_cannot_be_written_is_told_before_the_table_is_read(
        options: tuple[str, str], words: str, call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    Path("mine.csv").write_text("a,b\n")
    ended = call("classify", "t.parquet", "-o", "run", *options)
    assert ended.code == 2 and words in ended.err and ended.err.count("\n") == 1
    assert os.listdir() == ["mine.csv"] and Path("mine.csv").read_text() == "a,b\n"


def test_a_device_that_is_not_there_is_refused(call: Any, places: dict[str, Path], tmp_path: Path) -> None:
    for command in (("classify", places["TABLE"], "-o", tmp_path / "run"),
                    ("predict", places["RUN"], places["TABLE"], "-o", tmp_path / "p.csv")):
        ended = call(*command, "--device", "gpu")
        assert ended.code == 2 and ended.err == "error: --device gpu is unknown: choose cpu or cuda\n"
    assert not os.listdir(tmp_path)


@pytest.mark.parametrize("arguments", [("TABLE", "IMAGE"), ("TABLE", "-o", "s.html"), ("TABLE",)])
def test_similar_wants_images_and_a_name_or_a_map(call: Any, places: dict[str, Path], tmp_path: Path,
                                                  monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]) -> None:
    monkeypatch.chdir(tmp_path)
    ended = call("similar", *(places.get(a, a) for a in arguments))
    assert ended.code == 2 and "an image and -o go together" in ended.err and "--map map.html" in ended.err
    assert not list(tmp_path.iterdir())


def test_an_empty_folder_is_refused(call: Any, tmp_path: Path) -> None:
    ended = call("featurize", tmp_path, "-o", tmp_path / "t.parquet")
    assert ended.code == 2 and "holds no image" in ended.err


@pytest.mark.parametrize(("command", "target", "words"), [
    ("featurize", "featurize.run.measure", "stopped: nothing is measured yet, and "),
    ("explore", "featurize.explore.page.explore", "stopped: nothing was written\n"),
    ("classify", "classify.findings.train.train_table",
     "stopped: nothing was written, and an earlier run folder is as it was")])
def test_ctrl_c_is_one_true_line_and_exit_130(command: str, target: str, words: str, call: Any,
                                              places: dict[str, Path], tmp_path: Path,
                                              monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*arguments: Any, **named: Any) -> None:
        raise KeyboardInterrupt
    monkeypatch.setattr(target, stopped)
    given = {"featurize": ("IN", "t.parquet", "--preset", "whole"), "explore": ("IN", "e.html"),
             "classify": ("TABLE", "run")}[command]
    ended = call(command, places[given[0]], "-o", tmp_path / given[1], *given[2:])
    assert ended.code == 130 and ended.err.startswith(words) and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_ctrl_c_while_measuring_says_what_is_kept_and_the_same_command_goes_on(cell_folder: Path,
                                                                               tmp_path: Path) -> None:
    """A real signal to the whole group of processes, as a terminal sends it."""
    script, table = tmp_path / "two_processes.py", tmp_path / "t.parquet"
    # The first run waits after its first shard, so that the signal finds it at work however fast the machine is.
    script.write_text("import os, time, cli, featurize.batch.workers as workers\n"
                      "from featurize.batch.shards import Shards\nworkers.FEW_IMAGES = 0\nwrite = Shards.write\n"
                      "def write_and_wait(*arguments):\n"
                      "    write(*arguments)\n    time.sleep(float(os.environ['WAIT_SECONDS']))\n"
                      "Shards.write = write_and_wait\nif __name__ == '__main__':\n    cli.main()\n")
    command = [sys.executable, str(script), "featurize", str(cell_folder), "-o", str(table), "--preset", "cell",
               "--jobs", "2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WAIT_SECONDS": "60"}
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
                               start_new_session=True, preexec_fn=minds_ctrl_c)
    while not list(tmp_path.glob("t.parquet.shards/*/*.npz")):
        assert running.poll() is None
        time.sleep(.02)
    os.killpg(running.pid, signal.SIGINT)
    _, err = running.communicate(timeout=60)
    assert running.returncode == 130 and "Traceback" not in err
    assert re.fullmatch(r"stopped: (8|16|24) of 24 images are measured and kept in \S+; the same command again "
                        r"measures the rest \(\S+t\.parquet was not written\)", err.splitlines()[-1])
    done = subprocess.run(command, capture_output=True, text=True, env={**environment, "WAIT_SECONDS": "0"})
    assert done.returncode == 0 and "of them were measured by an earlier run that was stopped" in done.stdout


def test_the_version_is_told(call: Any) -> None:
    ended = call("--version")
    assert ended.code == 0 and re.fullmatch(r"pellucid \d+\.\d+\S*\n", ended.out)


def test_shells_can_complete(call: Any) -> None:
    assert "--install-completion" in call("--help").out


def commands() -> list[str]:
    return [command.callback.__name__ for command in cli.app.registered_commands if command.callback]


@pytest.mark.parametrize("command", commands())
def test_every_help_ends_with_an_example_that_can_be_parsed(command: str, call: Any) -> None:
    example = " ".join(call(command, "--help").out.split("Example: ")[1].split())
    words = shlex.split(example)
    assert words[:2] == ["pellucid", command]
    assert {w for w in words if w.startswith("--")} <= set(re.findall(r"--[a-z-]+", call(command, "--help").out))


@pytest.mark.slow
def test_bad_files_are_exit_0_and_with_strict_1(call: Any, cell_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(cell_folder / "monocyte", tmp_path / "in/monocyte")
    (tmp_path / "in/monocyte/text.png").write_text("hello")
    usual = call("featurize", tmp_path / "in", "-o", tmp_path / "t.parquet", "--preset", "cell", "--jobs", 1)
    strict = call("featurize", tmp_path / "in", "-o", tmp_path / "s.parquet", "--preset", "cell", "--strict")
    assert (usual.code, strict.code) == (0, 1)
    assert f"1 files gave no row: {tmp_path / 't.errors.csv'}" in usual.out
    assert (tmp_path / "t.parquet").exists() and (tmp_path / "s.parquet").exists()


@pytest.fixture(scope="module")
def run_folder(cell_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table and a trained run, made by the commands themselves; `printed.txt` is what they said."""
    folder = tmp_path_factory.mktemp("run")
    printed = io.StringIO()
    for arguments in (["featurize", cell_folder, "-o", folder / "t.parquet", "--jobs", 1, "--group-regex", r"(p\d+)_"],
                      ["classify", folder / "t.parquet", "-o", folder / "run", "--folds", 2]):
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), pytest.raises(SystemExit) as ended:
            patch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
            cli.main()
        assert not ended.value.code
    (folder / "printed.txt").write_text(printed.getvalue(), encoding="utf-8")
    return folder


@pytest.fixture
def places(run_folder: Path, cell_folder: Path) -> dict[str, Path]:
    return {"IN": cell_folder, "RUN": run_folder / "run", "TABLE": run_folder / "t.parquet",
            "IMAGE": cell_folder / "monocyte/p0_02.png"}


def test_featurize_ends_with_the_images_of_every_class(run_folder: Path) -> None:
    printed = (run_folder / "printed.txt").read_text(encoding="utf-8")
    assert ("class       images  groups\neosinophil       6       5\nlymphocyte       6       5\n"
            "monocyte         6       5\nneutrophil       6       5\n") in printed


@pytest.mark.slow
def test_featurize_again_takes_the_rows_that_are_there(places: dict[str, Path], call: Any, tmp_path: Path) -> None:
    for name in ("t.parquet", "t.perturbed.parquet"):
        shutil.copy(places["TABLE"].with_name(name), tmp_path / name)
    lines = [f"{p.relative_to(places['IN'])},{p.stem[:2]}" for p in sorted(places["IN"].rglob("*.png"))]
    (tmp_path / "l.csv").write_text("\n".join(["file,all", *lines]))
    labels = ("--labels", tmp_path / "l.csv", "--label-column", "all", "--preset", "cell", "--jobs", 1)
    again = call("featurize", places["IN"], "-o", tmp_path / "t.parquet", *labels)
    assert again.code == 0, again.err
    assert f"24 of them stood in {tmp_path / 't.parquet'}, measured in the same way, and were taken" in again.out
    assert pd.read_parquet(tmp_path / "t.parquet")["label"].tolist() == [line[-2:] for line in lines]
    both = call("featurize", places["IN"], "-o", tmp_path / "t.parquet", "--fresh", "--reuse", tmp_path / "t.parquet")
    assert both.code == 2 and "give one of them" in both.err
    other = call("featurize", places["IN"] / "monocyte", "-o", tmp_path / "u.parquet", "--preset", "whole", "--reuse",
                 tmp_path / "t.parquet")
    assert f"nothing was taken from {tmp_path / 't.parquet'}: it was measured with " in other.out


@pytest.mark.parametrize(("names", "words"), [
    ("monocyte", "'monocyte' is no label=name"), ("a=", "'a=' is no label=name"),
    ("monocyte=M,monocyte=N", "names a class twice"),
    ("mono=M", "names the class 'mono', which the table does not have"),
    ("monocyte=lymphocyte", "gives the name 'lymphocyte' to two classes")])
def test_names_that_fit_no_class_are_refused(names: str, words: str, places: dict[str, Path], call: Any,
                                             tmp_path: Path) -> None:
    ended = call("classify", places["TABLE"], "-o", tmp_path / "run", "--names", names)
    assert ended.code == 2 and words in ended.err and ended.err.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.fixture
def csv_table(places: dict[str, Path], tmp_path: Path) -> Path:
    frame, info = read_table(places["TABLE"])
    write_table(frame, info, tmp_path / "t.csv")
    return tmp_path / "t.csv"


@pytest.mark.slow
def test_predict_reads_a_csv_table(places: dict[str, Path], csv_table: Path, call: Any, tmp_path: Path) -> None:
    for name, table in (("csv", csv_table), ("parquet", places["TABLE"])):
        assert call("predict", places["RUN"], table, "-o", tmp_path / f"of_{name}.csv").code == 0
    assert (tmp_path / "of_csv.csv").read_bytes() == (tmp_path / "of_parquet.csv").read_bytes()


def test_a_csv_that_is_no_table_is_refused(places: dict[str, Path], call: Any, tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\na.png,1\n")
    for command in (("classify", tmp_path / "labels.csv", "-o", tmp_path / "run"),
                    ("predict", places["RUN"], tmp_path / "labels.csv", "-o", tmp_path / "p.csv"),
                    ("audit", places["RUN"], tmp_path / "labels.csv", "-o", tmp_path / "a.html"),
                    ("similar", tmp_path / "labels.csv", places["IMAGE"], "-o", tmp_path / "s.html")):
        ended = call(*command)
        assert ended.code == 2 and "labels.csv is not a table that featurize wrote (labels.csv.json" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["labels.csv"]


@pytest.mark.slow
def test_audit_and_similar_read_a_csv_table(places: dict[str, Path], csv_table: Path, call: Any,
                                            tmp_path: Path) -> None:
    assert call("audit", places["RUN"], csv_table, "-o", tmp_path / "a.html").code == 0
    assert call("similar", csv_table, places["IMAGE"], "-o", tmp_path / "s.html").code == 0


@pytest.mark.slow
def test_classify_says_the_same_of_a_csv_table(places: dict[str, Path], csv_table: Path, call: Any,
                                               tmp_path: Path) -> None:
    shutil.copy(places["TABLE"].with_name("t.perturbed.parquet"), tmp_path)
    assert call("classify", csv_table, "-o", tmp_path / "run", "--folds", 2).code == 0
    of_csv, of_parquet = (run / "predictions.csv" for run in (tmp_path / "run", places["RUN"]))
    assert of_csv.read_bytes() == of_parquet.read_bytes()


def test_auto_says_what_it_chose_and_why(run_folder: Path) -> None:
    printed = (run_folder / "printed.txt").read_text(encoding="utf-8")
    assert "preset cell (24 of 24 pictures: one dark purple object in the middle)" in printed


@pytest.mark.slow
def test_the_console_command_says_what_it_did_and_ends_with_0(cell_folder: Path, tmp_path: Path) -> None:
    """In a process of its own, as a person calls it."""
    command = [sys.executable, "cli.py", "featurize", str(cell_folder / "monocyte"), "-o", str(tmp_path / "t.parquet"),
               "--preset", "whole", "--jobs", "1"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.startswith("6 images measured in ")
    # On a very slow machine a line says how far it is.
    assert all(re.match(r"\d of 6 images, ", line) for line in done.stderr.splitlines())
    assert (tmp_path / "t.parquet").exists()


def test_classify_writes_predictions_metrics_model_and_report(run_folder: Path) -> None:
    predictions = pd.read_csv(run_folder / "run/predictions.csv")
    assert len(predictions) == 24 and predictions["fold"].notna().all()
    assert {"image_id", "path", "label", "group", "split", "fold", "predicted", "prediction_set", "novelty", "review",
            "p_eosinophil", "p_lymphocyte", "p_monocyte", "p_neutrophil"} <= set(predictions)
    metrics = json.loads((run_folder / "run/metrics.json").read_text(encoding="utf-8"))
    assert metrics["n"] == 24 and metrics["task"] == "multiclass"
    assert (run_folder / "run/model/manifest.json").exists() and (run_folder / "run/report.html").exists()


def test_the_report_gives_the_commands_that_were_run(run_folder: Path, cell_folder: Path) -> None:
    page = html.unescape((run_folder / "run/report.html").read_text(encoding="utf-8"))
    table = run_folder / "t.parquet"
    assert (f"python cli.py featurize {cell_folder} --group-regex '(p\\d+)_' --preset cell -o {table}\n"
            f"python cli.py classify {table} -o {run_folder / 'run'} --folds 2") in page


def test_explore_counts_alike_on_the_terminal_and_on_its_page(cell_folder: Path, tmp_path: Path, call: Any) -> None:
    shutil.copytree(cell_folder / "monocyte", tmp_path / "in/monocyte")
    whole = (tmp_path / "in/monocyte/p0_02.png").read_bytes()
    (tmp_path / "in/monocyte/cut.png").write_bytes(whole[:len(whole) // 2])
    ended = call("explore", tmp_path / "in", "-o", tmp_path / "e.html", "--group-regex", r"(p\d+)_")
    assert f"6 images, 1 file could not be read: {tmp_path / 'e.html'}\n" in ended.out
    assert "WARNING: There is only one class, “monocyte”." in ended.out
    page = html.unescape((tmp_path / "e.html").read_text(encoding="utf-8"))
    assert "6 images, 1 class" in page and f"featurize {tmp_path / 'in'} -o table.parquet --group-regex" in page


@pytest.mark.slow
def test_predict_says_the_same_of_images_and_of_their_table(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                            call: Any) -> None:
    of_table = call("predict", run_folder / "run", run_folder / "t.parquet", "-o", tmp_path / "table.csv")
    of_images = call("predict", run_folder / "run", cell_folder, "-o", tmp_path / "images.csv", "--jobs", 1)
    assert (of_table.code, of_images.code) == (0, 0)
    a, b = pd.read_csv(tmp_path / "table.csv"), pd.read_csv(tmp_path / "images.csv")
    columns = [c for c in a if c.startswith("p_")]
    pd.testing.assert_frame_equal(a[["image_id", "predicted", *columns]], b[["image_id", "predicted", *columns]])


@pytest.mark.slow
def test_predict_knows_training_images_that_were_saved_again_as_jpeg(run_folder: Path, cell_folder: Path,
                                                                     tmp_path: Path, call: Any) -> None:
    (tmp_path / "in").mkdir()
    for path in (cell_folder / "monocyte").iterdir():
        Image.open(path).resize((100, 100)).save(tmp_path / "in" / f"{path.stem}.jpg", quality=80)
    ended = call("predict", run_folder / "run", tmp_path / "in", "-o", tmp_path / "p.csv", "--jobs", 1)
    assert "WARNING: The model was trained on all 6 images, or on near copies of them." in ended.out
    assert pd.read_csv(tmp_path / "p.csv")["trained_on"].all()


@pytest.mark.slow
def test_predict_lists_files_that_it_cannot_read(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                 call: Any) -> None:
    shutil.copytree(cell_folder / "monocyte", tmp_path / "in")
    (tmp_path / "in/text.png").write_text("hello")
    ended = call("predict", run_folder / "run", tmp_path / "in", "-o", tmp_path / "p.csv", "--jobs", 1)
    assert ended.code == 0 and "1 files gave no row" in ended.out
    assert len(pd.read_csv(tmp_path / "p.csv")) == 6 and len(pd.read_csv(tmp_path / "p.errors.csv")) == 1


@pytest.mark.slow
def test_predict_refuses_a_table_of_another_preset(run_folder: Path, cell_folder: Path, tmp_path: Path,
                                                   call: Any) -> None:
    call("featurize", cell_folder / "monocyte", "-o", tmp_path / "w.parquet", "--preset", "whole", "--jobs", 1)
    ended = call("predict", run_folder / "run", tmp_path / "w.parquet", "-o", tmp_path / "p.csv")
    assert ended.code == 2 and "featurize" in ended.err and not (tmp_path / "p.csv").exists()


@pytest.mark.parametrize("given, said", [
    (("--detect", "-o", "p.csv"), "-o p.csv was given, and --detect fills a folder: -o named/"),
    (("--group-regex", "(p.)", "-o", "p.csv"), "--group-regex was given without --detect")])
def test_options_of_whole_fields_are_checked_first(given: tuple[str, ...], said: str, call: Any) -> None:
    ended = call("predict", "no_run", "no_images", *given)
    assert ended.code == 2 and said in ended.err


def test_a_damaged_model_is_refused(run_folder: Path, cell_folder: Path, tmp_path: Path, call: Any) -> None:
    shutil.copytree(run_folder / "run/model", tmp_path / "model")
    trees = max((tmp_path / "model").iterdir(), key=lambda p: p.stat().st_size)
    content = bytearray(trees.read_bytes())
    content[len(content) // 2] ^= 1
    trees.write_bytes(content)
    ended = call("predict", tmp_path / "model", cell_folder, "-o", tmp_path / "p.csv")
    assert ended.code == 2 and ended.err.count("\n") == 1 and not (tmp_path / "p.csv").exists()


@pytest.mark.slow
def test_one_class_only_is_refused(cell_folder: Path, tmp_path: Path, call: Any) -> None:
    call("featurize", cell_folder / "monocyte", "-o", tmp_path / "t.parquet", "--preset", "cell", "--jobs", 1)
    ended = call("classify", tmp_path / "t.parquet", "-o", tmp_path / "run")
    assert ended.code == 2 and ended.err.count("\n") == 1 and not (tmp_path / "run").exists()


@pytest.mark.slow
def test_audit_prints_every_warning_of_its_page(run_folder: Path, tmp_path: Path, call: Any) -> None:
    """On the very images of the training: no accuracy without the warning."""
    ended = call("audit", run_folder / "run", run_folder / "t.parquet", "-o", tmp_path / "a.html")
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert ended.code == 0 and ended.out.startswith("WARNING: The model was trained on all 24 images")
    warned = page[page.index('<ul class="warnings"'):page.index("</ul>")]
    assert ended.out.count("WARNING: ") == warned.count("<li") >= 1


def test_audit_without_a_shared_label_is_one_line_and_exit_code_2(run_folder: Path, tmp_path: Path, call: Any) -> None:
    frame, info = read_table(run_folder / "t.parquet")
    write_table(frame.assign(label="wasp"), info, tmp_path / "t.parquet")
    ended = call("audit", run_folder / "run", tmp_path / "t.parquet", "-o", tmp_path / "a.html")
    assert ended.code == 2 and ended.err.count("\n") == 1 and "'wasp'" in ended.err and "'monocyte'" in ended.err


def test_similar_of_a_blank_picture_says_that_no_cell_was_found(run_folder: Path, tmp_path: Path, call: Any) -> None:
    Image.new("RGB", (120, 120), (240, 225, 210)).save(tmp_path / "blank.png")
    ended = call("similar", run_folder / "t.parquet", tmp_path / "blank.png", "-o", tmp_path / "s.html")
    assert ended.code == 2 and ended.err.startswith("error: no cell was found in blank.png")
    assert not (tmp_path / "s.html").exists()


def test_similar_lists_as_many_neighbors_as_asked(run_folder: Path, cell_folder: Path, tmp_path: Path, call: Any
                                                  ) -> None:
    picture = next(cell_folder.rglob("*.png"))
    ended = call("similar", run_folder / "t.parquet", picture, "-k", 3, "-o", tmp_path / "s.csv")
    assert ended.code == 0 and "WARNING: The table holds this very file." in ended.out
    assert pd.read_csv(tmp_path / "s.csv")["rank"].tolist() == [1, 2, 3]


@pytest.mark.slow
def test_the_demo_ends_with_a_report_and_an_audit(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fifth of its images, all of its steps."""
    monkeypatch.setattr("featurize.simulate.demo.write_images", partial(write_images, home=36, abroad=12, patients=6))
    ended = call("demo", "-o", tmp_path / "demo")
    assert ended.code == 0, ended.err
    assert f"open {tmp_path / 'demo/run/report.html'}" in ended.out
    for name in ("explore.html", "home.parquet", "home.errors.csv", "abroad.parquet", "run/report.html",
                 "predictions.csv", "audit.html"):
        assert (tmp_path / "demo" / name).stat().st_size > 0
    predictions = pd.read_csv(tmp_path / "demo/run/predictions.csv")
    assert predictions.groupby("group")["fold"].nunique().max() == 1
    assert (predictions["predicted"] == predictions["label"]).mean() > .8


def test_a_demo_does_not_write_into_a_folder_of_the_user(call: Any, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    ended = call("demo", "-o", tmp_path)
    assert ended.code == 2 and "holds files that are not of the demo" in ended.err
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
