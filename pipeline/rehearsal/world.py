"""The production chain on a virtual clock: the same entry, stages, graph and fold as in the running process.

    Plant ─► readings, receipts ─► entry ─► chain ─► sealed frame ─► Plant (commands)
    test  ─► schedules, acts ────────┘

No asyncio and no real time: the world is the outermost shell and hands every instant to the graph, tick n at n cycles
after `BEGIN_S`. A test writes any state at any instant: plausibility against the tick before is not
judged, unless `jumps` says so.
"""

from __future__ import annotations

from math import inf
from typing import Any

from jit.codes import Permit, Proved
from jit.constants import CEILING_OF_KW, MUST_PROVE
from jit.frame import Frame
from jit.rows import MAY_CHARGE, MAY_DISCHARGE, STATE
from pipeline.chain import Entry, stages
from pipeline.compile import Compiled, ends
from pipeline.graph import build, check, fold
from pipeline.rehearsal.plant import Plant
from pipeline.rehearsal.vocabulary import MISSING
from sources.act import ActKind, OperatorAct
from sources.ceiling import DIRECTIONS, Ceiling
from sources.proof import Proof
from sources.schedule import Schedule, ScheduleType, Window
from sources.tick import Tick

#: When every world begins, 2026-01-01T00:00:00Z in ns: a test is the same at any time of any day.
BEGIN_NS = 1_767_225_600_000_000_000
#: Scheduler time then (s).
BEGIN_S = 1_000_000.0
FOREVER_NS = 4_000_000_000_000_000_000


class ChainError(Exception):
    """A stage or a subscriber raised: a defect of the program, not of the test."""


class World:
    """One site in virtual time. `index` is the next tick."""

    def __init__(
        self, compiled: Compiled, *, armed: bool = True, jumps: bool = False, begin_ns: int = BEGIN_NS
    ) -> None:
        compiled = compiled if jumps else compiled.with_leaps()
        self.compiled, self.index, self.begin_ns = compiled, 0, begin_ns
        self.now_s, self.now_ns = BEGIN_S, begin_ns  # of the next tick
        self.cycle = compiled.definition.site.cycle
        self.plant = Plant(compiled)
        self.errors: list[tuple[str, Exception]] = []
        self.frame: Frame | None = None
        self._versions = 0
        self._told: dict[str, float] = {}
        self.entry = Entry(compiled, armed=armed, dropped=self._dropped, failed=self._failed)
        places = ends(compiled.definition)
        chain = stages(compiled, lambda: self.now_s, self._failed)
        graph = build(compiled.layout, places.sources, chain, ("plant",), ())
        check(graph, compiled.layout)
        fold(self.entry.frames, graph, self._remember, {"plant": self.plant.follow}, self._failed)
        for asset, proofs in zip(compiled.layout.assets, compiled.constants.masks[MUST_PROVE].tolist(), strict=True):
            self.post(Proof(asset, self.now_s, Proved(proofs)))  # the plant's devices are those that are meant

    def _dropped(self, device: str, why: str) -> None:
        self.errors.append((device, ValueError(why)))

    def _failed(self, stage: str, error: Exception) -> None:
        self.errors.append((stage, error))

    def _remember(self, frame: Frame) -> None:
        self.entry.snapshot.remember(frame)
        self.frame = frame

    def post(self, signal: Any) -> None:
        self.entry.signals.on_next(signal)

    def request(self, kind: str, power_kw: float | None, asset: str | None) -> None:
        """A level on a request from now on: a schedule of one window, a new version each time; None is none."""
        self._versions += 1
        windows = () if power_kw is None else (Window(0, FOREVER_NS, power_kw),)
        self.post(Schedule(ScheduleType(kind), asset, "", self._versions, self.now_ns, windows, str(self._versions)))

    def ceiling(self, direction: str, value: float | str) -> None:
        """What the grid operator says from now on, in every tick: percent, no limit, or nothing any more."""
        self._told.pop(direction, None)
        if value != MISSING:
            whole = self.compiled.constants.shared.ceilings[CEILING_OF_KW, DIRECTIONS.index(direction)]
            self._told[direction] = inf if isinstance(value, str) else whole * value / 100.0

    def set_clock(self, utc_ns: int) -> None:
        """The next tick is at this instant."""
        self.begin_ns += utc_ns - self.now_ns
        self.now_ns = utc_ns

    def act(self, kind: str, asset: str | None) -> None:
        self._versions += 1
        self.post(OperatorAct(f"{self._versions}", ActKind(kind), asset, "test", "operator", "test", self.now_ns))

    def step(self, dt: float | None = None) -> Frame:
        """One tick, a cycle after the one before: every device answers, the chain decides, the plant follows.

        Energy is moved by `Plant.passes`. `dt` (s): what the tick takes for the time since the one before.
        """
        plant, post, now_s = self.plant, self.entry.signals.on_next, self.now_s
        plant.measure()
        for device in plant.devices.values():
            reading = device.answer(now_s)
            if reading is not None:
                post(reading)
        for battery in plant.in_order:
            if battery.written == battery.written:
                post(battery.receipt(self.index - 1, now_s))
        for direction in DIRECTIONS:
            if direction in self._told:
                post(Ceiling(direction, self._told[direction], self.now_ns, "test"))
        post(Tick(self.index, now_s, self.now_ns, self.cycle if dt is None else dt))
        self.index += 1
        self.now_s = BEGIN_S + self.index * self.cycle
        self.now_ns = self.begin_ns + round(self.index * self.cycle * 1e9)
        if self.errors:
            stage, error = self.errors[0]
            raise ChainError(f"{stage}: {error!r}") from error
        if self.frame is None:
            raise ChainError("the chain gave no frame")
        return self.frame

    def permitted(self, asset: str) -> bool:
        if self.frame is None:
            return False
        column = self.compiled.layout.column[asset]
        codes = self.frame.codes
        return bool(codes[MAY_CHARGE, column] == Permit.YES and codes[MAY_DISCHARGE, column] == Permit.YES)

    def state(self, asset: str) -> int:
        return 0 if self.frame is None else int(self.frame.codes[STATE, self.compiled.layout.column[asset]])
