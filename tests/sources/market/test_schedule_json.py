"""The schedule reader: what it accepts, and 60 documents that it refuses at the right place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sources.instant import SECOND_NS, format_exact
from sources.market.schedule_json import MAX_WINDOWS, ScheduleError, canonical, parse, to_json
from sources.schedule import BindingState, Schedule, ScheduleType, Window

HOUR_NS = 3600 * SECOND_NS
BASE: dict[str, Any] = {
    "asset_id": "bess1",
    "type": "day_ahead",
    "market_bid_area": "DE-LU",
    "version": 7,
    "issued_at": "2026-03-28T11:00:00Z",
    "windows": [
        {"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T00:00:00Z", "target_power_kw": 80.0},
        {"start": "2026-03-29T00:00:00Z", "end": "2026-03-29T01:00:00Z", "target_power_kw": -40},
    ],
}
Change = Callable[[dict[str, Any]], object]


def changed(change: Change) -> dict[str, Any]:
    document = copy.deepcopy(BASE)
    change(document)
    return document


@pytest.mark.req("LH-MKT-001")
def test_reads_a_day_ahead_schedule() -> None:
    schedule = parse(json.dumps(BASE), source="requests.day_ahead")
    assert (schedule.type, schedule.asset, schedule.area, schedule.version) == ("day_ahead", "bess1", "DE-LU", 7)
    assert [window.power_kw for window in schedule.windows] == [80.0, -40.0]
    assert schedule.windows[0].end_ns == schedule.windows[1].start_ns == 1774742400 * SECOND_NS
    assert schedule.windows[0].binding is BindingState.BINDING
    assert schedule.source == "requests.day_ahead"
    assert len(schedule.digest) == 64


@pytest.mark.req("LH-MKT-001")
def test_bytes_text_and_object_are_one_schedule() -> None:
    text = json.dumps(BASE)
    assert parse(text) == parse(text.encode()) == parse(BASE) == parse(to_json(parse(text)))


def test_optional_members() -> None:
    schedule = parse(changed(lambda d: (d.pop("asset_id"), d.pop("issued_at"))))
    assert schedule.asset is None
    assert schedule.issued_ns == schedule.windows[0].start_ns


@pytest.mark.req("LH-MKT-003")
def test_a_commitment_carries_penalty_and_binding_state() -> None:
    document = changed(lambda d: d.update(type="commitment"))
    document["windows"][0] |= {"penalty_eur_per_kwh": 0.25, "binding_state": "pending"}
    first, second = parse(document).windows
    assert (first.penalty_eur_per_kwh, first.binding) == (0.25, BindingState.PENDING)
    assert (second.penalty_eur_per_kwh, second.binding) == (0.0, BindingState.BINDING)


@pytest.mark.parametrize(
    ("spelling", "meant"),
    [("DayAhead", "day_ahead"), ("Intraday", "intraday"), ("RegelLeistungReserve", "regel_leistung_reserve")]
    + [("Commitment", "commitment")]
    + [(name.value, name.value) for name in ScheduleType],
)
def test_both_spellings_of_a_type(spelling: str, meant: str) -> None:
    spelt, plain = (parse(changed(partial(_typed, kind))) for kind in (spelling, meant))
    assert spelt.type == meant
    assert spelt == plain


def _typed(kind: str, document: dict[str, Any]) -> None:
    document["type"] = kind


def test_the_digest_is_over_the_meaning() -> None:
    reordered = {name: BASE[name] for name in reversed(BASE)} | {"windows": BASE["windows"][::-1]}
    respelt = changed(lambda d: d["windows"][1].update(start="2026-03-29T00:00Z", target_power_kw=-4e1))
    implied = changed(lambda d: d.pop("issued_at"))
    written_out = changed(lambda d: d.update(issued_at="2026-03-28T23:00:00.000Z"))
    assert parse(reordered).digest == parse(respelt).digest == parse(BASE).digest
    assert parse(implied).digest == parse(written_out).digest != parse(BASE).digest
    zero, minus_zero = (parse(changed(at(0, target_power_kw=power))) for power in (0.0, -0.0))
    assert zero.digest == minus_zero.digest


def test_gaps_are_allowed_and_order_is_restored() -> None:
    late = {"start": "2026-03-30T00:00:00Z", "end": "2026-03-30T01:00:00Z", "target_power_kw": 1}
    windows = parse(changed(lambda d: d["windows"].insert(0, late))).windows
    assert [window.start_ns for window in windows] == sorted(window.start_ns for window in windows)


@pytest.mark.req("LH-MKT-007")
@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 29), 23), (date(2026, 10, 25), 25), (date(2026, 6, 1), 24)])
@pytest.mark.parametrize("step_min", [15, 60])
def test_days_of_23_and_25_hours(day: date, hours: int, step_min: int) -> None:
    """A local day, cut into steps of the market, is one schedule without gap or overlap in UTC."""
    zone = ZoneInfo("Europe/Berlin")
    at = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
    following = day + timedelta(days=1)
    end = datetime(following.year, following.month, following.day, tzinfo=zone).astimezone(UTC)
    windows: list[dict[str, object]] = []
    while at < end:
        until = at + timedelta(minutes=step_min)
        texts = [moment.strftime("%Y-%m-%dT%H:%M:%SZ") for moment in (at, until)]
        windows.append({"start": texts[0], "end": texts[1], "target_power_kw": float(len(windows))})
        at = until
    schedule = parse(changed(lambda d: d.update(windows=windows)))
    assert len(schedule.windows) == hours * 60 // step_min
    assert schedule.windows[-1].end_ns - schedule.windows[0].start_ns == hours * HOUR_NS
    assert all(a.end_ns == b.start_ns for a, b in pairwise(schedule.windows))
    local_two = [w for w in schedule.windows if datetime.fromtimestamp(w.start_ns / 1e9, zone).hour == 2]
    assert len(local_two) == {23: 0, 24: 1, 25: 2}[hours] * 60 // step_min


def test_ten_thousand_windows() -> None:
    def window(index: int) -> dict[str, object]:
        start = 1774742400 * SECOND_NS + index * 900 * SECOND_NS
        return {"start": format_exact(start), "end": format_exact(start + 900 * SECOND_NS), "target_power_kw": 1.0}

    most = [window(index) for index in range(MAX_WINDOWS)]
    assert len(parse(changed(lambda d: d.update(windows=most))).windows) == MAX_WINDOWS
    with pytest.raises(ScheduleError, match="more than the 10000") as caught:
        parse(changed(lambda d: d.update(windows=[*most, window(MAX_WINDOWS)])))
    assert caught.value.path == "$.windows"


def at(index: int, **members: object) -> Change:
    return lambda d: d["windows"][index].update(members)


def without(*names: str) -> Change:
    return lambda d: [d.pop(name) for name in names]


def commitment(**members: object) -> Change:
    return lambda d: (d.update(type="commitment"), d["windows"][1].update(members))


BAD: list[tuple[Any, str, str]] = [
    (b"", "$", "not JSON"),
    (b"{", "$", "not JSON at line 1"),
    (b"\xff", "$", "not UTF-8"),
    (b"null", "$", "expected an object, got null"),
    (b"[]", "$", "expected an object, got a list"),
    (b'"day_ahead"', "$", "expected an object"),
    (b"3", "$", "expected an object, got 3"),
    (b"{}", "$.type", "missing"),
    (b'{"type": "day_ahead", "type": "intraday"}', "$", "appears twice"),
    (json.dumps(BASE).replace("80.0", "NaN"), "$", "NaN is not JSON"),
    (json.dumps(BASE).replace("80.0", "1e999"), "$.windows[0].target_power_kw", "expected a finite number"),
    (json.dumps(BASE) + " " * 3_000_000, "$", "bytes are more than"),
    (without("type"), "$.type", "missing"),
    (without("market_bid_area"), "$.market_bid_area", "missing"),
    (without("version"), "$.version", "missing"),
    (without("windows"), "$.windows", "missing"),
    (lambda d: d.update(type="dayahead"), "$.type", "expected one of day_ahead, intraday"),
    (lambda d: d.update(type="DAY_AHEAD"), "$.type", "expected one of"),
    (lambda d: d.update(type=None), "$.type", "expected a text, got null"),
    (lambda d: d.update(type=["day_ahead"]), "$.type", "expected a text, got a list"),
    (lambda d: d.update(market_bid_area=""), "$.market_bid_area", "expected 1 to 64"),
    (lambda d: d.update(market_bid_area="DE\nLU"), "$.market_bid_area", "expected 1 to 64"),
    (lambda d: d.update(market_bid_area="x" * 65), "$.market_bid_area", "expected 1 to 64"),
    (lambda d: d.update(market_bid_area=7), "$.market_bid_area", "expected a text, got 7"),
    (lambda d: d.update(asset_id=None), "$.asset_id", "expected a text, got null"),
    (lambda d: d.update(asset_id=" bess1"), "$.asset_id", "expected 1 to 64"),
    (lambda d: d.update(asset_id="\ud800"), "$.asset_id", "expected 1 to 64"),
    (lambda d: d.update(version="7"), "$.version", "expected an integer, got '7'"),
    (lambda d: d.update(version=7.0), "$.version", "expected an integer, got 7.0"),
    (lambda d: d.update(version=True), "$.version", "expected an integer, got true"),
    (lambda d: d.update(version=-1), "$.version", "expected 0 or more"),
    (lambda d: d.update(version=2**63), "$.version", "expected 0 or more (63 bits)"),
    (lambda d: d.update(issued_at="2026-03-28T11:00:00"), "$.issued_at", "ending in Z"),
    (lambda d: d.update(issued_at=0), "$.issued_at", "expected a text, got 0"),
    (lambda d: d.update(asset="bess1"), "$.asset", "unknown member; known are asset_id"),
    (lambda d: d.update({"märket": 1}), "$['m\\xe4rket']", "unknown member"),
    (lambda d: d.update({"a b": 1}), "$['a b']", "unknown member"),
    (lambda d: d.update(windows=None), "$.windows", "expected a list, got null"),
    (lambda d: d.update(windows={}), "$.windows", "expected a list, got an object"),
    (lambda d: d.update(windows=[]), "$.windows", "at least one window"),
    (lambda d: d.update(windows="[]"), "$.windows", "expected a list, got '[]'"),
    (lambda d: d["windows"].append(None), "$.windows[2]", "expected an object, got null"),
    (lambda d: d["windows"].append([1, 2]), "$.windows[2]", "expected an object, got a list"),
    (lambda d: d["windows"][1].pop("start"), "$.windows[1].start", "missing"),
    (lambda d: d["windows"][1].pop("end"), "$.windows[1].end", "missing"),
    (lambda d: d["windows"][0].pop("target_power_kw"), "$.windows[0].target_power_kw", "missing"),
    (at(1, start="2026-03-29T01:00:00+01:00"), "$.windows[1].start", "ending in Z"),
    (at(1, start="2026-02-30T00:00:00Z"), "$.windows[1].start", "no such time"),
    (at(1, end="2026-03-29T00:00:00Z"), "$.windows[1].end", "is not after start"),
    (at(1, end="2026-03-28T23:30:00Z"), "$.windows[1].end", "is not after start"),
    (at(0, end=1774742400), "$.windows[0].end", "expected a text, got 1774742400"),
    (at(0, target_power_kw="80"), "$.windows[0].target_power_kw", "expected a number, got '80'"),
    (at(0, target_power_kw=None), "$.windows[0].target_power_kw", "expected a number, got null"),
    (at(0, target_power_kw=True), "$.windows[0].target_power_kw", "expected a number, got true"),
    (at(0, target_power_kw=10**400), "$.windows[0].target_power_kw", "expected a finite number"),
    (at(0, target_power_kw=float("inf")), "$.windows[0].target_power_kw", "expected a finite number"),
    (at(0, power_kw=80), "$.windows[0].power_kw", "unknown member"),
    (at(0, end="2026-03-29T00:00:00.000000001Z"), "$.windows[1].start", "overlaps $.windows[0]"),
    (at(1, start="2026-03-28T22:00:00Z"), "$.windows[0].start", "overlaps $.windows[1]"),
    (lambda d: d["windows"].append(dict(d["windows"][0])), "$.windows[2].start", "overlaps $.windows[0]"),
    (at(0, penalty_eur_per_kwh=1.0), "$.windows[0].penalty_eur_per_kwh", "only a commitment"),
    (at(1, binding_state="binding"), "$.windows[1].binding_state", "only a commitment"),
    (commitment(penalty_eur_per_kwh=-0.1), "$.windows[1].penalty_eur_per_kwh", "expected 0 or more"),
    (commitment(penalty_eur_per_kwh="1"), "$.windows[1].penalty_eur_per_kwh", "expected a number"),
    (commitment(binding_state="bound"), "$.windows[1].binding_state", "expected one of pending"),
    (commitment(binding_state=1), "$.windows[1].binding_state", "expected a text, got 1"),
    (commitment(penalty=1), "$.windows[1].penalty", "unknown member"),
]


@pytest.mark.req("LH-MKT-001", "LH-MKT-007", "LH-NF-009")
@pytest.mark.parametrize(("bad", "path", "message"), BAD, ids=[f"{i}-{path}" for i, (_, path, _) in enumerate(BAD)])
def test_bad_documents_are_refused_at_their_place(bad: Any, path: str, message: str) -> None:
    document = changed(bad) if callable(bad) else bad
    with pytest.raises(ScheduleError) as caught:
        parse(document)
    assert caught.value.path == path
    assert message in caught.value.message
    assert str(caught.value) == f"{path}: {caught.value.message}"
    assert "\n" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_the_table_of_bad_documents_is_long_enough() -> None:
    assert len(BAD) >= 60


NAMES = st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9_.:|/-]{0,63}\Z")


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    kind = draw(st.sampled_from(ScheduleType))
    edges = sorted(draw(st.sets(st.integers(0, 2**62), min_size=2, max_size=20)))
    penalties = st.floats(0, 1e6) if kind is ScheduleType.COMMITMENT else st.just(0.0)
    binding = st.sampled_from(BindingState) if kind is ScheduleType.COMMITMENT else st.just(BindingState.BINDING)
    powers = st.floats(allow_nan=False, allow_infinity=False)
    windows = tuple(
        Window(start, end, draw(powers) + 0.0, draw(penalties) + 0.0, draw(binding)) for start, end in pairwise(edges)
    )
    asset, version, issued = draw(st.none() | NAMES), draw(st.integers(0, 2**63 - 1)), draw(st.integers(0, 2**62))
    return Schedule(kind, asset, draw(NAMES), version, issued, windows, digest="")


@given(schedules())
def test_what_is_written_is_read_back(schedule: Schedule) -> None:
    again = parse(json.dumps(to_json(schedule)))
    assert canonical(again) == canonical(schedule)
    assert again.windows == schedule.windows
    assert parse(canonical(again)) == again


MEMBERS = st.sampled_from([*BASE, *BASE["windows"][0], "x"])
TEXTS = st.text(max_size=30) | st.just("2026-01-01T00:00:00Z")
SCALARS = st.none() | st.booleans() | st.floats() | st.integers() | TEXTS
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS, inner), max_leaves=15
)


@given(st.binary(max_size=300) | st.text(max_size=300) | st.dictionaries(st.sampled_from([*BASE, "x"]), ANYTHING))
def test_garbage_raises_a_schedule_error_and_nothing_else(garbage: Any) -> None:
    with pytest.raises(ScheduleError):
        parse(garbage)


@given(st.sampled_from([*BASE]), ANYTHING)
def test_one_wrong_member_raises_or_changes_only_itself(name: str, value: Any) -> None:
    place, schedule = f"$.{name}", None
    try:
        schedule = parse(BASE | {name: value})
    except ScheduleError as error:
        place = error.path
    assert place.startswith(f"$.{name}")
    assert schedule is None or parse(to_json(schedule)) == schedule
