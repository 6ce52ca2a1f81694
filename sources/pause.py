"""Waiting on the loop's clock: a connection's back-off, a poll's next deadline.

The chain itself never waits. Adapters do, and only here and on events, so that a loop with a virtual clock moves them.
"""

from __future__ import annotations

import asyncio


async def pause(delay_s: float) -> None:
    """Return after `delay_s` of loop time (s), at once when it is not positive; other tasks run in between."""
    loop = asyncio.get_running_loop()
    over: asyncio.Future[None] = loop.create_future()
    timer = loop.call_later(max(0.0, delay_s), _finish, over)
    try:
        await over
    except asyncio.CancelledError:
        timer.cancel()
        raise


def _finish(over: asyncio.Future[None]) -> None:
    if not over.done():  # cancelled in the very moment in which the time was over
        over.set_result(None)
