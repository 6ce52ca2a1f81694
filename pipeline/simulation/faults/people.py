"""F22, F28: websocket clients that do not read, and documents that were never meant well, at the production endpoint.

Documents that have to be refused change nothing on the wire: nothing is noted as asked for because of them, so that
S12 finds every one that came through. What is sound and only awkward is noted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pipeline.simulation.endpoint import Endpoint
from pipeline.simulation.faults.kind import End, nothing
from pipeline.simulation.trace import Asked, Offered, Watcher
from pipeline.simulation.world import DAY_AHEAD, EPOCH_NS, World
from sources.instant import format_utc

IMPORT = "/markets/schedules/import"
REFUSED = 300
WILD_S = 8.0
TAKES_S = 5.0  # from the answer until the newer document is in force, at the latest


def watchers(world: World, _device: str, clients: float, reads_s: float | None) -> End:
    """So many websocket clients, each of which takes its time for every frame, or does not read at all (R3)."""
    if world.shell is None:
        return nothing
    endpoint = Endpoint.of(world.process)
    world.process.finished.append(endpoint.hub.offer)
    hub = world.loop.create_task(endpoint.hub.run())
    readers = [_watcher(world, endpoint, reads_s) for _ in range(int(clients))]

    def end() -> None:
        for task in (hub, *readers):
            task.cancel()

    return end


def _watcher(world: World, endpoint: Endpoint, reads_s: float | None) -> asyncio.Task[int]:
    watcher = Watcher(world.loop.time(), reads_s)
    world.trace.watchers.append(watcher)
    task = world.loop.create_task(endpoint.watch(reads_s))
    task.add_done_callback(lambda _task: setattr(watcher, "ended_s", world.loop.time()))
    return task


def document(world: World, device: str, which: str) -> End:
    """One document of an optimiser, through REST; what was asked for before it is asked for again in the end."""
    before = [asked for asked in world.trace.asked if asked.asset is None and asked.market == DAY_AHEAD][-1:]
    if world.shell is None or not before:
        return nothing
    book = list(world.trace.asked)
    body = DOCUMENTS[which](world, device)
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    status = _offer(world, which, octets, which in TAKEN)
    if status >= REFUSED:
        world.trace.asked[:] = book  # nothing is taken that cannot be kept: what was asked for is still asked for
        return nothing
    _until_taken(world, book)
    return lambda: _as_before(world, before[0])


def wild(world: World, device: str, which: str, kind: str, whole_site: float) -> End:
    """A short document of another market, of whatever JSON can say as a power; what was asked for stands behind it."""
    if world.shell is None or not world.trace.asked:
        return nothing
    text, power_kw = WILD[which]
    asset = None if whole_site else device
    windows = [] if which == "nothing" else [(0.0, WILD_S, "@")]
    body = _schedule(world, *windows, type=kind, version=len(world.trace.offered) + 1, asset_id=asset)
    octets = json.dumps({name: value for name, value in body.items() if value is not None}).replace('"@"', text)
    now = world.loop.time()
    if _offer(world, which, octets.encode(), power_kw is not None) < REFUSED and power_kw is not None:
        until_s = world.loop.time() + WILD_S + TAKES_S
        world.trace.asked.append(Asked(now, until_s, power_kw, asset, kind, closes_s=now + WILD_S))
    return nothing


def _offer(world: World, which: str, octets: bytes, sound: bool) -> int:
    """Hand a document in: the status of the answer, which S14 judges."""
    at_s, broken = world.loop.time(), world.disk.error is not None
    status = world.loop.run_until_complete(Endpoint.of(world.process).post(IMPORT, octets))
    world.trace.offered.append(Offered(at_s, which, sound, status, broken or world.disk.error is not None))
    return status


def _until_taken(world: World, book: list[Asked]) -> None:
    """What was asked for before counts until the answer, which a slow disk holds back."""
    taken = world.loop.time() + TAKES_S
    for place, was in enumerate(book):
        ended = world.trace.asked[place]
        if ended.until_s < was.until_s:
            world.trace.asked[place] = replace(ended, until_s=min(was.until_s, taken))


def _as_before(world: World, asked: Asked) -> None:
    """A newer document asks for what was asked for before."""
    if world.shell is not None:
        world.schedule(asked.power_kw)
    else:
        world.trace.asked.append(replace(asked, from_s=world.loop.time()))


def _schedule(world: World, *windows: tuple[float, float, Any], **changes: Any) -> dict[str, Any]:
    """A day-ahead document of windows (from s, to s, kW), seen from now."""
    now_ns = EPOCH_NS + round(world.loop.time() * 1e9)
    written = [{"start": _at(now_ns, start), "end": _at(now_ns, end), "target_power_kw": power}
               for start, end, power in windows]  # fmt: skip
    newest = len(world.trace.asked) + 1
    return {"type": "day_ahead", "market_bid_area": "DE-LU", "version": newest, "windows": written, **changes}


def _at(now_ns: int, seconds: float) -> str:
    return format_utc(now_ns + int(seconds * 1e9))


def _number(text: str) -> Callable[[World, str], bytes]:
    """A power that JSON does not know, or that no machine has."""

    def write(world: World, _device: str) -> bytes:
        said = json.dumps(_schedule(world, (0.0, 3600.0, "@")))
        return said.replace('"@"', text).encode()

    return write


def _overlapping(world: World, _device: str) -> dict[str, Any]:
    return _schedule(world, (0.0, 60.0, 100.0), (30.0, 90.0, -100.0))


def _backwards(world: World, _device: str) -> dict[str, Any]:
    return _schedule(world, (60.0, 0.0, 100.0))


def _stranger(world: World, _device: str) -> dict[str, Any]:
    return _schedule(world, (0.0, 60.0, 100.0), asset_id="nobody")


def _too_many(world: World, _device: str) -> dict[str, Any]:
    return _schedule(world, *((i, i + 1.0, 250.0) for i in range(10_001)))


def _old(world: World, _device: str) -> dict[str, Any]:
    """An older version than the one that is held, once more."""
    return _schedule(world, (0.0, 3600.0, 250.0), version=0)


def _deep(_world: World, _device: str) -> bytes:
    return b'{"windows":' + b"[" * 5000 + b"]" * 5000 + b"}"


def _huge(world: World, _device: str) -> dict[str, Any]:
    """More than any battery has: it is taken, and the limits stand."""
    _asks(world, None, 1e300)
    return _schedule(world, (0.0, 3600.0, 1e300))


def _past(world: World, _device: str) -> dict[str, Any]:
    """Windows that are over: nobody asks for anything now."""
    _asks(world, None, 0.0)
    return _schedule(world, (-7200.0, -3600.0, 250.0))


def _future(world: World, _device: str) -> dict[str, Any]:
    _asks(world, None, 0.0)
    return _schedule(world, (86_400.0 * 3650, 86_400.0 * 3651, 250.0))


def _crowd(world: World, _device: str) -> dict[str, Any]:
    """10,000 windows of a second each, up and down."""
    _asks(world, None, 250.0)
    _asks(world, None, -250.0)
    return _schedule(world, *((i, i + 1.0, 250.0 * (-1) ** i) for i in range(10_000)))


def _asks(world: World, asset: str | None, power_kw: float) -> None:
    """Note what is asked for from now on, beside what was: the older version counts until the new one is in."""
    now = world.loop.time()
    for place, asked in enumerate(world.trace.asked):
        mine = asked.asset == asset and asked.market == DAY_AHEAD
        if mine and asked.until_s > now + TAKES_S and power_kw == 0.0:
            world.trace.asked[place] = replace(asked, until_s=now + TAKES_S)
    world.trace.asked.append(Asked(now, now + 86_400.0, power_kw, asset))


DOCUMENTS: dict[str, Callable[[World, str], Any]] = {
    "nan": _number("NaN"),
    "infinite": _number("1e400"),
    "digits": _number("9" * 400),
    "text": _number('"80"'),
    "true": _number("true"),
    "null": _number("null"),
    "twice": lambda world, _device: json.dumps(_schedule(world, (0.0, 60.0, 9.0))).encode()[:-1]
    + b', "version": 3}',
    "overlapping": _overlapping,
    "backwards": _backwards,
    "stranger": _stranger,
    "too many": _too_many,
    "old": _old,
    "deep": _deep,
    "empty": lambda _world, _device: b"",
    "noise": lambda _world, _device: bytes(range(256)),
    "large": lambda _world, _device: b'{"a":"' + b"x" * 4_000_000 + b'"}',
    "huge": _huge,
    "past": _past,
    "future": _future,
    "crowd": _crowd,
}
#: What is sound: it is taken, and asks for something else from now on.
TAKEN = frozenset({"huge", "past", "future", "crowd"})

#: What stands for the power of a window, and the power it asks for; None where the document is no document.
WILD: dict[str, tuple[str, float | None]] = {
    "most": ("1e308", 1e308),
    "least": ("-1e308", -1e308),
    "small": ("5e-324", 5e-324),
    "minus zero": ("-0.0", 0.0),
    "NaN": ("NaN", None),
    "infinite": ("-1e309", None),
    "list": ("[80]", None),
    "object": ('{"kw": 80}', None),
    "hexadecimal": ("0x50", None),
    "nothing": ("", None),
}
