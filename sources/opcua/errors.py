"""What can go wrong between us and an OPC UA server.

    OpcuaFault
    ├── LinkDown        no session, or it was lost while waiting: nothing is known about the request
    ├── NoReply         time-out: nothing is known about the request
    ├── BadReply        a reply that is not the answer to the request; the connection is closed
    ├── Rejected        the server answered with a bad status code; the connection stays
    ├── Untrusted       the server does not prove who it is, or asks for a password in plain text: no session
    ├── Withheld        the device has not proved what it must: nothing was sent
    └── TooLate         the command's time had passed before the bytes left: nothing was sent
"""

from __future__ import annotations


class OpcuaFault(Exception):  # noqa: N818 - a fault of the device or the line, not of the program
    """A request to `place` ("10.0.0.22:4840") failed."""

    def __init__(self, place: str, what: str) -> None:
        super().__init__(f"{place}: {what}")
        self.place = place


class LinkDown(OpcuaFault): ...


class NoReply(OpcuaFault): ...


class BadReply(OpcuaFault): ...


class Untrusted(OpcuaFault): ...


class TooLate(OpcuaFault): ...


class Withheld(OpcuaFault): ...


class Rejected(OpcuaFault):
    """`code` is the status code, `name` what the standard calls it."""

    def __init__(self, place: str, code: int, name: str) -> None:
        super().__init__(place, f"status {name}")
        self.code = code
        self.name = name
