"""The grid operator's ceiling at the point of connection: in force at once, held, fallen back, never forgotten."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import Any

import pytest

from config.definition import Definition, Limit
from jit.codes import Ceiling as Phase
from sinks.alarms.conditions import conditions
from sinks.checkpoint import restore, store
from sources.ceiling import Ceiling, CeilingError, read_ceiling
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-SAFE-004")]

STAMP = "2026-11-22T10:00:00Z"


def curtailed(assets: int = 2, cycle: str = "1 s", direction: str = "export", **changes: Any) -> Definition:
    """A ceiling of 300 kW at 100 %; ttl 10 s, held for 5 s, then 60 %."""
    told = {
        "from": "broker",
        "topic": "dso/curtailment",
        "ttl": 10.0,
        "direction": direction,
        "of": 300.0,
        "on_loss": {"hold": 5.0, "then": 60.0},
    } | changes
    limit = Limit.model_validate({"kind": "grid_operator", "grid_operator": told})
    return site(assets, cycle=cycle).model_copy(update={"limits": [limit]})


def tell(rig: Rig, kw: float, direction: Any = "export", ago_s: float = 0.0) -> None:
    rig.signal(Ceiling(direction, kw, rig.now_ns - int(ago_s * 1e9)))


def running(definition: Definition, wish: float = 500.0, **given: Any) -> Rig:
    rig = Rig(definition, **given).ready()
    rig.schedule("day_ahead", wish)
    rig.run(8)
    return rig


def phase(rig: Rig, direction: str = "export") -> Phase:
    return Phase(rig.frame.site_code(f"ceiling_{direction}"))


def test_a_ceiling_acts_in_the_tick_that_hears_it(cycle: str) -> None:
    rig = running(curtailed(cycle=cycle))
    assert sum(rig.power) == pytest.approx(300.0, abs=0.3)  # never received: `before_first`, 100 %
    assert phase(rig) is Phase.AWAITED
    tell(rig, 120.0)
    rig.tick()
    assert sum(rig.power) == pytest.approx(120.0, abs=0.3)
    assert phase(rig) is Phase.IN_FORCE
    assert {rig.compiled.layout.limits[code - 1] for code in rig.frame["limited_by"]} == {"grid_operator"}
    command = rig.sent[-1][0]
    assert command is not None
    assert "the grid operator" in command.reason


def test_a_ceiling_counts_at_the_point_of_connection_with_everything_else_there(cycle: str) -> None:
    rig = running(curtailed(cycle=cycle))
    rig.other_kw = 80.0
    tell(rig, 120.0)
    rig.tick()
    assert sum(rig.power) == pytest.approx(40.0, abs=0.3)


def test_a_ceiling_on_import_leaves_export_alone(cycle: str) -> None:
    rig = running(curtailed(cycle=cycle, direction="import"), -500.0)
    tell(rig, 90.0, "import")
    rig.tick()
    assert sum(rig.power) == pytest.approx(-90.0, abs=0.3)
    rig.schedule("day_ahead", 500.0, version=2)
    rig.run(12)
    assert sum(rig.power) == pytest.approx(500.0)


@pytest.mark.hazard("row 27", "peer 3", "S21")
def test_the_loss_of_the_grid_operator_never_widens(cycle: str) -> None:
    """Hazard row 27, peers §7 row 3: held for its time, then the smaller of the last word and the fall-back."""
    for told, then in ((240.0, 180.0), (60.0, 60.0)):
        rig = running(curtailed(cycle=cycle))
        tell(rig, told)
        rig.run(9)
        assert phase(rig) is Phase.IN_FORCE
        assert sum(rig.power) == pytest.approx(told, abs=0.3)
        rig.run(4)
        assert phase(rig) is Phase.HELD
        assert sum(rig.power) == pytest.approx(told, abs=0.3)
        rig.run(4)
        assert phase(rig) is Phase.FALLEN_BACK
        assert "grid_operator.export.overdue" in {condition.key for condition in conditions(rig.frame)}
        assert sum(rig.power) == pytest.approx(then, abs=0.3)
        rig.run(30)
        assert sum(rig.power) == pytest.approx(then, abs=0.3)


def test_the_limit_is_there_in_every_tick_also_while_it_is_kept(cycle: str) -> None:
    """Peers §2.4 item 11: no limit that exists only while it is violated."""
    rig = running(curtailed(cycle=cycle, ttl=100.0))
    tell(rig, 120.0)
    for _ in range(round(20 / rig.cycle)):
        rig.tick()
        assert sum(rig.power) <= 120.0
        assert rig.frame.at_site("site_high_kw") == pytest.approx(120.0)


def test_its_age_counts_from_when_it_was_issued_and_an_older_word_is_none() -> None:
    """Retained or not: what was issued 12 s ago is past its ttl of 10 s when it arrives."""
    rig = running(curtailed())
    tell(rig, 240.0, ago_s=12.0)
    rig.tick()
    assert phase(rig) is Phase.HELD
    tell(rig, 100.0, ago_s=2.0)
    tell(rig, 290.0, ago_s=5.0)
    rig.tick()
    assert sum(rig.power) == pytest.approx(100.0, abs=0.3)
    tell(rig, 290.0, ago_s=-3600.0)
    rig.tick()
    assert sum(rig.power) == pytest.approx(100.0, abs=0.3), "issued in the future: not a word of today"


def test_a_clock_that_is_set_back_does_not_renew_a_ceiling() -> None:
    """Reliability F7: age never runs backward."""
    rig = running(curtailed())
    tell(rig, 240.0)
    rig.run(9)
    rig.now_ns -= 3600 * 10**9
    rig.run(8)
    assert phase(rig) is Phase.FALLEN_BACK


def test_a_ceiling_that_rises_is_followed_along_its_gradient(cycle: str) -> None:
    """VDE: the return is ramped, 0.66 %/s of 300 kW is 1.98 kW/s; the drop is not."""
    rig = running(curtailed(cycle=cycle, rise=0.66, ttl=1000.0))
    tell(rig, 60.0)
    rig.tick()
    assert sum(rig.power) == pytest.approx(60.0, abs=0.3)
    tell(rig, inf)
    before = 60.0
    for _ in range(round(20 / rig.cycle)):
        rig.tick()
        allowed = rig.frame.at_site("ceiling_export_kw")
        assert allowed - before == pytest.approx(1.98 * rig.cycle)
        before = allowed
    rig.run(120)
    assert rig.frame.at_site("ceiling_export_kw") == inf


def test_what_the_grid_operator_said_survives_a_restart(tmp_path: Path) -> None:
    """0 kW is a value, not nothing: `before_first` counts only if none was ever received."""
    rig = running(curtailed(ttl=1000.0))
    tell(rig, 0.0)
    rig.tick()
    store(tmp_path / "frame", rig.frame.to_bytes())
    past = restore(tmp_path / "frame", rig.compiled.layout)
    again = running(curtailed(ttl=1000.0), past=past, start_ns=rig.now_ns)
    assert phase(again) is Phase.IN_FORCE
    assert sum(again.power) == 0.0
    again.run(1100)
    assert phase(again) is Phase.FALLEN_BACK
    assert sum(again.power) == 0.0


def test_what_was_said_before_an_unreadable_checkpoint_is_the_fall_back(tmp_path: Path) -> None:
    rig = Rig(curtailed())
    (tmp_path / "frame").write_bytes(b"torn")
    again = Rig(curtailed(), past=restore(tmp_path / "frame", rig.compiled.layout)).ready()
    assert phase(again) is Phase.FALLEN_BACK
    assert again.frame.at_site("ceiling_export_kw") == pytest.approx(180.0)


@pytest.mark.parametrize(
    ("text", "kw"),
    [
        ('{"percent": 60, "issued_at": "%s"}', 180.0),
        ('{"percent": 0, "issued_at": "%s"}', 0.0),
        ('{"kw": 0, "issued_at": "%s"}', 0.0),
        ('{"kw": 120.5, "issued_at": "%s"}', 120.5),
        ('{"percent": null, "issued_at": "%s"}', inf),
        ('{"kw": null, "issued_at": "%s"}', inf),
        ('{"kw": "no limit", "issued_at": "%s"}', inf),
        ('{"kw": 0, "active": false, "issued_at": "%s"}', inf),
        ('{"kw": 0, "active": true, "issued_at": "%s"}', 0.0),
    ],
)
@pytest.mark.hazard("peer 17")
def test_no_limit_is_told_apart_from_a_limit_of_0(text: str, kw: float) -> None:
    """Peers §7 row 17: a placeholder is not a limit, and 0 is one."""
    assert read_ceiling(text % STAMP, "export", 300.0, "test").kw == pytest.approx(kw)


@pytest.mark.parametrize(
    "text",
    [
        '{"percent": 60}',
        '{"percent": 60, "issued_at": null}',
        '{"percent": 60, "kw": 60, "issued_at": "%s"}',
        '{"issued_at": "%s"}',
        '{"percent": -1, "issued_at": "%s"}',
        '{"percent": 101, "issued_at": "%s"}',
        '{"kw": -1, "issued_at": "%s"}',
        '{"kw": true, "issued_at": "%s"}',
        '{"kw": "lots", "issued_at": "%s"}',
        '{"kw": NaN, "issued_at": "%s"}',
        '{"kw": 1, "active": 0, "issued_at": "%s"}',
        '[1, "%s"]',
        "60",
        "",
    ],
)
def test_what_is_no_ceiling_is_refused_as_a_whole(text: str) -> None:
    with pytest.raises(CeilingError):
        read_ceiling(text.replace("%s", STAMP), "export", 300.0, "test")
