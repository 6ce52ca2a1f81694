"""The fixture that makes failures of tasks and sinks visible, run on tests that must fail and tests that must not."""

from __future__ import annotations

import pytest

HEAD = """
import asyncio, threading
import reactivex
from reactivex.subject import Subject

async def boom() -> None:
    raise ValueError("boom")
"""

FAILING = {
    "a callback raises": """
async def test_it() -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
""",
    "a task raises and nobody asks": """
async def test_it() -> None:
    asyncio.create_task(boom())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
""",
    "a sink raises": """
async def test_it() -> None:
    readings: Subject[int] = Subject()
    readings.subscribe(lambda value: 1 / value)
    asyncio.get_running_loop().call_soon(readings.on_next, 0)
    await asyncio.sleep(0)
""",
    "a task loses its connection and nobody asks": """
async def test_it() -> None:
    async def lost() -> None:
        raise ConnectionResetError(104, "reset")
    asyncio.create_task(lost())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
""",
    "a future holds an error of ours and nobody asks": """
async def test_it() -> None:
    asyncio.get_running_loop().create_future().set_exception(ValueError("boom"))
""",
    "a loop of its own": """
def test_it() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(lambda: 1 / 0)
        await asyncio.sleep(0)
    asyncio.run(main())
""",
    "a thread raises": """
def test_it() -> None:
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
""",
}

PASSING = {
    "nothing raises": """
async def test_it() -> None:
    await asyncio.sleep(0)
""",
    "a library forgets why a connection was lost": """
async def test_it() -> None:
    asyncio.get_running_loop().create_future().set_exception(ConnectionResetError(104, "reset"))
""",
    "provoked on purpose": """
async def test_it(loop_exceptions: list[str]) -> None:
    asyncio.get_running_loop().call_soon(lambda: 1 / 0)
    await asyncio.sleep(0)
    assert "ZeroDivisionError" in loop_exceptions.pop()
""",
}


def run(pytester: pytest.Pytester, body: str) -> dict[str, int]:
    pytester.makeini("[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\n"
                     "filterwarnings = error\n")  # fmt: skip
    pytester.makeconftest("from tests.conftest import loop_exceptions")
    pytester.makepyfile(HEAD + body)
    without = ("-p", "no:cacheprovider", "-p", "no:benchmark", "-p", "no:xdist")
    return pytester.runpytest_inprocess(*without).parseoutcomes()


@pytest.mark.parametrize("name", FAILING)
def test_a_failure_in_the_background_fails_the_test(pytester: pytest.Pytester, name: str) -> None:
    outcomes = run(pytester, FAILING[name])
    assert outcomes.get("failed", 0) + outcomes.get("errors", 0) == 1


@pytest.mark.parametrize("name", PASSING)
def test_a_good_test_passes(pytester: pytest.Pytester, name: str) -> None:
    assert run(pytester, PASSING[name]) == {"passed": 1}
