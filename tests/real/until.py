"""Waiting for a condition in tests: polled, with a deadline, never a fixed sleep."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(
    condition: Callable[[], object], timeout_s: float = 30.0, what: str = "", *, every_s: float = 0.005
) -> None:
    """Return as soon as `condition()` is true; fail the test when it is not within `timeout_s`.

    `every_s` 0: looked at in every round of the loop.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout_s
    while not condition():
        assert loop.time() < deadline, f"not within {timeout_s} s: {what or condition}"
        await asyncio.sleep(every_s)
