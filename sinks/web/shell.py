"""What the outermost shell hands to the endpoint, in one place: ports, clocks, identity.

Nothing in `sinks/web` reads a clock or draws a random number by itself; it calls what stands here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from loguru import logger

from sinks.web.auth import Attempts, Keyring, Sessions
from sinks.web.origin import Listener
from sinks.web.ports import Archive, Door, Principal, Refusal, Role, View
from sources.instant import format_utc
from sources.market.schedule_json import parse
from sources.schedule import Schedule

STATIC = Path(__file__).parent / "static"


@dataclass(slots=True, eq=False)
class AuditGate:
    """Lets at most `rate` refusals a second (bursts of `burst`) into the audit and counts the others."""

    clock: Callable[[], float]
    rate: float = 5.0
    burst: float = 50.0
    tokens: float = 50.0
    at_s: float = -1e9
    suppressed: int = 0

    def take(self) -> int | None:
        """None: do not write this one. Otherwise how many were held back since the last one written."""
        now = self.clock()
        self.tokens = min(self.burst, self.tokens + (now - self.at_s) * self.rate)
        self.at_s = now
        if self.tokens < 1.0:
            self.suppressed += 1
            return None
        self.tokens -= 1.0
        held, self.suppressed = self.suppressed, 0
        return held


@dataclass(slots=True, eq=False)
class Shell:
    """Everything the endpoint needs. `clock` is scheduler time (s), `utc_ns` the wall clock (ns since 1970).

    `metrics` renders the Prometheus text and is called in a thread. `new_id` gives unique ids, `secret` random ones.
    """

    view: View
    door: Door
    listener: Listener
    keyring: Keyring
    clock: Callable[[], float]
    utc_ns: Callable[[], int]
    new_id: Callable[[], str]
    secret: Callable[[], str]
    metrics: Callable[[], bytes] | None = None
    archive: Archive | None = None
    read_schedule: Callable[[Mapping[str, object], str], Schedule] = parse
    static: Path = STATIC
    sessions: Sessions = field(init=False)
    attempts: Attempts = field(init=False)
    gate: AuditGate = field(init=False)

    def __post_init__(self) -> None:
        self.sessions = Sessions(self.clock, self.secret)
        self.attempts = Attempts(self.clock)
        self.gate = AuditGate(self.clock)

    def now(self) -> str:
        return format_utc(self.utc_ns())

    def visitor(self) -> Principal | None:
        """Who somebody without a token is: an anonymous viewer where the listener allows one, else nobody."""
        return Principal("anonymous", Role.VIEWER, "anonymous") if self.listener.anonymous else None

    async def audit(self, who: Principal | None, address: str, method: str, route: str, status: int,
                    error: str) -> None:
        """Write a refused write to the audit and the log. A failing audit cannot turn a refusal into anything else."""
        held = self.gate.take()
        if held is None:
            return
        name, role = (who.name, who.role.word) if who else ("unknown", "none")
        logger.bind(component="web", decision="refused", reason=error).warning(
            "{} {} refused with {} for {} ({}) at {}", method, route, status, name, role, address)
        entry = Refusal(self.utc_ns(), name, role, address, method, route, status, error, held)
        try:
            await self.door.refused(entry)
        except Exception as cause:  # the answer stays the refusal
            logger.bind(component="web", reason="audit-failed").error("the audit could not be written: {}", cause)
