"""The watchdog ends the process whatever it hangs in: a sleep, native code that keeps the interpreter, its own log."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import re, sys, threading
from loguru import logger
from pipeline.watchdog import Watchdog

def stuck(_line):
    threading.Event().wait()

dog = Watchdog(0.3, 70)
dog.start()
dog.feed()
if sys.argv[1] == "waiting":
    threading.Event().wait()
if sys.argv[1] == "native code":
    re.match("(a+)+$", "a" * 40 + "b")
if sys.argv[1] == "log":
    logger.remove()
    logger.add(stuck)
    logger.info("nobody reads this")
"""


@pytest.mark.req("LH-NF-004")
@pytest.mark.parametrize(("hangs_in", "code"), [("waiting", 70), ("log", 70), ("native code", 1)])
@pytest.mark.hazard("row 35", "L6")
def test_a_process_that_hangs_ends(hangs_in: str, code: int) -> None:
    done = subprocess.run(  # the time-out only ends a failing test
        [sys.executable, "-c", PROGRAM, hangs_in], capture_output=True, timeout=60.0, check=False
    )
    assert done.returncode == code
