"""Rules about sold services: what is sold can be delivered, measured, and is within the regulation.

Insensitivity and dead band together stay within 10 mHz (Regulation (EU) 2017/1485, annex V).
"""

from __future__ import annotations

from collections.abc import Iterator

from config.definition import Fcr
from config.diagnostics import Diagnostic
from config.plain import Location
from config.shape import suggestion
from pipeline.rules.subject import Subject

_DEAF_HZ = 0.010
_ROUNDING = 1e-9


def services(subject: Subject) -> Iterator[Diagnostic]:
    """Each kind of service is sold once, and each fits."""
    seen: dict[str, Location] = {}
    for index, service in enumerate(subject.definition.ancillary):
        at: Location = ("ancillary", index, service.kind)
        if service.kind in seen:
            first = (seen[service.kind], "first listed here")
            yield subject.key_problem("E107", f"`{service.kind}` is listed twice", "keep one of them", *at, first=first)
        seen.setdefault(service.kind, at)
        yield from _frequency(subject, service.fcr, at)
        yield from _capacity(subject, service.fcr, at)


def _frequency(subject: Subject, fcr: Fcr, at: Location) -> Iterator[Diagnostic]:
    if fcr.insensitivity + fcr.dead_band > _DEAF_HZ + _ROUNDING:
        place = "dead_band" if (*at, "dead_band") in subject.loaded.spans else "insensitivity"
        total = (fcr.insensitivity + fcr.dead_band) * 1000
        message = f"insensitivity and dead band are {total:g} mHz together"
        yield subject.problem("E310", message, "they may not exceed `10 mHz`", *at, place)
    sources = [
        f"{device.id}.frequency"
        for device in subject.devices
        if not device.commanded and (device.profile is None or "frequency" in device.profile.read)
    ]
    if fcr.frequency not in sources:
        message = f"there is no frequency `{fcr.frequency}`"
        advice = suggestion(fcr.frequency, sources) or "no meter here measures frequency"
        yield subject.problem("E506", message, advice, *at, "frequency")
        return
    meter = fcr.frequency.removesuffix(".frequency")
    profile = subject.profiles.get(meter)
    if profile is not None and fcr.max_age <= profile.poll:
        message = f"the frequency would always be too old: `{meter}` comes every {profile.poll:g} s"
        yield subject.problem("E315", message, f"more than `{2 * profile.poll:g} s`", *at, "max_age")


def _capacity(subject: Subject, fcr: Fcr, at: Location) -> Iterator[Diagnostic]:
    assets = subject.definition.assets
    unknown = [name for name in fcr.split if name not in assets]
    for name in unknown:
        message = f"there is no asset `{name}`"
        yield subject.key_problem("E105", message, suggestion(name, [*map(str, assets)]), *at, "split", name)
    if fcr.split and abs(sum(fcr.split.values()) - fcr.capacity) > _ROUNDING and not unknown:
        message = f"the split adds up to {sum(fcr.split.values()):g} kW, and {fcr.capacity:g} kW are sold"
        yield subject.problem("E218", message, "make them equal", *at, "split")
    room = {name: min(asset.rated.charge, asset.rated.discharge) for name, asset in assets.items()}
    for name, share in fcr.split.items():
        if name in room and share > room[name]:
            message = f"`{name}` can deliver {room[name]:g} kW in both directions"
            yield subject.problem("E313", message, f"at most `{room[name]:g} kW`", *at, "split", name)
    able = sum(room.values())
    if fcr.capacity > able:
        message = f"more is sold than the assets can deliver in both directions, {able:g} kW"
        yield subject.problem("E313", message, f"at most `{able:g} kW`", *at, "capacity")
    needed = 2 * fcr.capacity * fcr.energy / 3600
    held = sum(asset.rated.energy * (asset.soc.max - asset.soc.min) / 100 for asset in assets.values())
    if needed > held:
        message = f"{fcr.energy / 60:g} min in both directions need {needed:g} kWh, and the SoC bands hold {held:g} kWh"
        yield subject.problem("E313", message, "sell less, or widen the band", *at, "capacity")
