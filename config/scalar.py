"""Plain scalars of YAML 1.2, read so that no two readers can disagree.

A plain (unquoted) scalar is true, false, null, a decimal integer, a decimal fraction, a hexadecimal integer (`0xFFFF`),
or text. Whatever YAML 1.1 and 1.2 read differently, or people do, is refused with advice: `010`, `on`, `yes`, `1:30`,
`.nan`, `1e3`, `1_000`, `0o17`, `2024-01-01`. Quoted scalars are always text.
"""

from __future__ import annotations

import re

Value = str | int | float | bool | None

_WORD = re.compile(r"(?i:y|n|yes|no|on|off)")
_TRUE_FALSE = re.compile(r"(?i:true|false)")
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_HEXADECIMAL = re.compile(r"0x[0-9A-Fa-f]{1,16}")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+")
_NUMBER_LIKE = re.compile(
    r"[-+]?(?:\.[0-9]|[0-9])[0-9_]*\.?[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?0[oOxXbB][0-9A-Fa-f_]+|\+[0-9].*"
)
_NOT_FINITE = re.compile(r"(?i:[-+]?\.?inf|\.nan|nan|[-+]?infinity)")
_CLOCK = re.compile(r"[-+]?[0-9]+(?::[0-9]{1,2})+(?:\.[0-9]*)?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt\s].*)?")

_REFUSED: tuple[tuple[re.Pattern[str], str, str], ...] = (
    (
        _WORD,
        "`{text}` is read as true or false by some readers and as text by others",
        'write `true`, `false` or `"{text}"`',
    ),
    (_TRUE_FALSE, "`{text}` is not written as YAML 1.2 writes it", "write `true` or `false` in small letters"),
    (
        _LEADING_ZERO,
        "`{text}` is octal for some readers and decimal for others",
        "write it without leading zeros, or in quotes",
    ),
    (_NOT_FINITE, "`{text}` is not a number that anything can be set to", "write a finite number and its unit"),
    (
        _CLOCK,
        "`{text}` is a number of seconds for some readers and text for others",
        'write `"{text}"` for a time of day',
    ),
    (_DATE, "`{text}` is a date for some readers and text for others", 'write `"{text}"`'),
    (_NUMBER_LIKE, "`{text}` is a number for some readers only", "write it as a plain decimal, e.g. `1000` or `0.5`"),
    (re.compile("<<"), "`<<` merges in YAML 1.1 only", "use `defaults:` for what assets share, or repeat the keys"),
)


def resolve(text: str) -> Value:
    """The value of a plain scalar. Call `ambiguity` first: an ambiguous one comes back as text."""
    if text in {"", "~", "null"}:
        return None
    if text in {"true", "false"}:
        return text == "true"
    if _INTEGER.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if _DECIMAL.fullmatch(text):
        return float(text)
    return text


def ambiguity(text: str) -> tuple[str, str] | None:
    """What is wrong with a plain scalar and how to write it, or None."""
    if text in {"true", "false", ""} or _INTEGER.fullmatch(text) or _DECIMAL.fullmatch(text):
        return None
    if text in {"Null", "NULL"}:
        return f"`{text}` is nothing for some readers and text for others", f'write `"{text}"`'
    if _HEXADECIMAL.fullmatch(text):
        return None
    for pattern, message, advice in _REFUSED:
        if pattern.fullmatch(text):
            shown = text if len(text) <= 40 else f"{text[:37]}..."
            return message.format(text=shown), advice.format(text=shown)
    return None
