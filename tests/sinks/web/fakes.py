"""A view made of dictionaries, a door that remembers, and the real endpoint served on a free loopback port."""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Origin, Subprotocol

from sinks.web.auth import Credential, Keyring
from sinks.web.client import Limits
from sinks.web.hub import Hub
from sinks.web.live import SUBPROTOCOL
from sinks.web.origin import Listener
from sinks.web.ports import (
    ActRefusedError,
    CeilingRefusedError,
    JournalError,
    Json,
    Principal,
    Refusal,
    Role,
    ScheduleRefusedError,
)
from sinks.web.serve import bind, serve, url
from sinks.web.shell import Shell
from sources.act import OperatorAct
from sources.ceiling import Ceiling, ceiling_of
from sources.schedule import Schedule

TOKENS = {Role.VIEWER: "viewer-0123456789abcdef", Role.OPERATOR: "operator-0123456789abcdef",
          Role.ENGINEER: "engineer-0123456789abcdef"}
AT = "2026-11-22T13:03:07.000Z"


async def until(condition: Callable[[], bool], within_s: float = 10.0) -> None:
    """Poll until the condition holds; fail when it does not within `within_s`."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        await asyncio.sleep(0.005)


class FakeView:
    """The shapes of docs/protocol.md for two assets; `tick` moves their values."""

    def __init__(self, assets: tuple[str, ...] = ("bess1", "bess2")) -> None:
        self.names = assets
        self.tick = 1
        self.filler = ""
        self.status = "ok"
        self.broken: set[str] = set()
        self.standing: list[Json] = []
        self.reads = 0
        self.faults = {"bess2": 60.0}
        self.missing: dict[str, list[str]] = {}

    def assets(self) -> tuple[str, ...]:
        return self.names

    def hello(self) -> Json:
        return {"server": "bess-pipeline", "site": "nordhafen", "epoch": "e1", "gen": 1}

    def site(self) -> Json:
        self._maybe_break("site")
        return {"name": "nordhafen", "at": AT, "tick": self.tick, "poc_kw": 12.0, "frequency_hz": None,
                "mode": "armed", "services": [], "next": [], "demo": False}

    def asset(self, asset: str) -> Json | None:
        self.reads += 1
        self._maybe_break(f"assets.{asset}")
        if asset not in self.names:
            return None
        return {"asset_id": asset, "at": AT, "state": "fault" if asset in self.faults else "discharging",
                "clear_s": self.faults.get(asset), "clear_for_s": 10.0, "authority": "armed",
                "missing": self.missing.get(asset, []),
                "telemetry": {"timestamp": AT, "soc_percent": 62.0, "active_power_kw": float(self.tick),
                              "dc_voltage": None},
                "quality": {"flag": "Valid", "reason": None}, "observed_at": AT, "age_s": 0.4,
                "rated": {"charge_kw": 250.0, "discharge_kw": 250.0, "energy_kwh": 500.0},
                "soc_limits": {"min": 10.0, "max": 90.0}, "temperature_limits": {"min": -10.0, "max": 50.0},
                "command_kw": float(self.tick), "why": "follows day_ahead", "filler": self.filler,
                "last_command": {"command_id": f"c-{self.tick}", "timestamp": AT, "asset_id": asset,
                                 "mode": "Discharge", "active_power_kw": float(self.tick), "valid_until": AT,
                                 "reason": "follows-request", "source": "Schedule"} if asset == "bess1" else None}

    def points(self, asset: str) -> Sequence[Json]:
        return []

    def decision(self, asset: str) -> Json | None:
        if asset not in self.names:
            return None
        return {"asset_id": asset, "tick": self.tick, "at": AT, "config": "c3f1a2e", "command_kw": float(self.tick),
                "steps": [{"stage": "resolve", "out_kw": 80.0, "delta_kw": None, "by": "requests.day_ahead",
                           "why": "w"}],
                "binding": {"by": "bms_discharge", "kw": 37.0}, "next_limit": {"by": "rating", "room_kw": 213.0},
                "not_used": []}

    def graph(self) -> Json:
        return {"nodes": [{"id": "ramp", "kind": "stage", "inputs": ["constrain"], "reads": ["limited_kw"],
                           "before": [], "writes": ["ramped_kw"], "guard": True, "file": "operators/ramp.py"}]}

    def nodes(self) -> Sequence[Json]:
        return [{"id": "ramp", "rate_hz": 1.0, "last": f"{self.tick} kW", "age_s": 0.2, "p50_us": 2.0, "p95_us": 3.0,
                 "errors": 0, "dropped": 0}]

    def alarms(self) -> Sequence[Json]:
        return [{"id": "a1", "asset_id": "bess1", "priority": 2, "text": "BMS derating", "response": "check cooling",
                 "since": AT, "state": "unacknowledged", "active": True, "acknowledged": False}]

    def health(self) -> Json:
        return {"status": self.status, "at": AT, "components": {"chain": "ok"}}

    def schedules(self, asset: str | None) -> Sequence[Json]:
        return [{"asset_id": asset, "type": "day_ahead", "market_bid_area": "DE-LU", "version": 3, "horizon_start": AT,
                 "horizon_end": AT, "windows": [{"start": AT, "end": AT, "target_power_kw": 80.0}]}]

    def stops(self) -> Sequence[Json]:
        return self.standing

    def tap(self, node: str) -> Json | None:
        if node != "ramp":
            return None
        return {"node": "ramp", "tick": self.tick, "at": AT,
                "rows": {"ramped_kw": [1.0, 2.0], "ramp_by": ["ramp up"] * 2}}

    def _maybe_break(self, name: str) -> None:
        if name in self.broken:
            raise RuntimeError(f"broken {name}")


@dataclass
class FakeDoor:
    acts: list[OperatorAct] = field(default_factory=list)
    schedules: list[Schedule] = field(default_factory=list)
    alarms: list[tuple[str, Principal]] = field(default_factory=list)
    shelved: list[tuple[str, str, int]] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    journal: JournalError | None = None
    refuses: ActRefusedError | None = None
    conflict: ScheduleRefusedError | None = None
    ceilings: list[Ceiling] = field(default_factory=list)
    refuses_ceiling: CeilingRefusedError | JournalError | None = None
    broken_audit: bool = False
    synced: Callable[[], Awaitable[None]] | None = None

    async def act(self, act: OperatorAct) -> None:
        if self.refuses is not None:
            raise self.refuses
        self.acts.append(act)
        if self.synced is not None:
            await self.synced()
        if self.journal is not None:
            raise self.journal

    async def import_schedule(self, schedule: Schedule, who: Principal) -> None:
        if self.conflict is not None:
            raise self.conflict
        if self.journal is not None:
            raise self.journal
        self.schedules.append(schedule)

    async def set_ceiling(self, document: Json, who: Principal) -> Ceiling:
        if self.refuses_ceiling is not None:
            raise self.refuses_ceiling
        told = ceiling_of(document, document.get("direction", "export"), 800.0, f"rest:{who.name}")
        self.ceilings.append(told)
        return told

    async def acknowledge_alarm(self, alarm: str, who: Principal) -> bool:
        if self.journal is not None:
            raise self.journal
        self.alarms.append((alarm, who))
        return alarm == "a1"

    async def acknowledge_alarms(self, alarms: Sequence[str], who: Principal) -> Sequence[str]:
        return [alarm for alarm in alarms if await self.acknowledge_alarm(alarm, who)]

    async def shelve_alarm(self, alarm: str, who: Principal, reason: str, until_ns: int) -> bool:
        self.shelved.append((alarm, reason, until_ns))
        return await self.acknowledge_alarm(alarm, who)

    async def unshelve_alarm(self, alarm: str, who: Principal) -> bool:
        return await self.acknowledge_alarm(alarm, who)

    async def refused(self, entry: Refusal) -> None:
        if self.broken_audit:
            raise OSError("disk full")
        self.refusals.append(entry)


class FakeArchive:
    def __init__(self) -> None:
        self.error: Exception | None = None

    async def schedules(self, asset: str | None, limit: int) -> Sequence[Json]:
        if self.error is not None:
            raise self.error
        return [{"asset_id": asset, "type": "day_ahead", "version": 3 - number, "windows": []}
                for number in range(min(limit, 3))]


class Hands:
    """Clocks that a test moves by hand, or lets run."""

    def __init__(self) -> None:
        self.ahead_s = 0.0
        self.utc_ns = 1_795_352_587_000_000_000

    def clock(self) -> float:
        return time.monotonic() + self.ahead_s


@dataclass
class Site:
    """A served endpoint and everything behind it."""

    view: FakeView
    door: FakeDoor
    archive: FakeArchive
    hands: Hands
    shell: Shell
    hub: Hub
    url: str
    tls: Any = None

    def client(self, role: Role | None = None, /, **headers: str) -> httpx.AsyncClient:
        if role is not None:
            headers["authorization"] = f"Bearer {TOKENS[role]}"
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=15.0, trust_env=False,
                                 verify=self.tls or True)

    def socket(self, *, token: str | None = None, cookie: str | None = None, origin: str | None = None,
               subprotocols: Sequence[str] = (SUBPROTOCOL,), **options: Any) -> connect:
        headers = {}
        if token is not None:
            headers["authorization"] = f"Bearer {token}"
        if cookie is not None:
            headers["cookie"] = cookie
        return connect(self.url.replace("http", "ws", 1) + "/ws", additional_headers=headers,
                       origin=Origin(origin) if origin is not None else None, proxy=None,
                       subprotocols=[Subprotocol(name) for name in subprotocols] or None, **options)

    def step(self) -> None:
        """A tick of the chain: new values, one offer."""
        self.view.tick += 1
        self.hub.offer()


LOOPBACK = Listener("127.0.0.1", 0)
ANONYMOUS = replace(LOOPBACK, anonymous_viewer=True)


def shell_for(view: FakeView, door: FakeDoor, hands: Hands, **options: Any) -> Shell:
    numbers = itertools.count(1)
    options.setdefault("listener", LOOPBACK)
    options.setdefault("keyring", Keyring(Credential(role.word, role, token) for role, token in TOKENS.items()))
    return Shell(view=view, door=door, clock=hands.clock, utc_ns=lambda: hands.utc_ns,
                 new_id=lambda: f"id-{next(numbers)}", secret=lambda: secrets.token_urlsafe(32), **options)


@asynccontextmanager
async def served(*, limits: Limits | None = None, view: FakeView | None = None, tls: Any = None, trust: Any = None,
                 **options: Any) -> AsyncIterator[Site]:
    """The endpoint on a free port, ended when the block is left."""
    view, door, archive, hands = view or FakeView(), FakeDoor(), FakeArchive(), Hands()
    options.setdefault("archive", archive)
    shell = shell_for(view, door, hands, **options)
    hub = Hub(view, hands.clock, shell.now, limits)
    sock, stop, up = bind(shell.listener), asyncio.Event(), asyncio.Event()
    place = url(shell.listener, sock)
    task = asyncio.ensure_future(serve(shell, hub, sock, stop, tls=tls, started=up.set))
    try:
        await asyncio.wait({task, asyncio.ensure_future(up.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield Site(view, door, archive, hands, shell, hub, place, trust)
    finally:
        stop.set()
        await task


async def receive(socket: ClientConnection, kind: str | None = None, within_s: float = 10.0) -> dict[str, Any]:
    """The next frame, of that kind if one is named."""
    async with asyncio.timeout(within_s):
        while True:
            frame: dict[str, Any] = orjson.loads(await socket.recv())
            if kind is None or frame["t"] == kind:
                return frame


async def send(socket: ClientConnection, **message: Any) -> None:
    await socket.send(orjson.dumps(message).decode())


async def closed(socket: ClientConnection, within_s: float = 10.0) -> int:
    """Read to the end; the close code."""
    async with asyncio.timeout(within_s):
        with suppress(ConnectionClosed):
            async for _ in socket:
                pass
        await socket.wait_closed()
    return socket.close_code or 0
