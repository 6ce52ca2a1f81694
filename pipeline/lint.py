"""`profile lint`: a device profile replayed against what was recorded from a device, without the device.

    sample.registers | payload | nodes ──► our own decoder ──► compared with sample.decodes_to

Every read point must be in the sample and decode to what a person wrote down. What is merely doubtful is a warning.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import isclose, isnan, nan
from typing import Any, Literal

from config.profile import Point, Profile
from sources.modbus.codec import MOST_EXPONENT, codec, factor_codec, scaled
from sources.mqtt.telemetry import Decoder
from sources.points import point_names, scaling


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a profile, at which point; `point` is empty for the profile as a whole."""

    severity: Literal["error", "warning"]
    point: str
    message: str


def lint(profile: Profile) -> tuple[Finding, ...]:
    """Everything that a profile's own sample and form say about it."""
    return (*_form(profile), *_sample(profile))


def decoded(profile: Profile) -> Mapping[str, float]:
    """What the sample decodes to, NaN where it says missing. Raises ValueError when the sample cannot be read."""
    try:
        return dict(_DECODERS[profile.protocol](profile))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"the sample cannot be read: {error!r}") from None


def _form(profile: Profile) -> Iterator[Finding]:
    for name, point in profile.read.items():
        if not point.label:
            yield Finding("warning", name, "has no label to show")
    if profile.fresh_by is None:
        yield Finding("warning", "", "has no `fresh_by`: an unchanged reading counts as frozen after `frozen_after`")
    if profile.kind == "storage" and profile.watchdog is None:
        yield Finding("warning", "", "has no watchdog: nothing is known about the device when we fall silent")
    if profile.kind == "storage" and profile.promises_limits:
        for name in ("charge_limit", "discharge_limit"):
            if name not in profile.read:
                yield Finding("error", name, "is promised (`promises_limits`) and not read: it would always be 0")
    if not profile.title:
        yield Finding("warning", "", "has no title")


def _sample(profile: Profile) -> Iterator[Finding]:
    meant = profile.sample.get("decodes_to")
    if not isinstance(meant, dict):
        yield Finding("warning", "", "has no recorded sample: nothing proves that it decodes")
        return
    try:
        got = decoded(profile)
    except ValueError as error:
        yield Finding("error", "", str(error))
        return
    for name in sorted(set(meant) | set(profile.read)):
        if name not in profile.read:
            yield Finding("error", name, "is in the sample and not read")
        elif name not in meant:
            yield Finding("error", name, "is read and not in `decodes_to`")
        elif not _same(got[name], meant[name]):
            yield Finding("error", name, f"decodes to {_shown(got[name])}, the sample says {_shown(meant[name])}")


def _same(got: float, meant: Any) -> bool:
    if meant is None:
        return isnan(got)
    return isinstance(meant, int | float) and isclose(got, float(meant), rel_tol=1e-6, abs_tol=1e-9)


def _shown(value: Any) -> str:
    return "missing" if value is None or value != value else f"{value:g}" if isinstance(value, float) else str(value)


def _registers(profile: Profile) -> Iterator[tuple[str, float]]:
    memory: dict[tuple[str, int], int] = {}
    registers: Any = profile.sample["registers"]
    for place, words in registers.items():
        table, first = profile.address(Point(register_=str(place), type="bool"))
        memory |= {(table, first + offset): int(word) for offset, word in enumerate(words)}
    for name, point in profile.read.items():
        read = codec(profile, name, point)
        if read.factor is not None:
            exponent, _ = factor_codec(read.factor).decode([memory.get(read.factor, 0x8000)])
            if not abs(exponent) <= MOST_EXPONENT:
                yield name, nan
                continue
            read = scaled(read, int(exponent))
        words = [memory.get((read.table, read.address + offset)) for offset in range(read.words)]
        known = [word for word in words if word is not None]
        yield name, read.decode(known)[0] if len(known) == len(words) else nan


def _payload(profile: Profile) -> Iterator[tuple[str, float]]:
    reading, wrong = Decoder("sample", profile).decode(str(profile.sample["payload"]).encode(), 0.0)
    if wrong:
        raise ValueError(f"the sample cannot be read: {wrong}")
    yield from zip(point_names(profile), map(float, reading.values), strict=True)


def _nodes(profile: Profile) -> Iterator[tuple[str, float]]:
    nodes: Any = profile.sample["nodes"]
    for name, point in profile.read.items():
        raw = nodes.get(point.node)
        yield name, nan if raw is None else scaling(profile, name, point).value(float(raw))[0]


_DECODERS = {"modbus": _registers, "mqtt": _payload, "opcua": _nodes}
