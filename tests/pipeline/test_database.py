"""The embedded database as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from pipeline.supervise import Crew, Program
from tests.real.until import until

pytestmark = pytest.mark.integration


async def test_it_says_when_it_serves_ends_in_order_and_comes_back(tmp_path: Path) -> None:
    folder, ready = tmp_path / "postgres", tmp_path / "database.json"
    crew = Crew(lambda line: None)
    command = [sys.executable, "-P", "-m", "pipeline.database", str(folder), str(ready)]
    part = crew.start(Program("database", command, tmp_path / "database.log", stop_within_s=20.0))
    try:
        await until(ready.exists, 60.0, "the database serves")
        first = json.loads(ready.read_text())
        assert first["url"].startswith("postgresql://")
        os.kill(first["pid"], signal.SIGKILL)
        await until(lambda: ready.exists() and json.loads(ready.read_text())["pid"] != first["pid"], 30.0)
        assert part.restarts == 1
        again = json.loads(ready.read_text())
    finally:
        code = await crew.stop("database")
    assert code == 0
    assert not ready.exists()
    assert not Path(f"/proc/{again['pid']}").exists()
