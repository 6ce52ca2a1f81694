"""The demo's parts for benchmarks, as real processes on free ports: broker, simulator, database or black hole.

    async with plant(tmp_path) as parts:
        with parts.serving("--cycle", "0.05", "--ticks", "2000") as run:
            report = await run.report(within_s=200)
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import config
from pipeline.embedded import embedded
from tests.real.mosquitto import Mosquitto, free_port
from tests.real.postgres import BlackHole
from tests.real.until import until

ROOT = Path(__file__).parent.parent.parent
DEMO = Path(config.__file__).parent / "examples" / "demo.yaml"


@dataclass(slots=True)
class Running:
    """A child process whose report appears in a file."""

    process: subprocess.Popen[bytes]
    path: Path
    log: Path
    began_s: float

    async def report(self, within_s: float) -> dict[str, Any]:
        await until(lambda: self.path.exists() or self.process.poll() is not None, within_s, self.log.name)
        assert self.path.exists(), self.log.read_text(errors="replace")[-3000:]
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found

    def end(self) -> dict[str, Any]:
        """Ask it to end, and take the report that it writes then."""
        self.process.terminate()
        self.process.wait(10)
        found: dict[str, Any] = json.loads(self.path.read_text())
        return found


@dataclass(frozen=True, slots=True)
class Parts:
    """`environment` is what the demo's definition asks for."""

    folder: Path
    environment: dict[str, str]

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.environment['PORT']}/ws"

    @contextmanager
    def started(self, module: str, *arguments: str, report: str) -> Iterator[Running]:
        """`python -m tests.benchmarks.<module> …`, ended with the block. `report` is its file's name."""
        path, log = self.folder / report, self.folder / f"{report}.log"
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=self.environment, stdout=output, stderr=output)
        try:
            yield Running(process, path, log, time.monotonic())
        finally:
            if process.poll() is None:
                process.terminate()
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    def serving(self, *options: str, file: Path = DEMO, name: str = "serving.json") -> Any:
        report = str(self.folder / name)
        secrets = ("--secrets", str(self.folder))
        return self.started("serving", str(file), report, *secrets, *options, report=name)


@asynccontextmanager
async def plant(folder: Path, *, black_hole: bool = False) -> AsyncIterator[Parts]:
    """Broker and simulator as in the demo. `black_hole`: where the database should be, bytes vanish."""
    for role in ("viewer", "operator", "engineer"):
        (folder / f"{role}_token").write_text(f"{role}-token-of-a-benchmark-0123456789")
    async with AsyncExitStack() as stack:
        broker = stack.enter_context(Mosquitto(folder))
        ready = folder / "simulator.json"
        simulator = ("-m", "simulator", "--broker", broker.url, "--ready-file", str(ready))
        process = subprocess.Popen([sys.executable, *simulator], cwd=ROOT, stderr=subprocess.DEVNULL)
        stack.callback(_end, process)
        if black_hole:
            hole = await stack.enter_async_context(BlackHole(free_port()))
            database = f"postgresql://127.0.0.1:{hole.port}/nowhere"
        else:
            place = Path(tempfile.mkdtemp(prefix="pg-"))  # where the database's own user may go
            place.chmod(0o755)
            stack.callback(shutil.rmtree, place, ignore_errors=True)
            server = embedded(place / "server")
            await asyncio.to_thread(server.start)
            stack.callback(server.stop)
            database = server.url
        await until(ready.exists, 30.0, "the simulator serves")
        environment = os.environ | {
            "PORT": str(free_port()),
            "SIMULATOR_PORT": str(json.loads(ready.read_text())["modbus_port"]),
            "BROKER_URL": broker.url,
            "DATABASE_URL": database,
            "DEMO_STATE": str(folder / "state"),
        }
        yield Parts(folder, environment)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
