"""D4, reliability §2 row 39: each entry to SAFE or TRIP has exactly one record, and it says why.

The record is audit (never dropped), goes to the buffer on disk first and to the database later; that is the rest of
`tests/sinks`. Here: whatever takes the permission away, the frame leads to one record with an enumerated reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from jit.codes import REASON_TEXT, Reason, State, WriteStatus
from operators.cut import cut
from sinks.records import Kind, RecordClass
from sinks.sample import Cutter
from sources.act import ActKind
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-PERSIST-006", "LH-MON-004", "LH-OPS-004")]
REASONS = {text for code, text in REASON_TEXT.items() if code is not Reason.UNKNOWN}


def stop(rig: Rig) -> None:
    rig.act(ActKind.STOP)


def alarm(rig: Rig) -> None:
    rig.batteries["b1"].alarms = 1.0


def silence(rig: Rig) -> None:
    rig.batteries["b1"].answers = False


def no_soc(rig: Rig) -> None:
    rig.batteries["b1"].missing = {"soc"}


def frozen(rig: Rig) -> None:
    rig.batteries["b1"].beats = False


def away(rig: Rig) -> None:
    rig.batteries["b1"].available = 0.0


def local(rig: Rig) -> None:
    rig.batteries["b1"].remote = 0.0


def against(rig: Rig) -> None:
    rig.batteries["b1"].sign = -1.0


def different(rig: Rig) -> None:
    rig.batteries["b1"].outcome = WriteStatus.DIFFERENT


def locked(rig: Rig) -> None:
    rig.act(ActKind.LOCK_OUT, "b1")


CAUSES: dict[str, Callable[[Rig], None]] = {
    cause.__name__: cause for cause in (stop, alarm, silence, no_soc, frozen, away, local, against, different, locked)
}


def recorded(rig: Rig, by: Cutter) -> list[tuple[RecordClass, dict[str, Any]]]:
    return [
        (piece.klass, orjson.loads(record.payload))
        for piece in by.pieces(rig.frame)
        for record in piece.cut()
        if record.kind is Kind.STATE
    ]


@pytest.mark.parametrize("cycle", ["1 s", "100 ms"])
@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES.keys())
@pytest.mark.hazard("row 39")
def test_d4_row_39_each_entry_to_safe_or_trip_has_exactly_one_reason_record(
    cause: Callable[[Rig], None], cycle: str
) -> None:
    rig = Rig(site(cycle=cycle)).ready()
    rig.schedule("day_ahead", 60.0)
    rig.run(8)
    by = Cutter("boot", {"b1": "mqtt"}, cut)
    recorded(rig, by)
    cause(rig)
    entries = 0
    for _ in range(round(25 / rig.cycle)):
        before = {row: int(rig.frame[row][0]) for row in ("state", "may_discharge")}
        rig.tick()
        found = recorded(rig, by)
        for row, was in before.items():
            now = int(rig.frame[row][0])
            records = [(klass, body) for klass, body in found if body["item"] == row]
            assert len(records) == (now != was), (row, records)
            for klass, body in records:
                assert body["reason"] in REASONS, body
                if now in (State.FAULT, State.EMERGENCY_STOP) and row == "state":
                    assert klass is RecordClass.AUDIT
            entries += row == "may_discharge" and now < was
    assert entries == 1, "the permission was taken away once, and said so once"
