"""A progress bar with rate and time left, on stderr, where a person is looking."""
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


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
        False shows nothing. Nothing is shown either where stderr is not a terminal: a log file wants no moving bar.
    done : int
        Steps that were made by an earlier run.

    Yields
    ------
    callable
        Call it with the number of steps just made.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    rate = TextColumn("{task.fields[rate]}")
    with Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), rate, TimeRemainingColumn(),
                  console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total, completed=done, rate="")

        def advance(steps: int) -> None:
            bar.advance(task, steps)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:.0f}/s" if speed else "")
        yield advance


@contextmanager
def stages(*, shown: bool) -> Iterator[Callable[[str, float], None]]:
    """Show which stage of a job is under way.

    Yields
    ------
    callable
        Call it with the name of the stage and the share 0..1 of the job that is done.
    """
    if not shown or not sys.stderr.isatty():
        yield lambda stage, share: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
    with Progress(TextColumn("{task.description:12}"), BarColumn(), TextColumn("{task.percentage:3.0f} %"),
                  TimeElapsedColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=1.0)
        yield lambda stage, share: bar.update(task, description=stage, completed=share)
