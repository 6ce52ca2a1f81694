"""Waiting on the loop's clock."""

from __future__ import annotations

import asyncio

from sources.pause import pause


async def test_other_tasks_run_during_a_pause_even_of_no_length() -> None:
    ran: list[str] = []
    asyncio.get_running_loop().call_soon(ran.append, "other")
    await pause(-1.0)
    assert ran == ["other"]


async def test_a_pause_that_ends_while_it_is_cancelled_is_cancelled() -> None:
    task = asyncio.create_task(pause(0.0))
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(task.cancel)
    await asyncio.gather(task, return_exceptions=True)
    assert task.done()
