"""Certification of MQTT telemetry (reliability §3.8): what a device may publish, over a real broker, case by case.

Every type × every member that can stand there × time stamps × live or stored × quality of service × version of the
protocol. What is expected is said by rules of this file, none of which the decoder knows. The sum of the cases is
counted, and every case is named when it fails.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from math import isnan
from pathlib import Path
from typing import Any

import pytest

from config.profile import Profile
from jit.codes import Quality
from sources.mqtt.telemetry import Telemetry
from sources.reading import Reading
from tests.real.connection import Connecting
from tests.real.mosquitto import Mosquitto, require
from tests.real.observer import Observer
from tests.real.until import until
from tests.sources.mqtt.gate import REFUSED, Gate

pytestmark = [pytest.mark.integration, pytest.mark.req("LH-MQTT-001", "LH-MQTT-004", "LH-PROT-002", "LH-SAFE-006")]

ABSENT = object()
WHOLE = {
    "uint16": (0, 65535), "int16": (-32768, 32767), "uint32": (0, 4294967295), "int32": (-2147483648, 2147483647),
    "uint64": (0, 18446744073709551615), "int64": (-9223372036854775808, 9223372036854775807),
}  # fmt: skip
STAMPS: list[tuple[object, int | None, bool]] = [
    (ABSENT, None, True),
    (None, None, True),
    ("2026-01-31T12:00:00Z", 1769860800 * 10**9, True),
    ("2026-01-31T12:00:00.250Z", 1769860800250 * 10**6, True),
    ("2026-01-31T12:00:00+00:00", 1769860800 * 10**9, True),
    ("2026-01-31T13:00:00+01:00", None, False),
    ("2026-01-31 12:00:00", None, False),
    (1769860800, None, False),
    ("", None, False),
]  # fmt: skip
JUNK: list[object] = ["", "5", "null", [5], [], {"v": 5}, {}]
WORDS: list[bytes] = [
    b"", b"5", b"null", b"[]", b'"x"', b"{", b"}", b"\xff\xfe", b"nan", b'{"a": {"v": NaN}}', b'{"a": {"v": 1e999}}',
    b'{"a": {"v": 1}, "a": {"v": 2}}', b'{"a": {"v": 1}} trailing', b'{"a": {"v": 01}}', b"[" * 5000,
    b"{" + b" " * 70000 + b"}",
]  # fmt: skip


@dataclass(frozen=True)
class Case:
    """`value` None: not valid, for the reason `bit`. `whole`: the message as a whole can be read."""

    name: str
    profile: Profile
    payload: bytes
    value: float | None
    bit: Quality
    stamp_ns: int | None = None
    stamped: bool = True


def profile(**point: object) -> Profile:
    members = {"name": "x", "version": 1, "protocol": "mqtt", "kind": "meter", "sign": "positive_is_discharge"}
    place = {"path": "a.v", "unit": "kW"} | point
    return Profile.model_validate(members | {"stamp": "t", "read": {"power": place}})


def numbers() -> Iterator[tuple[str, object, float | None]]:
    """Type, member, and what it is worth: None for what is no value of this type."""
    for kind, (low, high) in WHOLE.items():
        for number in (low, high, 0, 1, 7.0, (low + high) // 2):
            yield kind, number, float(number)
        for wrong in (low - 1, high + 1, 0.5, 1e300, True, 10**400):
            yield kind, wrong, None
    for kind in ("float32", "float64"):
        for real in (0, -0.0, 1, -1.5, 1e-9, 123456.789, -2147483648):
            yield kind, real, float(real)
        for wrong in (True, False, 10**400):
            yield kind, wrong, None
    for member, value in ((True, 1.0), (False, 0.0), (1, 1.0), (0, 0.0)):
        yield "bool", member, value
    for wrong in (2, -1, 0.5):
        yield "bool", wrong, None
    for kind in (*WHOLE, "float64", "bool"):
        for junk in JUNK:
            yield kind, junk, None


def cases() -> Iterator[Case]:
    stamps = cycle(STAMPS)
    for at, (kind, member, value) in enumerate(numbers()):
        said, stamp_ns, stamped = next(stamps)
        document: dict[str, Any] = {"a": {"v": member}} | ({} if said is ABSENT else {"t": said})
        bit = Quality.PROTOCOL if value is None else Quality.VALID
        body = json.dumps(document).encode()
        yield Case(f"{at} {kind} {body[:60]!r}", profile(type=kind), body, value, bit, stamp_ns, stamped)
    for body in (b"{}", b'{"a": null}', b'{"a": {"v": null}}', b'{"a": 5}', b'{"a": []}', b'{"b": {"v": 5}}'):
        yield Case(f"missing {body!r}", profile(), body, None, Quality.MISSING)
    for word in WORDS:
        yield Case(f"message {word[:30]!r}", profile(), word, None, Quality.PROTOCOL)
    yield from shapes()


def shapes() -> Iterator[Case]:
    """Scale, offset, unit, sentinel, texts, places in lists."""
    deep = b'{"x": [{"y": {"z": [10, 20]}}]}'
    yield Case("list", profile(path="x.0.y.z.1"), deep, 20.0, Quality.VALID)
    yield Case("list too short", profile(path="x.0.y.z.2"), deep, None, Quality.MISSING)
    yield Case("list by name", profile(path="x.y"), deep, None, Quality.MISSING)
    yield Case("scale", profile(scale=0.1), b'{"a": {"v": 3}}', 0.3, Quality.VALID)
    yield Case("offset", profile(scale=10, offset=5, unit="W"), b'{"a": {"v": 100}}', 1.005, Quality.VALID)
    yield Case("unit", profile(unit="MW"), b'{"a": {"v": 0.037}}', 37.0, Quality.VALID)
    yield Case("sentinel", profile(sentinels=[32767]), b'{"a": {"v": 32767}}', None, Quality.MISSING)
    yield Case("sentinel as float", profile(sentinels=[32767]), b'{"a": {"v": 32767.0}}', None, Quality.MISSING)
    words = {"type": "uint16", "values": {0: "ok", 4: "lost"}}
    yield Case("text", profile(**words), b'{"a": {"v": "lost"}}', 4.0, Quality.VALID)
    yield Case("text not listed", profile(**words), b'{"a": {"v": "found"}}', None, Quality.PROTOCOL)
    yield Case("text in another case", profile(**words), b'{"a": {"v": "OK"}}', None, Quality.PROTOCOL)


CASES = list(cases())


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    require()
    folder: Path = tmp_path_factory.mktemp("certified")
    with Mosquitto(folder) as broker:
        yield broker


def judge(case: Case, reading: Reading, retained: bool) -> str:
    """What is wrong with the reading of a case, "" if nothing."""
    value, quality = float(reading.values[0]), Quality(int(reading.quality[0]))
    if case.value is None and not isnan(value):
        return f"{case.name}: {value} instead of no value"
    if case.value is not None and value != pytest.approx(case.value, rel=1e-12, abs=0.0):
        return f"{case.name}: {value} instead of {case.value}"
    if case.stamped and reading.stamp_ns != case.stamp_ns:
        return f"{case.name}: time stamp {reading.stamp_ns} instead of {case.stamp_ns}"
    valid = case.bit is Quality.VALID and case.stamped and not retained
    if bool(quality & Quality.VALID) != valid:
        return f"{case.name}: {quality!r}"
    if case.bit is not Quality.VALID and not quality & case.bit:
        return f"{case.name}: {quality!r} without {case.bit!r}"
    return "" if case.stamped or quality & Quality.TIME else f"{case.name}: {quality!r} without TIME"


def test_there_are_enough_cases() -> None:
    assert len(CASES) >= 150
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.safety
@pytest.mark.hazard("row 5", "row 15")
@pytest.mark.parametrize("version", ["MQTT 5", "MQTT 3.1.1"])
@pytest.mark.parametrize("qos", [0, 1])
@pytest.mark.parametrize("retained", [False, True], ids=["live", "stored"])
async def test_every_case_decodes_to_what_it_is_worth(
    shared: Mosquitto, connecting: Connecting, version: str, qos: int, retained: bool
) -> None:
    """Nothing missing, foreign or stored is ever a valid value, and what is valid is exact (S1, F1)."""
    got: dict[int, list[Reading]] = {at: [] for at in range(len(CASES))}
    prefix = f"certified/{version[5:]}/{qos}/{retained:d}"
    bodies = {at: case.payload for at, case in enumerate(CASES) if case.payload or not retained}

    async def publish(device: Observer) -> None:
        for number, (at, body) in enumerate(bodies.items()):
            device.publish(f"{prefix}/{at}", body, qos=qos, retain=retained)
            if number % 10 == 9:
                await device.settled()
        await device.settled()

    refusal = REFUSED if version == "MQTT 3.1.1" else None
    async with Gate(shared.port, refusal) as gate, Observer(shared.url, topics="observer/#") as device:
        if retained:
            await publish(device)
        async with connecting(shared, url=gate.url, client_id=prefix) as broker:
            for at, case in enumerate(CASES):
                Telemetry(f"d{at}", case.profile, f"{prefix}/{at}", broker, got[at].append, qos=qos)
            await until(lambda: f"{prefix}/{len(CASES) - 1} (QoS {qos})" in shared.log)
            if not retained:
                await until(lambda: not broker._unsubscribed)
                await publish(device)
            await until(lambda: all(got[at] for at in bodies), what="every case")
            assert broker.version == version
    wrong = [judge(CASES[at], got[at][0], retained) for at in bodies]
    assert not [text for text in wrong if text]
    assert all(len(got[at]) == 1 for at in bodies)
