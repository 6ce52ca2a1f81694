"""JSON from outside, read strictly: one meaning or an error.

Refused, each with one sentence: more than `max_bytes`, bytes that are not UTF-8, NaN and Infinity (they are not JSON),
the same member twice in one object (readers differ in which they take), nesting too deep to read.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import NoReturn


class JsonError(ValueError):
    """A text that is not acceptable JSON, and why."""


def read(text: bytes | bytearray | str, max_bytes: int) -> object:
    """The value of `text`. Raises `JsonError`, never anything else."""
    if len(text) > max_bytes:
        raise JsonError(f"{len(text)} bytes are more than the {max_bytes} allowed")
    try:
        decoded = text if isinstance(text, str) else bytes(text).decode("utf-8")
        value: object = json.loads(decoded, object_pairs_hook=_unique, parse_constant=_not_a_number)
    except JsonError:
        raise
    except UnicodeDecodeError as error:
        raise JsonError(f"not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}") from None
    except RecursionError:
        raise JsonError("nested too deep") from None
    except ValueError:
        raise JsonError("a number with too many digits") from None
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = Counter(name for name, _ in pairs)
        raise JsonError(f"the member {shown(next(name for name in names if names[name] > 1))} appears twice")
    return members


def _not_a_number(constant: str) -> NoReturn:
    raise JsonError(f"{constant} is not JSON")


def shown(value: object, length: int = 40) -> str:
    """A value from outside for a message: one line, printable, short."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    text = ascii(value[: length + 1]) if isinstance(value, str) else _number(value)
    return text if len(text) <= length else f"{text[: length - 3]}..."


def _number(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # an integer of more digits than Python prints
        return "a very large number"
