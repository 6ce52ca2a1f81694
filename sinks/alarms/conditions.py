"""Conditions: what a sealed frame says that needs somebody's response.

    sealed frame ──► the table's lines ─┐
                 ──► faults, lost data ─┼──► Condition …
                 ──► services, meter   ─┘

What becomes of a condition is up to `sinks.alarms.book`. Of healthy assets nothing is asked, and what codes alone say
is asked anew only when one of them has changed (`Conditions`).
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from jit import rows as r
from jit.codes import Ceiling, GridPhase, Permit, Quality, Reason, State
from jit.constants import DWELL_ABOVE, DWELL_AT_MOST_S
from jit.frame import Frame
from operators.sentence import LATCH_TEXT, bits, quality_text
from sinks.alarms.condition import HIGH, LOW, MEDIUM, Condition
from sinks.alarms.table import ANY_LATCH, LATCH_RESPONSE, SAYS, Says

__all__ = ["HIGH", "LOW", "MEDIUM", "Condition", "conditions"]

# Plain numbers: NumPy compares a row with a member of an enumeration ten times slower.
OVERDUE, FALLEN_BACK = int(Ceiling.HELD), int(Ceiling.FALLEN_BACK)
INIT, FAULT, YES, VALID = int(State.INIT), int(State.FAULT), int(Permit.YES), int(Quality.VALID)
WITHDRAWN = int(Reason.SERVICE_WITHDRAWN)
HELD = int(GridPhase.HELD)
_LOST = (HELD, int(GridPhase.BLIND))
#: A service that is not deliverable for less than this (s) needs nobody: an asset starting up, a limit that passes.
SERVICE_DELAY_S = 5.0
#: Less than this (kW) of a duty is missing only by rounding.
SHORT_KW = 0.05
_WHO = {int(Reason.GRID_CODE): "the grid code", int(Reason.RELIEVES): "`relief`"}
#: A device that has not sent anything for this long after the start (s) is not merely slow.
NEVER_S = 30.0

#: The table as columns, one line each, so that one look at a frame says whether anything holds at all.
_AT = np.array([line.row for line in SAYS])
_BITS = np.array([[int(line.bit)] for line in SAYS])
_EQUALS = np.array([[int(line.equals) or -1] for line in SAYS])
#: Every row of codes that `of_asset` and the table read.
_READ = np.array(sorted({r.LATCH, r.FAULT, r.QUALITY, r.STATE, r.SETTLED, *(line.row for line in SAYS)}))


@lru_cache(maxsize=65_536)
def _said(line: Says, asset: str) -> Condition:
    return Condition(line.key, asset, line.priority, line.text, line.response, line.delay_s, line.off_delay_s,
                     line.latched, line.consequence_of)  # fmt: skip


def of_table(frame: Frame) -> Iterator[Condition]:
    """What the lines of the table say."""
    codes = frame.codes[_AT]
    held = (codes & _BITS != 0) | (codes == _EQUALS)
    if np.count_nonzero(held):
        for line, column in zip(*(places.tolist() for places in np.nonzero(held)), strict=True):
            yield _said(SAYS[line], frame.layout.assets[column])


def of_asset(frame: Frame, column: int) -> Iterator[Condition]:
    """What the frame says about one asset in words of its own."""
    codes, asset = frame.codes, frame.layout.assets[column]
    latch = codes.item(r.LATCH, column)
    if codes.item(r.STATE, column) == FAULT or latch != 0:
        response = next((said for bit, said in LATCH_RESPONSE.items() if latch & bit), ANY_LATCH)
        kind = "fault latched" if codes.item(r.STATE, column) == FAULT else "latched"
        yield Condition("fault", asset, HIGH, f"{kind}: {bits(latch, LATCH_TEXT)}", response)
    quality = codes.item(r.QUALITY, column)
    if quality != VALID:
        settled = codes.item(r.SETTLED, column) == YES
        text = quality_text(quality) if settled else f"no usable data since the start: {quality_text(quality)}"
        check = "Check the connection and the device; power is 0 kW until data return"
        yield Condition("data_lost", asset, HIGH, text, check, 0.0 if settled else NEVER_S,
                        consequence_of=("maintenance",))  # fmt: skip
    if codes.item(r.FAULT, column) != 0:
        report = "Read the log and report it; restart if it persists"
        yield Condition("stage", asset, HIGH, "a stage of the chain failed: 0 kW", report)


def noteworthy(frame: Frame) -> list[int]:
    """Columns of the assets about which `of_asset` has anything to say: of healthy ones nothing is asked."""
    codes = frame.codes
    odd = codes[r.LATCH] | codes[r.FAULT] | (codes[r.QUALITY] ^ VALID) | (codes[r.STATE] == FAULT)
    columns: list[int] = odd.nonzero()[0].tolist()
    return columns


def of_dwell(frame: Frame) -> Iterator[Condition]:
    """A battery that has stood at a high state of charge for longer than it may (reliability S19, §2 row 47)."""
    ratings = frame.constants.ratings
    over = frame.values[r.DWELL_S] > ratings[DWELL_AT_MOST_S]
    if np.count_nonzero(over):
        for column in np.flatnonzero(over).tolist():
            above, hours = ratings.item(DWELL_ABOVE, column), ratings.item(DWELL_AT_MOST_S, column) / 3600.0
            text = f"above {above:g} % for more than {hours:g} h without power"
            free = "Plan a discharge: long standby at a high state of charge is a risk of fire"
            yield Condition("soc_dwell", frame.layout.assets[column], MEDIUM, text, free)


def of_services(frame: Frame) -> Iterator[Condition]:
    """A withdrawn or undeliverable service is an alarm per service, for the site; not before data were ever fresh."""
    if not (frame.layout.services and np.count_nonzero(frame.codes[r.SETTLED] == YES)):
        return
    first, code_first, _ = r.service_rows(frame.layout)
    for i, name in enumerate(frame.layout.services):
        if (frame.codes[code_first + i] == WITHDRAWN).any():
            text, check = f"{name} withdrawn: its input is lost", "Check the frequency meter; report the unavailability"
            yield Condition(f"{name}.withdrawn", None, HIGH, text, check, SERVICE_DELAY_S)
        if float(frame.values[first + r.SERVICE_ROWS * i + 3].sum()) > 0.05:
            text, free = f"{name}: sold capacity has no room", "Report the unavailability, or free power and energy"
            yield Condition(f"{name}.undeliverable", None, MEDIUM, text, free, SERVICE_DELAY_S)


def of_meter(frame: Frame) -> Iterator[Condition]:
    """The meter at the point of connection, where there is one: without it site limits rest on assumptions."""
    quality = frame.site_codes.item(r.POC_QUALITY)
    if "site.poc" in frame.layout.devices and quality != VALID:
        text = f"the point of connection is not measured: {quality_text(quality)}"
        check = "Check the meter; until it is back the site limits assume the worst that is declared or was seen last"
        yield Condition("poc.data_lost", None, MEDIUM, text, check, SERVICE_DELAY_S)


_LOST_FREQUENCY = "Check the meter's frequency; until it is back the last restriction stands and none begins"
_LOST_VOLTAGE = "Check the meter's voltage; until it is back reactive power is what `on_loss` declares"


def of_grid(frame: Frame) -> Iterator[Condition]:
    """Mandatory functions of the grid that have lost what they follow."""
    over, under, reactive = (frame.site_codes.item(row) for row in (r.OVER_PHASE, r.UNDER_PHASE, r.KVAR_PHASE))
    if over in _LOST or under in _LOST:
        held = "the last restriction is held" if HELD in (over, under) else "it cannot act"
        text = f"P(f) has no frequency: {held}"
        yield Condition("grid.frequency", None, HIGH, text, _LOST_FREQUENCY, SERVICE_DELAY_S)
    if reactive in _LOST:
        text = "Q(U) has no voltage: " + ("the last reactive power is held" if reactive == HELD else "0 kvar")
        yield Condition("grid.voltage", None, HIGH, text, _LOST_VOLTAGE, SERVICE_DELAY_S)


def of_duties(frame: Frame) -> Iterator[Condition]:
    """What the grid code or `relief` demands of the batteries together, and what is missing of it."""
    short = frame.site.item(r.MUST_SHORT_KW)
    if short > SHORT_KW:
        causes = {int(code) for code in frame.site_codes[[r.MUST_LOW_BY, r.MUST_HIGH_BY]] if code}
        who = " and ".join(_WHO[cause] for cause in sorted(causes) if cause in _WHO)
        text = f"{short:.1f} kW are missing of what {who or 'must be'} demands"
        free = "Shed load or curtail generation by other means, or give the batteries permission, power and energy"
        yield Condition("must.short", None, HIGH, text, free, SERVICE_DELAY_S)


def of_ceilings(frame: Frame) -> Iterator[Condition]:
    """A ceiling of the grid operator that was not renewed in time, and one that has fallen back."""
    for direction, row in (("import", r.CEILING_IMPORT), ("export", r.CEILING_EXPORT)):
        phase = frame.site_codes.item(row)
        if phase in (OVERDUE, FALLEN_BACK):
            what = "its last value is held" if phase == OVERDUE else "the fall-back of the definition is in force"
            text = f"the grid operator's {direction} ceiling is overdue: {what}"
            check = "Check the connection to the grid operator; the ceiling stays until it is renewed"
            priority = MEDIUM if phase == OVERDUE else HIGH
            yield Condition(f"grid_operator.{direction}.overdue", None, priority, text, check)


def of_codes(frame: Frame) -> tuple[list[Condition], list[Condition]]:
    """What codes alone say, of assets and of the site."""
    found = [condition for column in noteworthy(frame) for condition in of_asset(frame, column)]
    return [*found, *of_table(frame)], [*of_meter(frame), *of_grid(frame), *of_ceilings(frame)]


class Conditions:
    """Everything that the frame alone says. It remembers what the newest codes said, and nothing else."""

    def __init__(self) -> None:
        self._codes: tuple[bytes, bytes] | None = None
        self._said: tuple[list[Condition], list[Condition]] = ([], [])

    def __call__(self, frame: Frame) -> list[Condition]:
        codes = frame.codes.take(_READ, 0).tobytes(), frame.site_codes.tobytes()
        if codes != self._codes:
            self._said, self._codes = of_codes(frame), codes
        of_assets, of_site = self._said
        return [*of_assets, *of_dwell(frame), *of_site, *of_duties(frame), *of_services(frame)]


def conditions(frame: Frame) -> list[Condition]:
    """Everything that one frame says."""
    return Conditions()(frame)
