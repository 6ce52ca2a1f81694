"""What a campaign has reached: faults in every state, faults together, reasons given. It judges nothing.

A fault counts in the state that its battery was in when it began: as the process had it in its newest frame, or `DOWN`
where none ran. Two faults were together when one began before the other had ended.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Self

import numpy as np

from jit.codes import Deviation, Reason, State
from jit.frame import Frame
from jit.rows import CODE_ROWS, LIMITS, STATE
from pipeline.simulation.kinds import KINDS
from pipeline.simulation.storm import Strike
from pipeline.simulation.trace import Boot

STATES = (*(state.name for state in State if state is not State.UNKNOWN), "DOWN")
#: Codes that are counted: by the unit of their row, what each code is called.
NAMED: dict[str, dict[int, str]] = {
    "Reason": {int(reason): reason.name for reason in Reason if reason},
    "Deviation": {int(deviation): deviation.name for deviation in Deviation if deviation},
    "limit": {place + 1: name for place, name in enumerate(LIMITS)},
}


@dataclass
class Coverage:
    """Counts: `struck` by fault and state, `pairs` of faults, `reached` codes by "kind name" (times they came up)."""

    struck: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    reached: Counter[tuple[str, str]] = field(default_factory=Counter)

    def __iadd__(self, other: Self) -> Self:
        self.struck.update(other.struck)
        self.pairs.update(other.pairs)
        self.reached.update(other.reached)
        return self

    def as_json(self) -> dict[str, list[list[Any]]]:
        return {name: [[*key, count] for key, count in sorted(getattr(self, name).items())]
                for name in ("struck", "pairs", "reached")}  # fmt: skip

    @classmethod
    def from_json(cls, read: Mapping[str, list[list[Any]]]) -> Coverage:
        return cls(*(Counter({(a, b): count for a, b, count in read[name]}) for name in ("struck", "pairs", "reached")))

    def missed(self) -> dict[str, list[str]]:
        """What was never reached."""
        kinds = sorted(KINDS)
        return {
            "struck": [f"{kind} in {state}" for kind in kinds for state in STATES if not self.struck[kind, state]],
            "pairs": [f"{a} with {b}" for a, b in combinations(kinds, 2) if not self.pairs[a, b]],
            "reached": [f"{unit} {name}" for unit, names in NAMED.items() for name in names.values()
                        if not self.reached[unit, name]],
        }  # fmt: skip


class Witness:
    """Looks at every sealed frame of one world. `keeps`: so many of the newest ticks are remembered as text."""

    def __init__(self, keeps: int = 0) -> None:
        self.last: deque[str] = deque(maxlen=keeps)
        self._keeps = keeps
        self._states: dict[str, list[tuple[float, str]]] = {}
        self._seen: Counter[tuple[str, str]] = Counter()
        self._codes: bytes = b""
        self._rows = {unit: np.array([i for i, row in enumerate(CODE_ROWS) if row.unit == unit]) for unit in NAMED}
        self._all = np.concatenate([*self._rows.values(), np.array([STATE])])

    def saw(self, frame: Frame | None, at_s: float) -> None:
        """One finished tick."""
        if frame is None:
            return
        if self._keeps:
            self.last.append(_told(frame, at_s))
        codes = frame.codes[self._all].tobytes()
        if codes == self._codes:
            return
        self._codes = codes
        for asset, state in zip(frame.layout.assets, frame.codes[STATE], strict=True):
            states = self._states.setdefault(asset, [])
            if not states or states[-1][1] != State(state).name:
                states.append((at_s, State(state).name))
        for unit, rows in self._rows.items():
            names = NAMED[unit]
            self._seen.update((unit, names[code]) for code in np.unique(frame.codes[rows]).tolist() if code in names)

    def coverage(self, strikes: Sequence[Strike], began_s: float, boots: Iterable[Boot]) -> Coverage:
        faults = [strike for strike in strikes if strike.kind in KINDS]
        down = [(a.ended_s, b.at_s) for a, b in zip(list(boots), list(boots)[1:], strict=False)]
        struck = Counter((f.kind, self._state(f.device, began_s + f.begin_s, down)) for f in faults)
        together = Counter(
            (min(a.kind, b.kind), max(a.kind, b.kind))
            for a, b in combinations(faults, 2)
            if a.begin_s < b.end_s and b.begin_s < a.end_s
        )
        return Coverage(struck, together, Counter(self._seen))

    def _state(self, device: str, at_s: float, down: Sequence[tuple[float, float]]) -> str:
        if any(ended <= at_s < began for ended, began in down):
            return "DOWN"
        states = self._states.get(device) or next(iter(self._states.values()), [])
        place = bisect_right(states, at_s, key=lambda it: it[0])
        return states[place - 1][1] if place else "INIT"


def _told(frame: Frame, at_s: float) -> str:
    """One tick as one line per battery."""
    layout = frame.layout
    shown = ("power_kw", "soc_pct", "low_kw", "high_kw", "asked_kw", "ramped_kw", "command_kw")
    lines = []
    for column, asset in enumerate(layout.assets):
        values = " ".join(f"{name}={frame.values[layout.value_index[name], column]:.6g}" for name in shown)
        state = State(frame.codes[STATE, column]).name
        why = Reason(frame.codes[layout.code_index["state_by"], column]).name
        fault = frame.codes[layout.code_index["fault"], column]
        deviation = Deviation(frame.codes[layout.code_index["deviation"], column])
        odd = (f" fault={fault:b}" if fault else "") + (f" {deviation.name}" if deviation else "")
        lines.append(f"{at_s:.3f} {asset} {state} ({why}) {values}{odd}")
    return "\n".join(lines)
