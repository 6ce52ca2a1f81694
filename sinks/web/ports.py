"""What the endpoint asks of the process, as small protocols that `pipeline/` fills in.

    View     what is the case: plain JSON values cut from the newest sealed frame, synchronous and cheap
    Archive  what was the case: asks the database and may take its time
    Door     what people want: acts, schedules, ceilings, and the audit of what was refused

Guarantees: nothing behind `View` waits, and nothing in front of it reaches a device. A `Door` returns only after its
journal has been synced to disk. The shapes of the JSON values are those of docs/protocol.md; unknown is None.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

from sources.act import OperatorAct
from sources.ceiling import Ceiling
from sources.schedule import Schedule

Json = Mapping[str, Any]


class Role(IntEnum):
    """What a token may do. Each role may do what the roles below it may."""

    VIEWER = 1
    OPERATOR = 2
    ENGINEER = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks: a name for the audit, a role, and how it was proven (`token`, `cookie` or `anonymous`)."""

    name: str
    role: Role
    via: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A write that was refused, for the audit: never the body, never a token.

    `route` is the template ("/operator/stop"), `error` the code of the answer. `suppressed` counts the refusals since
    the previous entry that were counted and not written, because they came faster than the audit accepts them.
    """

    at_ns: int
    who: str
    role: str
    address: str
    method: str
    route: str
    status: int
    error: str
    suppressed: int = 0


class JournalError(Exception):
    """The journal could not be synced. `acted` says whether the act takes effect all the same (a stop does)."""

    def __init__(self, reason: str, *, acted: bool) -> None:
        super().__init__(reason)
        self.acted = acted


class RefusedError(Exception):
    """What was asked is well formed and not taken. `error` is the code of the answer."""

    def __init__(self, error: str, detail: str) -> None:
        super().__init__(detail)
        self.error = error


class ActRefusedError(RefusedError):
    """Somebody else's lock, one acknowledgement too many."""


class ScheduleRefusedError(RefusedError):
    """An older version of a schedule, an unknown asset, no such request."""


class CeilingRefusedError(RefusedError):
    """A ceiling that is not awaited here, that is older than the one that stands, or issued in the future."""


class View(Protocol):
    """The newest sealed frame in JSON shapes. Every method answers at once; None = no such asset, alarm or node."""

    def assets(self) -> tuple[str, ...]: ...
    def hello(self) -> Json: ...
    def site(self) -> Json: ...
    def asset(self, asset: str) -> Json | None: ...
    def points(self, asset: str) -> Sequence[Json]: ...
    def decision(self, asset: str) -> Json | None: ...
    def graph(self) -> Json: ...
    def nodes(self) -> Sequence[Json]: ...
    def alarms(self) -> Sequence[Json]: ...
    def health(self) -> Json: ...
    def schedules(self, asset: str | None) -> Sequence[Json]: ...
    def stops(self) -> Sequence[Json]: ...
    def tap(self, node: str) -> Json | None: ...


class Archive(Protocol):
    """What the database remembers. Raises `ConnectionError` or `TimeoutError` while it cannot be reached."""

    async def schedules(self, asset: str | None, limit: int) -> Sequence[Json]:
        """Versions of schedules, newest first, at most `limit`."""
        ...


class Door(Protocol):
    """The way in for people and programs. Everything that passes is audited by the door itself."""

    async def act(self, act: OperatorAct) -> None:
        """Hand the act to the next tick and return when the journal is synced.

        Raises `ActRefusedError` or `JournalError`.
        """
        ...

    async def import_schedule(self, schedule: Schedule, who: Principal) -> None:
        """Take a schedule. Raises `ScheduleRefusedError` or `JournalError`."""
        ...

    async def set_ceiling(self, document: Json, who: Principal) -> Ceiling:
        """Take a ceiling of the grid operator. Raises `CeilingError`, `CeilingRefusedError` or `JournalError`."""
        ...

    async def acknowledge_alarm(self, alarm: str, who: Principal) -> bool:
        """Note that somebody has seen the alarm; resets nothing. False: no such alarm."""
        ...

    async def acknowledge_alarms(self, alarms: Sequence[str], who: Principal) -> Sequence[str]:
        """The same for many at once. Returns those that there are."""
        ...

    async def shelve_alarm(self, alarm: str, who: Principal, reason: str, until_ns: int) -> bool:
        """Put the alarm away until then; it comes back by itself. False: no such alarm."""
        ...

    async def unshelve_alarm(self, alarm: str, who: Principal) -> bool:
        """Take it back. False: it is not shelved."""
        ...

    async def refused(self, entry: Refusal) -> None:
        """Write the refusal to the audit."""
        ...
