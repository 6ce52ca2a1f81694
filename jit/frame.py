"""The frame: everything one tick knew, decided and why.

    frame[k] = chain(snapshot[k], frame[k−1])

A frame is allocated by `snapshot`, written row by row by the stages (each row once), and sealed when the tick ends:
NaN made canonical, arrays read-only, `before` cut. The sealed frame *is* the decision trace; nothing else is kept.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from jit import unknown
from jit.constants import Constants
from jit.layout import Layout, Row

F8 = npt.NDArray[np.float64]
I8 = npt.NDArray[np.int64]

MATRICES = ("values", "codes", "site", "site_codes", "points", "point_codes")


@dataclass(slots=True, eq=False)
class Past:
    """The previous frame's matrices, never its own `before`: the only memory of the chain."""

    tick: int
    values: F8
    codes: I8
    site: F8
    site_codes: I8


@dataclass(slots=True, eq=False)
class Frame:
    """One tick. `values` float64[rows, assets], `codes` int64[rows, assets], `site` float64[rows], `points` float64[n].

    `dt` is true elapsed time since the previous tick (s), for ages, energies and timers; `dt_ramp` = min(dt, 2 cycles)
    is what a ramp may use. `mono_s` is scheduler time and never enters a row.
    """

    tick: int
    utc_ns: int
    mono_s: float
    dt: float
    dt_ramp: float
    layout: Layout
    constants: Constants
    values: F8
    codes: I8
    site: F8
    site_codes: I8
    points: F8
    point_codes: I8
    before: Past | None
    sealed: bool = False

    def __getitem__(self, row: str) -> Any:
        """The row of that name over all assets, values or codes. KeyError names the row."""
        index = self.layout.value_index.get(row)
        if index is not None:
            return self.values[index]
        return self.codes[self.layout.code_index[row]]

    def at_site(self, row: str) -> float:
        """One site value by name."""
        return float(self.site[self.layout.site_value_index[row]])

    def site_code(self, row: str) -> int:
        """One site code by name."""
        return int(self.site_codes[self.layout.site_code_index[row]])

    @property
    def prior(self) -> Past:
        """The past of a frame in progress. RuntimeError on a sealed one, which has none."""
        if self.before is None:
            raise RuntimeError(f"frame {self.tick} is sealed: it has no past")
        return self.before

    def seal(self) -> Frame:
        """End the tick: equal content gets equal bytes, nothing can be written any more, the link back is cut."""
        unknown.canonical(self.values, self.site, self.points)
        for matrix in (self.values, self.codes, self.site, self.site_codes, self.points, self.point_codes):
            matrix.setflags(write=False)
        self.before = None
        self.sealed = True
        return self

    def past(self) -> Past:
        return Past(self.tick, self.values, self.codes, self.site, self.site_codes)

    def to_bytes(self) -> bytes:
        """Header line in JSON (with the layout's digest), then the raw matrices. Never a pickle."""
        header = {
            "tick": self.tick,
            "utc_ns": self.utc_ns,
            "dt": self.dt,
            "layout": self.layout.digest,
            "assets": self.layout.assets,
            "rows": [row.name for row in self.layout.values],
            "code_rows": [row.name for row in self.layout.codes],
            "site_rows": [row.name for row in self.layout.site_values],
            "shapes": {name: getattr(self, name).shape for name in MATRICES},
        }
        raw = b"".join(getattr(self, name).tobytes() for name in MATRICES)
        return json.dumps(header).encode() + b"\n" + raw


@dataclass(frozen=True, slots=True)
class Stored:
    """A frame read back from bytes: header and matrices, not yet tied to a running layout."""

    header: dict[str, Any]
    matrices: dict[str, npt.NDArray[Any]]


def from_bytes(raw: bytes) -> Stored:
    """Inverse of `Frame.to_bytes`. ValueError on a torn or foreign file, naming what is wrong."""
    line, separator, body = raw.partition(b"\n")
    if not separator:
        raise ValueError("frame file has no header line")
    header = json.loads(line)
    matrices: dict[str, npt.NDArray[Any]] = {}
    offset = 0
    for name in MATRICES:
        shape = tuple(int(n) for n in header["shapes"][name])
        kind = np.int64 if "codes" in name else np.float64
        size = int(np.prod(shape)) * 8
        if len(body) < offset + size:
            raise ValueError(f"frame file is torn in matrix {name!r}")
        matrices[name] = np.frombuffer(body[offset : offset + size], dtype=kind).reshape(shape)
        offset += size
    return Stored(header, matrices)


def first_past(layout: Layout) -> Past:
    """The past of the first tick: everything unknown."""
    n = len(layout.assets)
    return Past(
        -1,
        np.full((len(layout.values), n), np.nan),
        np.zeros((len(layout.codes), n), np.int64),
        np.full(len(layout.site_values), np.nan),
        np.zeros(len(layout.site_codes), np.int64),
    )


def carry(stored: Stored, layout: Layout) -> tuple[Past, list[str]]:
    """What a restart may take from a stored frame: rows that latch, by (row, asset). Returns the past and what it took.

    Timers that permit start again and set-points are computed anew, so nothing but latches is carried.
    """
    past = first_past(layout)
    taken: list[str] = []
    columns = {asset: i for i, asset in enumerate(stored.header["assets"])}
    for rows, names, source, target in (
        (layout.values, stored.header["rows"], stored.matrices["values"], past.values),
        (layout.codes, stored.header["code_rows"], stored.matrices["codes"], past.codes),
    ):
        old = {name: i for i, name in enumerate(names)}
        for i, row in enumerate(rows):
            if row.latch and row.name in old:
                _carry_row(row, old[row.name], i, columns, layout, source, target, taken)
    # a frame of an earlier version names no site rows: nothing of the site is carried, the latches of assets are
    stored_site = dict(zip(stored.header.get("site_rows", ()), stored.matrices["site"], strict=False))
    for i, row in enumerate(layout.site_values):
        if row.latch and stored_site.get(row.name, np.nan) == stored_site.get(row.name):
            past.site[i] = stored_site[row.name]  # 0 kW is a value here
            taken.append(row.name)
    return past, taken


def _carry_row(
    row: Row,
    old: int,
    new: int,
    columns: dict[str, int],
    layout: Layout,
    source: npt.NDArray[Any],
    target: npt.NDArray[Any],
    taken: list[str],
) -> None:
    for column, asset in enumerate(layout.assets):
        value = source[old, columns[asset]] if asset in columns else 0
        if value != 0 and value == value:  # neither nothing nor unknown
            target[new, column] = value
            taken.append(f"{asset}.{row.name}")
