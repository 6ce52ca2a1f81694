"""The operator journal: what people ordered, on disk before they are told so.

    POST /operator/stop ─► await journal.append(act) ─► write, fsync ─► 200
                                                            │
    start ─► Journal.open(…) ─► standing(assets) ─► acts of the first tick, `restored`

Guarantees (LH-API-006, LH-OPS-004):
- When `append` has returned, the record survives `kill -9` and a power cut (as far as the disk is honest).
- A stop or lock-out that was not lifted is in `standing` after any restart, until an act lifts it.
- A record that cannot be read any more counts as a stop of all assets, until those are released.
- Two processes never write one journal: the second gets `JournalFileError`.

Appends run one at a time in a thread of their own, so neither a slow disk nor a busy thread pool delays a tick or
another append. After a failed write the file is cut back to its last good record. Times are UTC in ns since 1970.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from loguru import logger

from sinks.journal_lines import Line, Recovered, encode, recover
from sinks.standing import Standing
from sources.act import ActKind, OperatorAct

TEXT_LIMIT = 1000  # characters of a text from outside that are kept
KEPT = 10_000  # newest records held in memory
_KINDS = frozenset(str(kind) for kind in ActKind)


class JournalFileError(OSError):
    """The journal cannot be opened, or a record is not on disk. Names the file; the cause is chained."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One record. `what` is an act's kind, "boot", "damaged", or what else was asked of the endpoint.

    `accepted` False: refused, `why` says it. `n` counts the records of the file from 0; (boot_id, n) is unique.
    """

    n: int
    boot_id: str
    what: str
    at_ns: int
    accepted: bool = True
    why: str = ""
    id: str = ""
    asset: str | None = None
    operator: str = ""
    role: str = ""
    reason: str = ""

    @property
    def act(self) -> OperatorAct | None:
        """The act that was accepted, or None for everything else."""
        if not self.accepted or self.what not in _KINDS:
            return None
        return OperatorAct(self.id, ActKind(self.what), self.asset, self.operator, self.role, self.reason, self.at_ns)


class Journal:
    """An open journal. `noted` is called with every record that is on disk, from the journal's own thread."""

    def __init__(self, path: Path, boot_id: str, *, noted: Callable[[Entry], None] | None = None,
                 fsync: Callable[[int], None] = lambda fd: os.fsync(fd)) -> None:  # noqa: PLW0108 - as it is then
        self.path = path
        self.boot_id = boot_id
        self.noted = noted
        self._fsync = fsync
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._standing = Standing()
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self._next = 0
        try:
            self._fd = _open_locked(path)
            self._good = self._read()
        except OSError as error:
            raise JournalFileError(f"journal {path}: {error}") from error

    def _read(self) -> int:
        """Recover the file and cut off a torn tail. Returns the length of what stands."""
        found = recover(_read_all(self._fd))
        for line in found.lines:
            self._remember(_entry(line, self._next))
        if found.torn_bytes or found.open_end:
            self._mend(found)
        if found.damaged:
            logger.error("journal {}: {} records are unreadable and count as a stop of all assets", self.path,
                         found.damaged)
        return os.fstat(self._fd).st_size

    def _mend(self, found: Recovered) -> None:
        logger.warning("journal {}: the last {} bytes are torn and were cut off", self.path, found.torn_bytes)
        os.ftruncate(self._fd, found.good_bytes)
        if found.open_end:
            os.pwrite(self._fd, b"\n", found.good_bytes)
        self._fsync(self._fd)

    def _remember(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._next = entry.n + 1
        if entry.what == "damaged":
            self._standing.note(OperatorAct(f"damaged-{entry.n}", ActKind.STOP, None, "journal", "", entry.why, 0))
        elif entry.act is not None:
            self._standing.note(entry.act)

    async def append(self, act: OperatorAct) -> Entry:
        """Record an accepted act. On disk when it returns; `JournalFileError` when it is not."""
        return await self._in_thread(_of_act(act, accepted=True, why=""))

    async def refuse(self, act: OperatorAct, why: str) -> Entry:
        """Record an act that was refused, and why (LH-API-007)."""
        return await self._in_thread(_of_act(act, accepted=False, why=why))

    async def note(self, what: str, *, at_ns: int, operator: str, role: str, reason: str = "",
                   asset: str | None = None, accepted: bool = True, why: str = "", subject: str = "") -> Entry:
        """Record any other write that was asked of the endpoint, such as a schedule import of `subject`."""
        if what in _KINDS:
            raise ValueError(f"{what!r} is an operator act: use append or refuse")
        return await self._in_thread({"what": what, "at_ns": at_ns, "accepted": accepted, "why": why, "id": subject,
                                      "asset": asset, "operator": operator, "role": role, "reason": reason})

    def boot(self, at_ns: int, version: str, configuration: str) -> Entry:
        """Record the start of a process. Runs in the caller's thread: nothing runs yet that could wait for it."""
        return self._write({"what": "boot", "at_ns": at_ns, "reason": configuration, "why": version})

    async def end(self, at_ns: int) -> Entry:
        """Record an orderly end: whoever starts after it has not crashed."""
        return await self._in_thread({"what": "end", "at_ns": at_ns})

    def crashing_since(self, at_ns: int) -> int:
        """Starts since then that were not ended in order, this one included: of a crash loop there are many."""
        ended = {entry.boot_id for entry in self.entries if entry.what == "end"}
        return sum(e.what == "boot" and e.at_ns >= at_ns and e.boot_id not in ended for e in self.entries)

    def standing(self, assets: Sequence[str]) -> list[OperatorAct]:
        """Stops and lock-outs that no later act has lifted, marked as restored, oldest first."""
        return self._standing.acts(assets)

    def latest(self, limit: int) -> list[Entry]:
        """The newest records first."""
        return list(islice(reversed(self.entries), limit))

    async def _in_thread(self, body: dict[str, Any]) -> Entry:
        # shield: an operator who hangs up does not undo what the thread is writing
        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, self._write, body))

    def _write(self, body: dict[str, Any]) -> Entry:
        entry = Entry(n=self._next, boot_id=self.boot_id, **{key: _plain(value) for key, value in body.items()})
        line = encode({"n": entry.n, "boot": entry.boot_id, **{key: getattr(entry, key) for key in body}})
        try:
            os.ftruncate(self._fd, self._good)  # drops what an earlier failed write may have left
            _write_all(self._fd, line, self._good)
            self._fsync(self._fd)
        except OSError as error:
            said = f"journal {self.path}: record {entry.n} ({entry.what}) is not on disk: {error}"
            raise JournalFileError(said) from error
        self._good += len(line)
        self._remember(entry)
        try:
            if self.noted is not None:
                self.noted(entry)
        except Exception:  # the record is on disk: whoever listens must not make the operator believe otherwise
            logger.exception("journal {}: a listener failed on record {}", self.path, entry.n)
        return entry

    async def close(self) -> None:
        """Wait for the appends under way and release the file."""
        await asyncio.to_thread(self._thread.shutdown, wait=True)
        os.close(self._fd)


def _open_locked(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(fd)
        raise JournalFileError(f"journal {path} is in use by another process") from error
    directory = os.open(path.parent, os.O_RDONLY)  # a new file is only safe when its directory entry is
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return fd


def _read_all(fd: int) -> bytes:
    parts: list[bytes] = []
    offset = 0
    while part := os.pread(fd, 1 << 20, offset):
        parts.append(part)
        offset += len(part)
    return b"".join(parts)


def _write_all(fd: int, line: bytes, offset: int) -> None:
    while line:
        written = os.pwrite(fd, line, offset)
        line, offset = line[written:], offset + written


def _plain(value: Any) -> Any:
    """Texts from outside without what no file can hold (lone surrogates), and of bounded length."""
    return value.encode("utf-8", "replace").decode()[:TEXT_LIMIT] if isinstance(value, str) else value


def _of_act(act: OperatorAct, *, accepted: bool, why: str) -> dict[str, Any]:
    by_hand = f"{act.power_kw:+g} kW for {act.dead_man_s:g} s: " if act.kind is ActKind.MANUAL else ""
    override = "override: " if act.override else ""
    return {"what": str(act.kind), "at_ns": act.at_ns, "accepted": accepted, "why": why, "id": act.id,
            "asset": act.asset, "operator": act.operator, "role": act.role,
            "reason": f"{override}{by_hand}{act.reason}"}


def _entry(line: Line, n: int) -> Entry:
    """The record of one line. A line that checks but does not read as a record is damaged too."""
    body = dict(line.body or {})
    try:
        return Entry(boot_id=str(body.pop("boot")), **(body | {"n": n}))
    except (KeyError, TypeError):
        return Entry(n=n, boot_id="", what="damaged", at_ns=0, why=f"the record at byte {line.start} is unreadable")
