"""What `snapshot` keeps between two ticks: newest value per point, newest outcome per asset, what has just happened.

    level   the newest wins: points, outcomes of writes, proofs, ceilings
    event   all since the last tick: acts are OR-ed (more than `MAX_ACTS` is a stop of everything), so are alarm bits
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from jit import measure, signals
from jit.codes import Act, Permit, Quality, WriteStatus
from jit.frame import I8
from sources.act import ActKind, OperatorAct
from sources.ceiling import DIRECTIONS, Ceiling
from sources.reading import Reading
from sources.receipt import Receipt
from sources.recording.sample import Sample, events

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
class Newest(Sample):
    """The sample of the next tick in the making: all that is kept between ticks."""

    pending: int = 0
    utc_s: float = np.inf
    _events: I8 = field(init=False)
    _none: I8 = field(init=False)

    def __post_init__(self) -> None:
        Sample.__post_init__(self)
        self._events = self.words[events(self.layout)]
        self._none = Sample.blank(self.layout).words[events(self.layout)]

    def restore(self, sample: Sample) -> None:
        """Hold what was held at that instant."""
        self.words[:] = sample.words

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
        self._events[:] = self._none
        self.pending = 0

    def put_back(self, acts: I8) -> None:
        """Nobody has judged these acts: a stop must not be lost with the tick that failed."""
        self.acts |= acts
        self.pending += int(acts.any())
