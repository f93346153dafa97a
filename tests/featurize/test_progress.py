"""What a person sees of a long job: a bar on a terminal, now and then a line elsewhere."""
import sys
from typing import Any

import pytest

from featurize.runtime import progress
from featurize.runtime.progress import Part, stages, tracking, tracking_parts


class Clock:
    """A clock that goes only when told."""

    now_s = 0.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(progress.time, "monotonic", lambda: Clock.now_s)
    Clock.now_s = 0.0
    return Clock()


def test_a_log_has_a_line_every_tenth_of_a_job(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking(100, "images", shown=True) as advance:
        for _ in range(50):
            Clock.now_s += 1
            advance(2)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 9
    assert lines[0] == "10 of 100 images (10 %), 2.0/s, 45 s left"


def test_a_slow_job_has_a_line_every_half_minute_and_a_quick_one_none(clock: Clock,
                                                                      capsys: pytest.CaptureFixture[str]) -> None:
    with tracking(10_000, "images", shown=True) as advance:
        for _ in range(6):
            Clock.now_s += 15
            advance(1)
    assert capsys.readouterr().err.splitlines()[0] == "2 of 10000 images (0 %), 15 s each, 42 h left"
    with tracking(100, "images", shown=True) as advance:
        for _ in range(100):
            Clock.now_s += .01
            advance(1)
    assert capsys.readouterr().err == ""


def test_steps_of_an_earlier_run_are_done_but_not_fast(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking(100, "images", shown=True, done=50) as advance:
        Clock.now_s += 1
        advance(2)
        Clock.now_s += 4
        advance(8)
    assert capsys.readouterr().err == "60 of 100 images (60 %), 2.0/s, 20 s left\n"


def test_the_first_steps_tell_no_speed(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Before them processes start: 16 images after 60 s, and then 16 every 2 s."""
    with tracking(100, "images", shown=True) as advance:
        for pause_s in (60, 2, 2, 2):
            Clock.now_s += pause_s
            advance(16)
    assert capsys.readouterr().err.splitlines() == ["16 of 100 images (16 %)",
                                                    "64 of 100 images (64 %), 8.0/s, 4 s left"]


def test_steps_of_several_processes_that_end_together_tell_no_speed(clock: Clock, capsys: pytest.CaptureFixture[str]
                                                                    ) -> None:
    with tracking(100, "images", shown=True) as advance:
        Clock.now_s += 4.9
        advance(16)
        Clock.now_s += .2
        advance(16)
    assert capsys.readouterr().err == "32 of 100 images (32 %)\n"


def test_images_and_their_copies_are_counted_apart(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with tracking_parts([Part("images", 75), Part("changed copies", 25)], shown=True) as advance:
        Clock.now_s += 10
        advance("images", 75)
    assert capsys.readouterr().err.startswith("75 of 75 images, 0 of 25 changed copies (75 %)")


def test_stages_are_named_in_a_log(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    with stages(shown=True) as report:
        report("fit", 0)
        Clock.now_s += 6
        report("fit", .3)
        report("calibrate", .9)
    assert capsys.readouterr().err == "fit, 30 % done\n"


def test_a_terminal_has_a_bar_for_each_kind_that_ends_full(monkeypatch: pytest.MonkeyPatch) -> None:
    import rich.progress
    made: list[Any] = []
    original = rich.progress.Progress.__init__

    def noted(bar: Any, *arguments: Any, **named: Any) -> None:
        made.append(bar)
        original(bar, *arguments, **named)
    monkeypatch.setattr(rich.progress.Progress, "__init__", noted)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    with tracking_parts([Part("images", 75, done=16), Part("changed copies", 48), Part("none", 0)], shown=True) as step:
        step("images", 59)
        step("changed copies", 48)
        counts = [(task.description, task.completed, task.total) for task in made[0].tasks]
    assert counts == [("images", 75, 75), ("changed copies", 48, 48)]
