"""Somebody else's blocking work, in a thread of its own: it can be slow, hang or raise, and the loop goes on.

    await in_thread("requests.day_ahead", work)      work(stop) ──returns or raises──► the awaiting task

A thread cannot be ended from outside: when the task is cancelled, `stop` is set and the thread is left behind. It is a
daemon, so that it does not keep the process.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from typing import Any

Work = Callable[[threading.Event], None]


class ForeignError(RuntimeError):
    """Work of somebody else has ended with an exception; its text is here, it itself is the cause."""


class OwnThread(Executor):
    """One daemon thread for `loop.run_in_executor`, one job at a time: a job that hangs does not keep the process."""

    def __init__(self, name: str) -> None:
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self._jobs.put((future, lambda: fn(*args, **kwargs)))
        if self._thread.ident is None:
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002  # never waits
        self._jobs.put(None)

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            future, call = job
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except BaseException as error:
                future.set_exception(error)
            else:
                future.set_result(result)


async def in_thread(name: str, work: Work) -> None:
    """Run `work` until it ends. Raises `ForeignError` for whatever it raises, even for an exit."""
    loop, stop = asyncio.get_running_loop(), threading.Event()
    ended: asyncio.Future[None] = loop.create_future()

    def finish(error: BaseException | None) -> None:
        if ended.done():
            return
        if error is None:
            ended.set_result(None)
        else:
            ended.set_exception(ForeignError(f"{name}: {type(error).__name__}: {error}"))

    def body() -> None:
        failure: BaseException | None = None
        try:
            work(stop)
        except BaseException as error:  # not our code: even an exit ends its thread alone
            failure = error
        with contextlib.suppress(RuntimeError):  # the loop may have closed meanwhile
            loop.call_soon_threadsafe(finish, failure)

    threading.Thread(target=body, name=name, daemon=True).start()
    try:
        await ended
    finally:
        stop.set()
