"""What a package declares to bring an operator: rows that it reads, rows that it writes, and a pure function.

    night_charge = Operator(
        reads=("soc_pct", "low_kw"),
        writes=(Writes("request_kw", "kW"), Writes("charged_kwh", "kWh", fail="hold")),
        compute=compute,
        options=(Option("power", "kW"),),
    )

It is a request like any other: it feeds `request_kw` (per asset) or `site_request_kw` (for the site) and stands before
`resolve`; what it asks for passes every guard. It never sees a frame. `compute(now, before, moment, options)` gets
read-only copies, float64 or int64 arrays over the assets (of one element for rows of the site), by the declared names;
`before` has its own rows of the tick before, unknown in the first one. It returns a float64 array for every row that it
declared. NaN says unknown (in the two requests: no opinion) and is allowed in rows whose fail value is `unknown`.
Whatever else comes back, and whatever it raises, is a fault of its stage: 0 kW until it is well again.

This file is imported by `check`: it knows no kernel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from jit.layout import Fail
from jit.rows import CODE_ROWS, LIMITS, SITE_CODE_ROWS, SITE_VALUE_ROWS, VALUE_ROWS

Array = npt.NDArray[Any]
#: The rows that feed the request: per asset and for the site.
ASKED, SITE = "request_kw", "site_request_kw"
#: Who has written before an operator computes.
EARLIER = ("snapshot", "state_machine", "limits")
MOST_ROWS = 64
#: Names below a request that have a meaning of their own.
_TAKEN = ("why", "transform", "site_kw")


@dataclass(frozen=True, slots=True)
class Writes:
    """A row of the block `state`. `fail`: what it takes when the operator raises. `of`: per asset, or one value."""

    name: str
    unit: str
    fail: Fail = "unknown"
    of: Literal["assets", "site"] = "assets"


@dataclass(frozen=True, slots=True)
class Option:
    """What the definition may say: a quantity in this unit, or a plain number for the unit `1`."""

    name: str
    unit: str = "1"
    default: float | None = None


@dataclass(frozen=True, slots=True)
class Moment:
    """The tick: UTC in ns since 1970, and the true time since the tick before in s."""

    utc_ns: int
    dt_s: float


Rows = Mapping[str, Array]
Compute = Callable[[Rows, Rows, Moment, Mapping[str, float]], Rows]


@dataclass(frozen=True, slots=True)
class Operator:
    """The declaration that the entry point names."""

    reads: tuple[str, ...]
    writes: tuple[Writes, ...]
    compute: Compute
    before: tuple[str, ...] = ()
    options: tuple[Option, ...] = field(default=())


def owners() -> dict[str, str]:
    """The rows that every frame has, with who writes them."""
    return {row.name: row.owner for block in (VALUE_ROWS, CODE_ROWS, SITE_VALUE_ROWS, SITE_CODE_ROWS) for row in block}


def faults(operator: Operator) -> Iterator[str]:
    """Everything that is wrong with a declaration, in words that follow its name."""
    declared: object = operator.compute
    if not callable(declared):
        yield "has no function `compute`"
    known = owners() | {f"limits.{limit}.{side}_kw": "limits" for limit in LIMITS for side in ("low", "high")}
    for name in operator.reads:
        if name not in known:
            yield f"reads `{name}`, which is no row"
        elif known[name] not in EARLIER:
            yield f"reads `{name}`, which `{known[name]}` writes behind it"
    yield from _written(operator, known)
    own = {row.name for row in operator.writes if type(row) is Writes}
    for name in operator.before:
        if name not in own:
            owner = f"of `{known[name]}`" if name in known else "that nobody writes"
            yield f"remembers `{name}` {owner}: it remembers only rows of its own"
    for option in operator.options:
        if type(option) is not Option or not _word(option.name):
            yield f"has an option `{getattr(option, 'name', option)}` that is none"


def _written(operator: Operator, known: Mapping[str, str]) -> Iterator[str]:
    seen: set[str] = set()
    if not 0 < len(operator.writes) <= MOST_ROWS:
        yield f"writes {len(operator.writes)} rows; 1 to {MOST_ROWS} are possible"
    for row in operator.writes:
        if type(row) is not Writes:
            latch = " with a latch" if getattr(row, "latch", False) else ""
            yield f"writes `{getattr(row, 'name', row)}` as a {type(row).__name__}{latch}: its rows are `Writes`"
            continue
        if row.name in seen:
            yield f"writes `{row.name}` twice"
        seen.add(row.name)
        if row.name in known:
            yield f"writes `{row.name}`, which belongs to `{known[row.name]}`"
        elif not _word(row.name) or row.name in _TAKEN:
            yield f"writes `{row.name}`, which is no name of a row"
        if row.fail not in ("hold", "zero", "unknown") or row.of not in ("assets", "site"):
            yield f"writes `{row.name}` with fail value `{row.fail}` of `{row.of}`"
        wanted = "site" if row.name == SITE else "assets"
        if row.name in (ASKED, SITE) and (row.unit, row.fail, row.of) != ("kW", "unknown", wanted):
            yield f"writes `{row.name}`, which is in kW, of the {wanted} and `unknown` when it fails"
    if not {ASKED, SITE} & seen:
        yield f"feeds no request: it writes neither `{ASKED}` nor `{SITE}`"


def _word(name: object) -> bool:
    return isinstance(name, str) and name.isidentifier() and name.islower() and len(name) <= 40


def refusal(row: Writes, made: object, assets: int) -> str:
    """What is wrong with an array that came back; empty when nothing is."""
    size = assets if row.of == "assets" else 1
    if type(made) is not np.ndarray:
        return f"`{row.name}` is a {type(made).__name__}, not an array"
    if made.dtype != np.float64:
        return f"`{row.name}` is {made.dtype}, not float64"
    if made.shape != (size,):
        return f"`{row.name}` has the shape {made.shape}, not ({size},)"
    if np.isinf(made).any():
        return f"`{row.name}` is infinite"
    if row.fail != "unknown" and np.isnan(made).any():
        return f"`{row.name}` is unknown, and its fail value is `{row.fail}`"
    return ""
