"""The command `ecg` and its demo, as the console calls them."""
import sys
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pandas as pd
import pytest
from read_pages import ReadPage

import cli
from ecg.job import PageJob
from ecg.run import _write_errors
from ecg.simulate import demo
from ecg.workers import _of_killed
from featurize.runtime.limits import Limits
from featurize.runtime.processes import Killed

pytestmark = pytest.mark.usefixtures("_pages_read_once")


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Exit code, output and errors of a command run in this process."""
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["pellucid", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        printed = capsys.readouterr()
        return ended.value.code or 0, printed.out, printed.err
    return run


@pytest.fixture
def page(tmp_path: Path, three_leads_page: ReadPage) -> Path:
    (tmp_path / "p.png").write_bytes(cv2.imencode(".png", three_leads_page.rgb[..., ::-1])[1].tobytes())
    return tmp_path / "p.png"


@pytest.mark.slow
def test_a_page_becomes_signals(call: Any, page: Path, tmp_path: Path) -> None:
    code, out, _ = call("ecg", page, "-o", tmp_path / "out", "--fs", 250)
    assert code == 0 and "1 page or record read" in out
    assert len(pd.read_csv(tmp_path / "out/p.csv")) == 2500


@pytest.mark.slow
@pytest.mark.parametrize(("options", "words"), [
    (("--layout", "9x9"), "no layout is called '9x9'"), (("--fs", "0"), "--fs 0 was given"),
    (("--points", "none.csv"), "cannot read the corrections none.csv")])
def test_a_wrong_option_is_one_line_and_exit_2(options: tuple[str, str], words: str, call: Any, page: Path,
                                               tmp_path: Path) -> None:
    code, _, err = call("ecg", page, "-o", tmp_path / "out", *options)
    assert code == 2 and words in err and err.count("\n") == 1


@pytest.mark.slow
def test_with_strict_a_refused_file_is_exit_1(call: Any, page: Path, tmp_path: Path) -> None:
    (page.parent / "text.png").write_text("hello")
    code, out, _ = call("ecg", page, page.parent / "text.png", "-o", tmp_path / "out", "--strict")
    assert code == 1 and "1 files gave nothing" in out and (tmp_path / "out/p.csv").exists()


@pytest.mark.slow
def test_the_demo_of_pages_ends_with_a_report(call: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of its pages, all of its steps."""
    monkeypatch.setattr(demo, "_PAGES", demo._PAGES[:2])
    monkeypatch.setattr(cli, "ecg", partial(cli.ecg, jobs=1))
    code, out, err = call("demo", "ecg", "-o", tmp_path / "demo")
    assert code == 0, err
    assert (tmp_path / "demo/signals/report.html").exists() and (tmp_path / "demo/truth/scan.csv").exists()
    assert list(pd.read_csv(tmp_path / "demo/signals/errors.csv")["path"]) == ["not_an_ecg.png"]


@pytest.mark.parametrize(("options", "words"), [
    (("--limit-s", "0"), "--limit-s 0 was given"), (("--limit-s", "nan"), "--limit-s nan was given"),
    (("--limit-mb", "5"), "--limit-mb 5 was given")])
def test_a_limit_under_which_nothing_is_read_is_refused(options: tuple[str, str], words: str, call: Any,
                                                        tmp_path: Path) -> None:
    code, _, err = call("ecg", tmp_path, "-o", tmp_path / "out", *options)
    assert code == 2 and words in err and err.count("\n") == 1


def test_a_file_that_takes_too_long_is_a_row_of_errors(tmp_path: Path) -> None:
    job, out = PageJob(tmp_path / "slow.png", "slow.png", "slow"), tmp_path
    failed = _of_killed(job, Killed(True), Limits(20))
    assert (failed.reason, failed.error) == ("too_slow", "it took more than the 20 s of --limit-s")
    assert _write_errors([failed], out / "errors.csv") == out / "errors.csv"
    assert _of_killed(job, Killed(), Limits(20)).reason == "crashed"
