"""What can go wrong between us and a Modbus device.

    ModbusFault
    ├── LinkDown        no connection, or it was lost while waiting: nothing is known about the request
    ├── NoReply         time-out: nothing is known about the request; the connection is closed, unless neighbours answer
    │   └── LeftAlone   nothing was sent: the unit did not answer lately, and its neighbours would have to wait
    ├── BadReply        a reply that is not the answer to the request; the connection is closed
    ├── Rejected        the device answered with an exception code; the connection stays
    ├── OtherLayout     its registers are not what the profile expects: nothing is believed, nothing written
    │   └── NotFound    none of the units that the device may be is it, several are, or nobody has asked them yet
    ├── Withheld        the device has not proved what it must: nothing was sent
    └── TooLate         the command's time had passed before the bytes left: nothing was sent
"""

from __future__ import annotations

#: Modbus application protocol V1.1b3, section 7.
EXCEPTION_TEXT = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledged, still working",
    6: "device busy",
    7: "negative acknowledge",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}


class ModbusFault(Exception):  # noqa: N818 - a fault of the device or the line, not of the program
    """A request to `place` ("10.0.0.11:502") failed."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place, self.what = place, what


class LinkDown(ModbusFault): ...


class NoReply(ModbusFault): ...


class LeftAlone(NoReply): ...


class BadReply(ModbusFault): ...


class OtherLayout(ModbusFault): ...


class NotFound(OtherLayout): ...


class TooLate(ModbusFault): ...


class Withheld(ModbusFault): ...


class Rejected(ModbusFault):
    """`code` is the Modbus exception code."""

    def __init__(self, place: str, code: int) -> None:
        super().__init__(place, f"exception {code}, {EXCEPTION_TEXT.get(code, 'unknown')}")
        self.code = code
