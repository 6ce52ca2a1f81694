"""Processes are kept running, ended in order, and die with their supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from pipeline.supervise import LOG_BYTES, Crew, Program, Supervised, open_log, spoken
from tests.real.until import until

pytestmark = pytest.mark.integration

SLEEPER = [sys.executable, "-c", "import signal; signal.pause()"]
SULK = "import signal; signal.signal(15, signal.SIG_IGN); print('deaf', flush=True)\nwhile True: signal.pause()"
DEAF = [sys.executable, "-c", SULK]


@pytest.fixture
async def crew() -> AsyncIterator[Crew]:
    crew = Crew(lambda line: None)
    yield crew
    await crew.stop_all()


def program(tmp_path: Path, command: list[str], stop_within_s: float = 5.0) -> Program:
    return Program("part", command, tmp_path / "part.log", {"COLOUR": "grey"}, stop_within_s=stop_within_s)


def exists(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_killed_process_runs_again(tmp_path: Path, crew: Crew) -> None:
    part = crew.start(program(tmp_path, SLEEPER))
    await until(lambda: part.pid)
    first = part.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: part.pid not in {None, first}, timeout_s=5.0)
    assert part.restarts == 1


async def test_one_that_keeps_dying_is_tried_on_with_growing_pauses(tmp_path: Path) -> None:
    said: list[str] = []
    crew = Crew(said.append)
    part = crew.start(program(tmp_path, [sys.executable, "-c", "raise SystemExit(3)"]))
    await until(lambda: part.restarts == 3, timeout_s=15.0)
    await crew.stop_all()
    assert [line.rsplit(" in ")[1] for line in said[:3]] == ["0.5 s", "1 s", "2 s"]
    assert "exit code 3" in said[0]


async def test_what_cannot_be_started_is_said_and_tried_on(tmp_path: Path) -> None:
    said: list[str] = []
    crew = Crew(said.append)
    part = crew.start(program(tmp_path, ["/no/such/program"]))
    await until(lambda: part.restarts == 1)
    await crew.stop_all()
    assert "cannot be started" in said[0]


async def test_stop_gives_the_exit_code(tmp_path: Path, crew: Crew) -> None:
    body = "import signal, sys; signal.signal(15, lambda *_: sys.exit(7)); print('up', flush=True); signal.pause()"
    crew.start(program(tmp_path, [sys.executable, "-c", body]))
    await until(lambda: (tmp_path / "part.log").exists() and "up" in (tmp_path / "part.log").read_text())
    assert await crew.stop("part") == 7
    assert await crew.stop("part") is None


async def test_one_that_does_not_listen_is_killed(tmp_path: Path, crew: Crew) -> None:
    crew.start(program(tmp_path, DEAF, stop_within_s=0.1))
    await until(lambda: (tmp_path / "part.log").exists() and "deaf" in (tmp_path / "part.log").read_text())
    assert await crew.stop("part") == -signal.SIGKILL


async def test_stop_during_the_pause_starts_nothing_more(tmp_path: Path) -> None:
    part = Supervised(program(tmp_path, [sys.executable, "-c", ""]), lambda line: None)
    task = asyncio.create_task(part.run())
    await until(lambda: part.restarts == 1)
    assert await part.stop() == 0
    await task
    assert part.pid is None


async def test_environment_log_and_its_rotation(tmp_path: Path, crew: Crew) -> None:
    log = tmp_path / "part.log"
    log.write_bytes(b"x" * (LOG_BYTES + 1))
    crew.start(program(tmp_path, [sys.executable, "-c", "import os; print(os.environ['COLOUR'])"]))
    await until(lambda: log.exists() and "grey" in log.read_text())
    assert (tmp_path / "part.log.1").stat().st_size == LOG_BYTES + 1
    assert log.stat().st_mode & 0o777 == 0o600


def test_log_folder_is_made(tmp_path: Path) -> None:
    with open_log(tmp_path / "new" / "part.log") as descriptor:
        os.write(descriptor, b"line\n")
    assert (tmp_path / "new" / "part.log").read_text() == "line\n"


async def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    """`kill -9` of the supervisor leaves no process behind."""
    body = (
        "import asyncio, sys\nfrom pathlib import Path\nfrom pipeline.supervise import Crew, Program\n"
        "async def main():\n"
        "    crew = Crew(print)\n"
        f"    part = crew.start(Program('part', {SLEEPER!r}, Path({str(tmp_path / 'part.log')!r})))\n"
        "    while part.pid is None: await asyncio.sleep(0.01)\n"
        "    print(part.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE, text=True) as supervisor:
        assert supervisor.stdout is not None
        pid = int(await asyncio.to_thread(supervisor.stdout.readline))
        assert exists(pid)
        supervisor.kill()
    await until(lambda: not exists(pid))


@pytest.mark.parametrize(("code", "words"), [(0, "exit code 0"), (-9, "SIGKILL"), (None, "not started")])
def test_how_an_end_is_said(code: int | None, words: str) -> None:
    assert spoken(code) == words
