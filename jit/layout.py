"""The layout of a frame: which rows exist, in which unit, and who owns them.

    block    values (float64) and codes (int64), one column per asset
    ─────────────────────────────────────────────────────────────────────────────────────
    asset    fixed rows, compile-time indices (`jit.rows`)
    request  asked_kw | why                        per entry of `requests:`
    service  capacity, asked, given, undeliverable | phase   per entry of `ancillary:`
    limit    low_kw, high_kw                       per named limit
    state    rows of transforms, controllers and plug-ins, sized when the definition is compiled

    site     one column, same idea: fixed rows, then one row per request and per service, bands of transformers,
             and what is remembered of the meter
    points   ragged: every declared point of every device

A row is written once per tick by its owner. `fail` says what a row takes when its owner raises: `hold` (latches,
timers, integrals: the value of the previous frame), `zero`, or `unknown` (NaN, code 0).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Literal

import numpy as np
import numpy.typing as npt

Fail = Literal["hold", "zero", "unknown"]


@dataclass(frozen=True, slots=True)
class Row:
    """One named row. `owner` is the id of the stage that writes it. A `latch` row survives a restart."""

    name: str
    unit: str
    owner: str
    fail: Fail = "unknown"
    latch: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a sequence, in the words of the definition. `number` counts within its sequence, from 1."""

    stops: bool
    number: int
    write: str | None
    until: str


@dataclass(frozen=True)
class Layout:
    """Rows of a frame and the columns they run over. Two frames fit together iff their `digest` is equal.

    `requests`, `services`, `limits` are the names behind the `*_by` codes: code k means entry k−1, 0 is none.
    `devices` maps a device id to its (first, past-last) index in `points`. `steps` are those of each asset's sequences.
    """

    assets: tuple[str, ...]
    values: tuple[Row, ...]
    codes: tuple[Row, ...]
    site_values: tuple[Row, ...]
    site_codes: tuple[Row, ...]
    points: tuple[str, ...] = ()
    devices: dict[str, tuple[int, int]] = field(default_factory=dict)
    requests: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    transformers: tuple[str, ...] = ()
    ring: int = 0
    steps: tuple[tuple[Step, ...], ...] = ()

    @cached_property
    def value_index(self) -> dict[str, int]:
        return {row.name: i for i, row in enumerate(self.values)}

    @cached_property
    def code_index(self) -> dict[str, int]:
        return {row.name: i for i, row in enumerate(self.codes)}

    @cached_property
    def site_value_index(self) -> dict[str, int]:
        return {row.name: i for i, row in enumerate(self.site_values)}

    @cached_property
    def site_code_index(self) -> dict[str, int]:
        return {row.name: i for i, row in enumerate(self.site_codes)}

    @cached_property
    def point_index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.points)}

    @cached_property
    def device_index(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.devices)}

    @cached_property
    def column(self) -> dict[str, int]:
        return {name: i for i, name in enumerate(self.assets)}

    @cached_property
    def interlocks(self) -> tuple[str, ...]:
        """Names behind the codes of `interlock_by`."""
        rows = (row.name for row in self.site_values)
        return tuple(name.split(".")[1] for name in rows if name.startswith("interlocks."))

    @cached_property
    def asked(self) -> tuple[tuple[str, str], ...]:
        """Per request, the row per asset and that of the site which `resolve` reads: its own or its last step's."""
        return tuple(_last_rows(request, self.value_index) for request in self.requests)

    @cached_property
    def asked_rows(self) -> npt.NDArray[np.int64]:
        """int64[2, requests], read-only: the indices of `asked` in values and in site."""
        own = [self.value_index[row] for row, _ in self.asked]
        rows = np.array([own, [self.site_value_index[row] for _, row in self.asked]], np.int64)
        rows.flags.writeable = False
        return rows

    @cached_property
    def digest(self) -> str:
        """SHA-256 over rows, units, owners, assets and points: the identity that recordings carry."""
        text = repr(
            (
                self.assets,
                self.values,
                self.codes,
                self.site_values,
                self.site_codes,
                self.points,
                sorted(self.devices.items()),
                self.requests,
                self.services,
                self.limits,
                self.transformers,
                self.ring,
                self.steps,
            )
        )
        return sha256(text.encode()).hexdigest()


def _last_rows(request: str, values: dict[str, int]) -> tuple[str, str]:
    """Its transforms are numbered from 0 and each writes both rows."""
    last, step = request, 0
    while f"{request}.transform.{step}.asked_kw" in values:
        last, step = f"{request}.transform.{step}", step + 1
    return f"{last}.asked_kw", f"{last}.site_kw"
