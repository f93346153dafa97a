"""How far a run is, and how long its stages took."""
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Progress = Callable[[str, float], None]


@dataclass
class Clock:
    """Seconds of every stage, and progress reports to the user.

    Parameters
    ----------
    progress : callable or None
        Called with the name of the stage and the share 0..1 of the run that is done.
    steps : int
        Steps of the whole run: one for each stage and for each fitted fold.
    done : int
        Steps done so far.
    seconds : dict of str to float
        Seconds of each stage that has ended.
    subject : str
        The finding that the stages belong to; "" where there is one task only.
    """

    progress: Progress | None
    steps: int
    done: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    subject: str = ""

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage; it counts as one step."""
        start = time.perf_counter()
        self.report(name)
        yield
        self.seconds[name] = round(self.seconds.get(name, 0) + time.perf_counter() - start, 3)
        self.done += 1

    def report(self, name: str) -> None:
        """Report the stage and the share of the run that is done."""
        if self.progress:
            self.progress(f"{self.subject}, {name}" if self.subject else name, min(self.done / self.steps, 1.0))

    def fold_done(self, number: int, count: int, valid_loss: float) -> None:
        """A fold is fitted.

        Parameters
        ----------
        number : int
            From 0 on.
        count : int
            Number of folds; 1 where the table has a split of its own.
        valid_loss : float
            Log-loss on the rows that chose the rounds; NaN without such rows.
        """
        self.done += 1
        facts = [f"fold {number + 1} of {count}"] if count > 1 else []
        facts += [] if math.isnan(valid_loss) else [f"log-loss {valid_loss:.3f}"]
        self.report(": ".join(["fit", *([", ".join(facts)] if facts else [])]))
