"""Tasks that are kept running: an exception is logged and the job starts again, with capped back-off.

A source that fails ages its values meanwhile (design rule 10); a task that ends quietly is an error too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable

from loguru import logger

FIRST_S, MOST_S = 0.2, 5.0
CANCEL_ROUNDS = 3


class Tasks:
    """The running jobs. `cancel` ends them all and waits until they have ended."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._leaving: set[str] = set()

    def start(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        self._tasks.append(asyncio.create_task(self._keep(name, job), name=name))

    @property
    def running(self) -> tuple[asyncio.Task[None], ...]:
        """Every job that is to be kept running."""
        return tuple(self._tasks)

    def closing(self) -> None:
        """From now on a job that ends has ended."""
        self._closing.set()

    async def cancel(self) -> None:
        """End every job. One that swallowed its cancellation is asked again, and left behind after some seconds."""
        ending, self._tasks = self._tasks, []
        await _cancelled(ending)

    async def end(self, names: Collection[str], goodbye: Callable[[], Awaitable[None]]) -> None:
        """End these jobs, after `goodbye`: one of them that ends from now on has ended."""
        self._leaving.update(names)
        try:
            await goodbye()
        finally:
            ending = [task for task in self._tasks if task.get_name() in names]
            self._tasks = [task for task in self._tasks if task not in ending]
            await _cancelled(ending)
            self._leaving.difference_update(names)

    def _over(self, name: str) -> bool:
        return self._closing.is_set() or name in self._leaving

    async def _keep(self, name: str, job: Callable[[], Awaitable[None]]) -> None:
        """Run `job` for ever. Back-off doubles from 0.2 s to 5 s and starts over after a minute of health.

        An error is shown with its trace when it is another one; the same one again at its 2nd, 4th, 8th … time.
        """
        delay, last, times = FIRST_S, "", 0
        while not self._over(name):
            began = self._clock()
            try:
                await job()
                if self._over(name):
                    return
                logger.warning("{}: ended and is started again", name)
            except Exception as error:  # whatever a source raises, the process goes on without it
                times = times + 1 if repr(error) == last else 1
                last = repr(error)
                if times & (times - 1) == 0:
                    shown = logger.opt(exception=error if times == 1 else None)
                    shown.error("{}: failed and is started again in {:.1f} s: {}{}", name, delay, last,
                                "" if times == 1 else f" (time {times})")  # fmt: skip
            if self._clock() - began > 60.0:
                delay = FIRST_S
            await asyncio.sleep(delay)
            delay = min(MOST_S, delay * 2)


async def _cancelled(tasks: Iterable[asyncio.Task[None]]) -> None:
    pending = set(tasks)
    for _ in range(CANCEL_ROUNDS):
        for task in pending:
            task.cancel()
        if not pending:
            break
        _, pending = await asyncio.wait(pending, timeout=1.0)
    for task in pending:
        logger.error("{}: does not end and is left behind", task.get_name())
