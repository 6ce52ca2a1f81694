"""Requests and replies of one Modbus TCP connection, as they pass on the wire: which reply answers which request.

    sent(request) ─► outstanding ─► heard(reply): transaction, unit, function, length, address are its ─► answered

A client that sends again before the outstanding request is answered, or its time has passed, has taken something else
for the answer, or has two requests on the way (reliability F6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

EARLY_S = 1e-3
HEAD, EXCEPTION = 8, 0x80
READS = (1, 2, 3, 4)


@dataclass(slots=True)
class Exchange:
    """`timeout_s` is how long an answer may take. `hasty` is told (s, s since the request that nobody answered)."""

    timeout_s: float
    hasty: Callable[[float, float], None]
    _request: bytes = b""
    _sent_s: float = 0.0

    def sent(self, octets: bytes, at_s: float) -> None:
        if self._request and at_s - self._sent_s < self.timeout_s - EARLY_S:
            self.hasty(at_s, at_s - self._sent_s)
        self._request, self._sent_s = octets, at_s

    def heard(self, octets: bytes) -> None:
        if self._request and answers(self._request, octets):
            self._request = b""


def answers(request: bytes, reply: bytes) -> bool:
    """Whether a reply is that to a request; bytes too many behind it belong to no reply."""
    if len(reply) < HEAD + 1 or reply[:4] != request[:4] or reply[6] != request[6] or reply[7] & 0x7F != request[7]:
        return False
    length, function = int.from_bytes(reply[4:6], "big"), reply[7]
    if len(reply) < 6 + length:
        return False
    if function & EXCEPTION:
        return length == 3
    if function in READS:
        count = int.from_bytes(request[10:12], "big")
        size = 2 * count if function > 2 else (count + 7) // 8
        return reply[8] == size and length == size + 3
    return length == 6 and reply[8:12] == request[8:12]
