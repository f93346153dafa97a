"""How far a long job is, on stderr: a moving bar on a terminal, a plain line now and then in a log file."""
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

# A line is written after this share of the work,
LINE_SHARE = .1
# but not sooner than after this time, seconds: a quick job writes none;
SHORTEST_PAUSE_S = 5.0
# and in any case after this time, seconds.
LONGEST_PAUSE_S = 30.0
# The speed is told when steps were counted for this time, seconds: processes that start together end steps together.
SHORTEST_MEASURED_S = 3.0
# Fewer steps a second are told in seconds a step.
SLOWEST_PER_S = 0.2


@dataclass(frozen=True)
class Part:
    """One kind of steps of a job.

    Parameters
    ----------
    what : str
        What one step is, in the plural: "images".
    total : int
        Number of steps.
    done : int
        Steps that were made by an earlier run.
    """

    what: str
    total: int
    done: int = 0


@contextmanager
def tracking(total: int, what: str, *, shown: bool, done: int = 0) -> Iterator[Callable[[int], None]]:
    """Show how far a long loop is.

    Parameters
    ----------
    total : int
        Number of steps.
    what : str
        What one step is, in the plural: "images".
    shown : bool
        False shows nothing.
    done : int
        Steps that were made by an earlier run.

    Yields
    ------
    callable
        Call it with the number of steps just made.
    """
    with tracking_parts([Part(what, total, done)], shown=shown) as advance:
        yield lambda steps: advance(what, steps)


@contextmanager
def tracking_parts(parts: Sequence[Part], *, shown: bool) -> Iterator[Callable[[str, int], None]]:
    """Show how far a job with several kinds of steps is, each counted by itself.

    Yields
    ------
    callable
        Call it with the kind of steps, as `Part.what` says it, and the number of them just made.
    """
    parts = [part for part in parts if part.total]
    if not shown:
        yield lambda what, steps: None
    elif not sys.stderr.isatty():
        yield _line_writer(parts)
    else:
        with _bars(parts) as advance:
            yield advance


@contextmanager
def _bars(parts: Sequence[Part]) -> Iterator[Callable[[str, int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    rate = TextColumn("{task.fields[rate]}")
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(),
                  console=Console(stderr=True), transient=True) as bar:
        tasks = {part.what: bar.add_task(part.what, total=part.total, completed=part.done, rate="") for part in parts}

        def advance(what: str, steps: int) -> None:
            bar.advance(tasks[what], steps)
            speed = next(task.speed for task in bar.tasks if task.id == tasks[what])
            bar.update(tasks[what], rate=f"{speed:.0f}/s" if speed else "")
        yield advance


@dataclass
class LinePace:
    """Says when the next line is due.

    Parameters
    ----------
    share : float
        Share 0..1 of the job that was done when the last line was written.
    at_s : float
        When that was, in seconds of a clock that never goes back.
    """

    share: float = 0.0
    at_s: float = field(default_factory=lambda: time.monotonic())

    def due(self, share: float) -> bool:
        """Whether a line is due at this share of the job; if so, the next pause begins now."""
        now = time.monotonic()
        pause_s = now - self.at_s
        # .6 - .5 is a little less than .1.
        enough = share - self.share > LINE_SHARE - 1e-9
        if not (pause_s >= LONGEST_PAUSE_S or enough and pause_s >= SHORTEST_PAUSE_S):
            return False
        self.share, self.at_s = share, now
        return True


def _line_writer(parts: Sequence[Part]) -> Callable[[str, int], None]:
    made = {part.what: part.done for part in parts}
    total, earlier = sum(part.total for part in parts), sum(made.values())
    pace = LinePace(share=earlier / max(total, 1))
    # Steps and time when the first ones came. Before them processes start and code is compiled: they tell no speed.
    first: list[tuple[int, float]] = []

    def advance(what: str, steps: int) -> None:
        made[what] += steps
        n_made, now_s = sum(made.values()), time.monotonic()
        if n_made < total and pace.due(n_made / total):
            counts = ", ".join(f"{made[part.what]} of {part.total} {part.what}" for part in parts)
            _write(f"{counts} ({100 * n_made // total} %){_speed_and_rest(first, n_made, now_s, total)}")
        if not first:
            first.append((n_made, now_s))
    return advance


def _speed_and_rest(first: Sequence[tuple[int, float]], n_made: int, now_s: float, total: int) -> str:
    """``, 2.0/s, 45 s left``, or nothing where the first steps came only now."""
    if not first or now_s - first[0][1] < SHORTEST_MEASURED_S:
        return ""
    per_s = (n_made - first[0][0]) / (now_s - first[0][1])
    return f", {speed(per_s)}, {_duration((total - n_made) / per_s)} left"


def speed(per_s: float) -> str:
    """``2.0/s``, or ``15 s each`` for slow steps."""
    return f"{per_s:.1f}/s" if per_s >= SLOWEST_PER_S else f"{1 / per_s:.0f} s each"


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


def _write(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


@contextmanager
def stages(*, shown: bool) -> Iterator[Callable[[str, float], None]]:
    """Show which stage of a job is under way.

    Yields
    ------
    callable
        Call it with the name of the stage and the share 0..1 of the job that is done.
    """
    if not shown:
        yield lambda stage, share: None
        return
    if not sys.stderr.isatty():
        pace = LinePace()
        yield lambda stage, share: _write(f"{stage}, {100 * share:.0f} % done") if pace.due(share) else None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    with Progress(TextColumn("{task.description:12}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                  TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
