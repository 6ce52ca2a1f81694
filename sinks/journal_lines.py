"""Lines of the operator journal: how one is written, and what is left of a file after a crash.

    {"crc":"1c291ca3","body":{"n":7,"boot":"…","what":"stop",…}}⏎

One line is one JSON object; `crc` is the CRC-32 of the bytes of `body`, so a reader needs no re-serialisation to
check it. Three things may be wrong with a file, and they are told apart:

- *torn tail*: the last line has no end. Its write was never acknowledged; it is cut off.
- *damaged line*: a complete line that does not check. It may have been a stop, so readers must count it as one.
- *missing line end*: the last line is whole but for its newline; it counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from zlib import crc32

import orjson

PREFIX = b'{"crc":"%08x","body":'
_HEAD = len(PREFIX % 0)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the file. `body` is None when the line is damaged. `start` is its offset in bytes."""

    start: int
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a file holds: lines in order, `good_bytes` to keep, `torn_bytes` behind them, and how the file ends."""

    lines: tuple[Line, ...]
    good_bytes: int
    torn_bytes: int
    open_end: bool

    @property
    def damaged(self) -> int:
        return sum(1 for line in self.lines if line.body is None)


def encode(body: dict[str, Any]) -> bytes:
    """One line with its end. TypeError when the body is not plain JSON."""
    raw = orjson.dumps(body)
    return PREFIX % crc32(raw) + raw + b"}\n"


def decode(line: bytes) -> dict[str, Any] | None:
    """The body of one line without its end; None when the line does not check."""
    raw = line[_HEAD:-1]
    if not line.endswith(b"}") or line[:_HEAD] != PREFIX % crc32(raw):
        return None
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def recover(raw: bytes) -> Recovered:
    """Read a whole file, whatever became of it. Never raises."""
    lines: list[Line] = []
    start = 0
    while (end := raw.find(b"\n", start)) >= 0:
        lines.append(Line(start, decode(raw[start:end])))
        start = end + 1
    tail = raw[start:]
    for whole in (tail, tail[:-1]):
        if whole and (body := decode(whole)) is not None:
            return Recovered((*lines, Line(start, body)), start + len(whole), len(tail) - len(whole), open_end=True)
    return Recovered(tuple(lines), start, len(tail), open_end=False)
