"""Structured logs: one line per event, JSON for machines or text for people, on standard error.

    {"time": "…Z", "level": "WARNING", "component": "web", "asset": "bess1", "decision": "refused",
     "reason": "forbidden", "message": "…"}

Guarantees (LH-MON-001): every line has time and component, and asset, decision and reason where they mean something;
no other bound field is written, every field is one line of bounded length, and control characters are escaped. Values
of local variables are never printed (`diagnose` is off), so a secret in a frame of the stack stays there. Lines of
libraries that use `logging` come out in the same form. A sink that fails drops its line and nothing else.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable
from datetime import UTC
from typing import TYPE_CHECKING, Any, Literal, TextIO

import orjson
from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

FIELDS = ("component", "asset", "decision", "reason")
LONGEST_FIELD = 200
LONGEST_MESSAGE = 4000
QUIET = ("pymodbus", "gmqtt", "asyncpg", "uvicorn", "websockets", "asyncio", "httpx", "httpcore", "opentelemetry")
Form = Literal["json", "human"]


class Relay(logging.Handler):
    """Hands records of the standard `logging` to loguru, with the library's name as component."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level: str | int = logger.level(record.levelname).name
        except ValueError:
            level = record.levelno
        component = record.name.partition(".")[0]
        try:
            text = record.getMessage()
        except (TypeError, ValueError):
            text = str(record.msg)
        logger.bind(component=component).opt(exception=record.exc_info).log(level, "{}", text)


def configure(form: Form = "human", level: str = "INFO", stream: TextIO | None = None) -> None:
    """Replace every sink by one of the given form, and route the standard `logging` into it."""
    out = stream if stream is not None else sys.stderr
    render = as_json if form == "json" else as_text
    logger.remove()
    logger.configure(extra={"component": "pipeline"})
    logger.add(_sink(out, render), level=level, format=_empty, diagnose=False, backtrace=False, enqueue=False,
               catch=True)
    logging.root.handlers = [Relay()]
    logging.root.setLevel(logging.WARNING)
    for name in QUIET:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [], True
        library.setLevel(logging.WARNING)


def as_json(record: Record) -> str:
    line: dict[str, Any] = {"time": _time(record), "level": record["level"].name}
    line |= fields(record)
    line["message"] = record["message"][:LONGEST_MESSAGE]
    trace = _trace(record)
    if trace:
        line["trace"] = trace
    return orjson.dumps(line, default=str).decode()


def as_text(record: Record) -> str:
    found = fields(record)
    where = " ".join(str(found[name]) for name in ("component", "asset") if name in found)
    why = " ".join(f"{name}={found[name]}" for name in ("decision", "reason") if name in found)
    message = printable(record["message"], LONGEST_MESSAGE)
    line = f"{_time(record)} {record['level'].name:<8} {where}: {message}" + (f"  [{why}]" if why else "")
    return line + ("\n" + _trace(record) if record["exception"] else "")


def fields(record: Record) -> dict[str, str]:
    """The bounded fields that the line carries."""
    extra = record["extra"]
    return {name: printable(str(extra[name]), LONGEST_FIELD) for name in FIELDS if extra.get(name) not in {None, ""}}


def printable(text: str, limit: int) -> str:
    """One line, no control characters, at most `limit` long: nothing from outside can forge a line."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in cut)


def _trace(record: Record) -> str:
    """Where it happened: files, lines and the exception's text, without values of variables."""
    caught = record["exception"]
    if caught is None or caught.value is None:
        return ""
    return "".join(traceback.format_exception(caught.type, caught.value, caught.traceback)).rstrip()


def _time(record: Record) -> str:
    moment = record["time"].astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _empty(_: Record) -> str:
    return ""


def _sink(out: TextIO, render: Callable[[Record], str]) -> Callable[[Message], None]:
    def write(message: Message) -> None:
        out.write(render(message.record) + "\n")
        out.flush()

    return write
