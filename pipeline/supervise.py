"""Processes that are kept running: started, watched, started again with a growing pause, and ended in order.

    start ──► running ──► ended by itself ──► pause 0.5, 1, 2, 4, 4, … s ──► start
                 └── stop(): signal, at most `stop_within_s`, then killed

Guarantees: a process that dies runs again within 5 s; one that keeps dying is tried for ever at the longest pause; a
process that has run for `SETTLED_S` begins with the shortest pause again. Each has a session of its own, so that a
Ctrl-C in the terminal reaches the supervisor alone, and gets `death_signal` when the supervisor itself is killed.
What a process prints goes to its log file, which is kept once more as `.1` when it has grown large.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
SETTLED_S = 30.0
LOG_BYTES = 10_000_000
PR_SET_PDEATHSIG = 1

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Program:
    """What to run. `stop_signal` asks it to end; after `stop_within_s` (s) it is killed."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 5.0


class Supervised:
    """One program under supervision. `run` is its task; `report` is told what happens, in one line each time."""

    def __init__(self, program: Program, report: Report) -> None:
        self.program = program
        self.restarts = 0
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()

    @property
    def pid(self) -> int | None:
        return None if self._process is None or self._process.returncode is not None else self._process.pid

    async def run(self) -> None:
        """Start it, again and again, until `stop`."""
        loop = asyncio.get_running_loop()
        failures = 0
        while not self._stopping.is_set():
            started = loop.time()
            code = await self._run_once()
            if self._stopping.is_set():
                return
            failures = 1 if loop.time() - started >= SETTLED_S else failures + 1
            pause = PAUSES_S[min(failures, len(PAUSES_S)) - 1]
            self.restarts += 1
            self._report(f"{self.program.name} ended ({spoken(code)}), starting again in {pause:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)

    async def stop(self) -> int | None:
        """Ask it to end, wait, kill at last. Returns its exit code, negative for a signal; None: it was not running."""
        self._stopping.set()
        process = self._process
        if process is None or process.returncode is not None:
            return None if process is None else process.returncode
        with suppress(ProcessLookupError):
            process.send_signal(self.program.stop_signal)
        try:
            return await asyncio.wait_for(process.wait(), self.program.stop_within_s)
        except TimeoutError:
            self._report(f"{self.program.name} does not end, killing it")
            with suppress(ProcessLookupError):
                process.kill()
            return await process.wait()

    async def _run_once(self) -> int | None:
        """Run it to its end. None: it could not be started."""
        try:
            with open_log(self.program.log) as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.program.command,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **self.program.environment},
                    start_new_session=True,
                    preexec_fn=death_signal(self.program.stop_signal),
                )
        except OSError as error:
            self._report(f"{self.program.name} cannot be started: {error}")
            return None
        if self._stopping.is_set():  # asked to end while it was being started
            self._process.send_signal(self.program.stop_signal)
        return await self._process.wait()


class Crew:
    """Several programs under supervision. End it with `stop`, in the order that matters, then `stop_all`."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._members: dict[str, tuple[Supervised, asyncio.Task[None]]] = {}

    def start(self, program: Program) -> Supervised:
        member = Supervised(program, self._report)
        self._members[program.name] = member, asyncio.create_task(member.run(), name=program.name)
        return member

    async def stop(self, name: str) -> int | None:
        """End one; its exit code, None if it was not running."""
        if name not in self._members:
            return None
        member, task = self._members.pop(name)
        code = await member.stop()
        await task
        return code

    async def stop_all(self) -> None:
        """End all the others at once."""
        await asyncio.gather(*(self.stop(name) for name in tuple(self._members)))


def death_signal(number: signal.Signals) -> Callable[[], None]:
    """For the child, between fork and exec: Linux sends it `number` when its parent dies, however that happens."""
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return arrange


@contextmanager
def open_log(path: Path) -> Iterator[int]:
    """A descriptor that appends to the log file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_BYTES:
        path.replace(path.with_suffix(f"{path.suffix}.1"))
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def spoken(code: int | None) -> str:
    if code is None:
        return "not started"
    return f"exit code {code}" if code >= 0 else signal.Signals(-code).name
