"""Processes that work for a server: one image each at a time, so that a crash or a hang costs that image only."""
import asyncio
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor
from contextlib import ExitStack
from typing import TypeVar

from classify.serve.result import Fault
from featurize.errors import UserError
from featurize.runtime.processes import process_pool

Argument = TypeVar("Argument")
Result = TypeVar("Result")

# Images that may wait for each process; more are refused, so that what waits does not fill the memory.
WAITING_A_PROCESS = 8


class Busy(Exception):
    """Too many images are waiting."""


class Worker:
    """One process, and another one after it was stopped."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.pool: Executor | None = None

    def start(self, get_ready: Callable[[], None]) -> None:
        """Start the process and let it get ready; raises what `get_ready` raises there."""
        self.pool = self._stack.enter_context(process_pool(1))
        self.pool.submit(get_ready).result()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._stack.close()
        self.pool = None


class Workers:
    """Several processes that work for an event loop.

    Parameters
    ----------
    jobs : int
        Processes.
    limit_s : float
        Seconds that one image may take.
    get_ready : callable
        What each process does first.
    on_restart : callable
        Called for each process that has to be replaced.
    """

    def __init__(self, jobs: int, limit_s: float, get_ready: Callable[[], None],
                 on_restart: Callable[[], None] = lambda: None) -> None:
        self._workers = [Worker() for _ in range(jobs)]
        self._free: asyncio.Queue[Worker] = asyncio.Queue()
        self._limit_s, self._get_ready, self._on_restart = limit_s, get_ready, on_restart
        self._renewals: set[asyncio.Task[None]] = set()
        self.waiting = 0

    async def start(self) -> None:
        """Start all processes.

        Raises
        ------
        UserError
            They cannot load the model.
        """
        await asyncio.gather(*(asyncio.to_thread(worker.start, self._get_ready) for worker in self._workers))
        for worker in self._workers:
            self._free.put_nowait(worker)

    async def stop(self) -> None:
        """End all processes."""
        await asyncio.gather(*self._renewals, return_exceptions=True)
        await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in self._workers))

    async def run(self, function: Callable[[Argument], Result], argument: Argument) -> Result | Fault:
        """Call a function of one argument in a process that is free.

        Returns
        -------
        What it returns; or a Fault where its process died, or was ended because the time was up.

        Raises
        ------
        Busy
            Too many calls are waiting.
        UserError
            The model was replaced.
        """
        if self.waiting >= WAITING_A_PROCESS * len(self._workers):
            raise Busy
        self.waiting += 1
        try:
            worker = await self._free.get()
        finally:
            self.waiting -= 1
        usable = False
        try:
            assert worker.pool is not None
            future = asyncio.wrap_future(worker.pool.submit(function, argument))
            result = await asyncio.wait_for(future, self._limit_s)
            usable = True
            return result
        except TimeoutError:
            return Fault(f"it took more than the {self._limit_s:g} s that an image may take here", "too_slow")
        except BrokenExecutor:
            return Fault("the process that measured it died (crash or out of memory)", "crashed")
        except UserError:
            usable = True
            raise
        finally:
            self._give_back(worker, usable)

    def _give_back(self, worker: Worker, usable: bool) -> None:
        if usable:
            self._free.put_nowait(worker)
            return
        # Also where the caller went away: its image would be measured to the end.
        self._on_restart()
        renewal = asyncio.get_running_loop().create_task(self._renew(worker))
        self._renewals.add(renewal)
        renewal.add_done_callback(self._renewals.discard)

    async def _renew(self, worker: Worker) -> None:
        try:
            await asyncio.to_thread(worker.stop)
            await asyncio.to_thread(worker.start, self._get_ready)
        except (UserError, BrokenExecutor):
            # The process is there: the next image tells why it cannot be used.
            pass
        finally:
            self._free.put_nowait(worker)
