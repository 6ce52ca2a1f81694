"""What `snapshot` keeps between two ticks: newest value per point, newest outcome per asset, what has just happened.

    level   the newest wins: points, outcomes of writes, proofs, ceilings
    event   all since the last tick: acts are OR-ed (more than `MAX_ACTS` is a stop of everything), so are alarm bits
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from jit import measure, signals
from jit.codes import Act, Permit, Quality, WriteStatus
from jit.frame import F8, I8
from jit.layout import Layout
from sources.act import ActKind, OperatorAct
from sources.ceiling import DIRECTIONS, Ceiling
from sources.reading import Reading
from sources.receipt import Receipt

#: Acts kept between two ticks. More is an overflow, which counts as a stop of everything.
MAX_ACTS = 256
#: A device time stamp this far in the future (s) makes the device's points invalid (LH-SAFE-006).
FUTURE_S = 5.0

# named once: looking a member up in its enumeration, or masking an array with it, costs more than the work itself
_PROTOCOL, _VALID = np.int64(Quality.PROTOCOL), int(Quality.VALID)
_ANSWERED = (WriteStatus.WRITTEN, WriteStatus.CONFIRMED, WriteStatus.DIFFERENT)

ACT_BIT = {
    ActKind.STOP: Act.STOP,
    ActKind.RELEASE: Act.RELEASE,
    ActKind.ACKNOWLEDGE: Act.ACKNOWLEDGE,
    ActKind.ACTIVATE: Act.ACTIVATE,
    ActKind.DEACTIVATE: Act.DEACTIVATE,
    ActKind.LOCK_OUT: Act.LOCK_OUT,
    ActKind.UNLOCK: Act.UNLOCK,
    ActKind.MANUAL: Act.MANUAL,
}


@dataclass(slots=True, eq=False)
class Newest:
    """The newest value per point and the newest outcome per asset: all that is kept between ticks."""

    layout: Layout
    points: F8 = field(init=False)
    quality: I8 = field(init=False)
    arrived_s: F8 = field(init=False)
    stamps_ns: I8 = field(init=False)
    outcomes: F8 = field(init=False)
    status: I8 = field(init=False)
    proved: I8 = field(init=False)
    contested: I8 = field(init=False)
    acts: I8 = field(init=False)
    answered: I8 = field(init=False)
    trips: I8 = field(init=False)
    local: I8 = field(init=False)
    manual: F8 = field(init=False)
    told_kw: F8 = field(init=False)
    issued_s: F8 = field(init=False)
    pending: int = 0
    utc_s: float = np.inf

    def __post_init__(self) -> None:
        points, devices, assets = len(self.layout.points), len(self.layout.devices), len(self.layout.assets)
        self.points, self.quality = np.full(points, np.nan), np.zeros(points, np.int64)
        self.arrived_s, self.stamps_ns = np.full(devices, -np.inf), np.full(devices, signals.NO_STAMP)
        self.outcomes = np.full((3, assets), np.nan)
        self.outcomes[signals.WRITTEN_S] = -np.inf
        self.status, self.acts = np.zeros(assets, np.int64), np.zeros(assets, np.int64)
        self.proved = np.zeros(assets, np.int64)
        self.contested = np.full(assets, Permit.NO, np.int64)
        self.told_kw, self.issued_s = np.full(2, np.nan), np.full(2, np.nan)
        self.answered, self.trips = np.full(assets, -1), np.zeros(assets, np.int64)
        self.local = np.zeros(assets, np.int64)
        self.manual = np.full((2, assets), np.nan)

    def read(self, reading: Reading, device: int) -> None:
        """A point keeps its last value when a poll failed: what changes is its quality, and with time its age."""
        first, last = self.layout.devices[reading.device]
        self.quality[first:last] = reading.quality
        answered = not reading.quality.item(0) & _PROTOCOL  # the first point says it nearly always
        if answered or np.count_nonzero(reading.quality & _PROTOCOL) < last - first:
            self.points[first:last] = reading.values
            self.arrived_s[device] = reading.arrived_s
            self.stamps_ns[device] = signals.NO_STAMP if reading.stamp_ns is None else reading.stamp_ns

    def trip(self, column: int, alarms: int, remote: int) -> None:
        """What shows in a single reading between two ticks counts: alarm bits are OR-ed, and local control is kept.

        `alarms` and `remote` are the places of these points, −1 for none. A device that was in local control for a
        moment may have dropped its set-point.
        """
        if alarms >= 0 and self.quality[alarms] & _VALID and 0.0 <= self.points[alarms] < measure.MOST_ALARMS:
            self.trips[column] |= int(self.points[alarms])
        if remote >= 0 and self.quality[remote] & _VALID and self.points[remote] <= 0.5:
            self.local[column] = 1

    def receive(self, receipt: Receipt, column: int) -> None:
        """An outcome that comes after that of a newer write says nothing about what the device does now."""
        if receipt.tick < self.answered[column]:
            return
        self.answered[column] = receipt.tick
        self.contested[column] = Permit.YES if receipt.contested and receipt.status not in _ANSWERED else Permit.NO
        self.status[column] = receipt.status
        self.outcomes[signals.WRITTEN_S, column] = receipt.at_s
        if receipt.status in _ANSWERED:
            self.outcomes[signals.WRITTEN, column] = receipt.written_kw
            self.outcomes[signals.READBACK, column] = receipt.readback_kw

    def limit(self, told: Ceiling) -> None:
        """The grid operator's newest word per direction; one that was issued before it, or in the future, is none."""
        d = DIRECTIONS.index(told.direction)
        if not told.issued_ns * 1e-9 < self.issued_s[d] and told.issued_ns * 1e-9 <= self.utc_s + FUTURE_S:
            self.told_kw[d], self.issued_s[d] = told.kw, told.issued_ns * 1e-9

    def act(self, act: OperatorAct) -> None:
        """Collect until the next tick. More than `MAX_ACTS` is a stop of everything."""
        self.pending += 1
        bit = Act.RESTORED_STOP if act.restored and act.kind is ActKind.STOP else ACT_BIT[act.kind]
        if self.pending > MAX_ACTS:
            self.acts |= np.int64(Act.STOP)
        elif act.asset is None:
            self.acts |= np.int64(bit)
        else:
            column = self.layout.column[act.asset]
            self.acts[column] |= np.int64(bit)
            if act.kind is ActKind.MANUAL:
                self.manual[:, column] = act.power_kw, act.dead_man_s

    def sampled(self) -> None:
        """Acts and trips are in a frame: the next tick starts without."""
        self.acts[:] = 0
        self.trips[:] = 0
        self.local[:] = 0
        self.manual[:] = np.nan
        self.pending = 0

    def put_back(self, acts: I8) -> None:
        """Nobody has judged these acts: a stop must not be lost with the tick that failed."""
        self.acts |= acts
        self.pending += int(acts.any())
