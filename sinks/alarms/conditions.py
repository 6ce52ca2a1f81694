"""Conditions: what a sealed frame says that needs somebody's response.

Every condition has a priority (1 high to 3), a text and the response that is expected (ISA-18.2: no response, no
alarm). What becomes of it is up to `sinks.alarms.book`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from jit import rows as r
from jit.codes import Permit, Quality, Reason, State, WriteStatus
from jit.frame import Frame
from operators.sentence import LATCH_TEXT, bits, quality_text

HIGH, MEDIUM, LOW = 1, 2, 3

# Plain numbers: NumPy compares a row with a member of an enumeration ten times slower.
FAULT, YES, VALID, REFUSED = int(State.FAULT), int(Permit.YES), int(Quality.VALID), int(WriteStatus.REFUSED)
WITHDRAWN, LOCAL_CONTROL = int(Reason.SERVICE_WITHDRAWN), int(Reason.LOCAL_CONTROL)
#: A service that is not deliverable for less than this (s) needs nobody: an asset starting up, a limit that passes.
SERVICE_DELAY_S = 5.0
WRITE_TEXT = {
    WriteStatus.REFUSED: "the device refused the last set-point",
    WriteStatus.FAILED: "the last set-point could not be written",
    WriteStatus.DIFFERENT: "the device does not hold the set-point that was written",
}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that holds now. `key` is unique per asset. It is an alarm once it has held for `delay_s`."""

    key: str
    asset: str | None
    priority: int
    text: str
    response: str
    delay_s: float = 0.0

    @property
    def id(self) -> str:
        return f"{self.asset}.{self.key}" if self.asset else f"site.{self.key}"


def of_asset(frame: Frame, column: int) -> list[Condition]:
    """What the frame says about one asset."""
    codes, asset, found = frame.codes, frame.layout.assets[column], []
    state, quality = codes.item(r.STATE, column), codes.item(r.QUALITY, column)
    if state == State.FAULT:
        found.append(
            Condition(
                "fault",
                asset,
                HIGH,
                f"fault latched: {bits(codes.item(r.LATCH, column), LATCH_TEXT)}",
                "Find the cause at the device; acknowledge once it is clear",
            )
        )
    if quality != Quality.VALID and codes.item(r.SETTLED, column) == Permit.YES:
        found.append(
            Condition(
                "data_lost",
                asset,
                HIGH,
                quality_text(quality),
                "Check the connection and the device; power is 0 kW until data return",
            )
        )
    if codes.item(r.WRITE_STATUS, column) in (WriteStatus.REFUSED, WriteStatus.FAILED, WriteStatus.DIFFERENT):
        outcome = WRITE_TEXT[WriteStatus(codes.item(r.WRITE_STATUS, column))]
        found.append(
            Condition(
                "write",
                asset,
                HIGH,
                outcome,
                "Check whether the device is in local control or commanded by another master",
            )
        )
    if codes.item(r.FAULT, column) != 0:
        found.append(
            Condition(
                "stage",
                asset,
                HIGH,
                "a stage of the chain failed: 0 kW",
                "Read the log and report it; restart if it persists",
            )
        )
    if codes.item(r.ALARMS, column) != 0 and state != State.FAULT:
        found.append(
            Condition(
                "device",
                asset,
                MEDIUM,
                f"device alarms 0x{codes.item(r.ALARMS, column):x}",
                "Look the alarm up in the device's manual",
            )
        )
    if codes.item(r.STATE_BY, column) == Reason.LOCAL_CONTROL:
        found.append(
            Condition("local", asset, LOW, "device is in local control", "Return it to remote, then activate it here")
        )
    return found


def noteworthy(frame: Frame) -> list[int]:
    """Columns of the assets about which `of_asset` has anything to say: of healthy ones nothing is asked."""
    codes = frame.codes
    status = codes[r.WRITE_STATUS]
    found = (codes[r.STATE] == FAULT) | (codes[r.FAULT] != 0) | (codes[r.ALARMS] != 0)
    found |= (codes[r.QUALITY] != VALID) & (codes[r.SETTLED] == YES)
    found |= (status >= REFUSED) | (codes[r.STATE_BY] == LOCAL_CONTROL)
    columns: list[int] = np.flatnonzero(found).tolist()
    return columns


def of_services(frame: Frame) -> list[Condition]:
    """A withdrawn or undeliverable service is an alarm per service, for the site; not before data were ever fresh."""
    if not (frame.codes[r.SETTLED] == YES).any():
        return []
    first, code_first, _ = r.service_rows(frame.layout)
    found = []
    for i, name in enumerate(frame.layout.services):
        if (frame.codes[code_first + i] == WITHDRAWN).any():
            found.append(
                Condition(
                    f"{name}.withdrawn",
                    None,
                    HIGH,
                    f"{name} withdrawn: its input is lost",
                    "Check the frequency meter; report the unavailability",
                    SERVICE_DELAY_S,
                )
            )
        missing = float(frame.values[first + r.SERVICE_ROWS * i + 3].sum())
        if missing > 0.05:
            found.append(
                Condition(
                    f"{name}.undeliverable",
                    None,
                    MEDIUM,
                    f"{name}: sold capacity has no room",
                    "Report the unavailability, or free power and energy",
                    SERVICE_DELAY_S,
                )
            )
    return found


def of_meter(frame: Frame) -> list[Condition]:
    """The meter at the point of connection, where there is one: without it site limits rest on assumptions."""
    quality = int(frame.site_codes[r.POC_QUALITY])
    if "site.poc" not in frame.layout.devices or quality == Quality.VALID:
        return []
    return [
        Condition(
            "poc.data_lost",
            None,
            MEDIUM,
            f"the point of connection is not measured: {quality_text(quality)}",
            "Check the meter; until it is back the site limits assume the worst that is declared or was seen last",
            SERVICE_DELAY_S,
        )
    ]


def conditions(frame: Frame) -> list[Condition]:
    """Everything that the frame alone says."""
    found = [condition for column in noteworthy(frame) for condition in of_asset(frame, column)]
    return found + of_meter(frame) + of_services(frame)
