"""What must be done at the point of connection: P(f) beyond zero, and `relief`.

Rank 2: before every request and service, within the band, and what is missing is said.
"""

from __future__ import annotations

from typing import Any

import pytest

from config.definition import Definition
from config.request import Request
from jit.codes import Reason
from operators.decision import decision
from operators.sentence import why
from operators.status import site_status
from sinks.alarms.conditions import conditions
from sources.ceiling import Ceiling
from tests.rig import Rig, site

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-CTRL-002", "LH-MKT-006", "LH-SAFE-003")]

RATED = {"of": "rated"}


def demanding(assets: int, cycle: str, fcr_kw: float = 0.0, relief: Any = False, **keys: Any) -> Definition:
    """Limits of 300 kW both ways; `relief` is a most power or True."""
    plain = site(assets, cycle=cycle, fcr_kw=fcr_kw)
    written = plain.model_dump(by_alias=True)
    written["site"] |= {"import_limit": 300.0, "export_limit": 300.0, "nominal_voltage": 20_000.0, **keys}
    if relief is not False:
        body = {} if relief is True else {"power": relief}
        written["requests"].insert(0, Request.model_validate({"kind": "relief", "relief": body}))
    return Definition.model_validate(written)


def running(*given: Any, wish: float = 0.0, **keys: Any) -> Rig:
    rig = Rig(demanding(*given, **keys)).ready()
    rig.schedule("day_ahead", wish)
    rig.run(10)
    return rig


@pytest.mark.parametrize("assets", [1, 2, 3])
@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.hazard("row 28", "S12")
def test_p_of_f_of_the_rating_goes_beyond_zero(assets: int, sign: int, cycle: str) -> None:
    """1 Hz beyond the threshold: the power at the crossing less 40 % of the rating, whatever the schedule asks."""
    wide = {"import_limit": 9000.0, "export_limit": 9000.0}
    functions = {"over_frequency": RATED, "under_frequency": RATED}
    rig = running(assets, cycle, wish=20.0 * sign * assets, grid_functions=functions, **wide)
    rig.frequency = 50.0 + 1.2 * sign
    rig.run(20)
    assert sum(rig.power) == pytest.approx(-80.0 * sign * assets, abs=0.2 * assets)
    assert set(rig.frame["resolve_by"].tolist()) == {Reason.GRID_CODE}
    assert rig.frame.at_site("must_short_kw") == 0.0
    assert "demanded by the grid code" in why(rig.frame, 0)
    assert decision(rig.frame, 0)["steps"][1]["why"] == "demanded by the grid code"


def test_a_service_does_not_take_back_what_must_be(cycle: str) -> None:
    """Relief at rank 2 demands 50 kW discharge, reserve at rank 3 asks for 100 kW charge: its shortfall is said."""
    rig = running(2, cycle, fcr_kw=100.0, relief=True)
    rig.other_kw = -350.0
    rig.frequency = 50.2
    rig.run(20)
    assert rig.frame["service_kw"].sum() == pytest.approx(-100.0)
    assert sum(rig.power) == pytest.approx(50.0, abs=0.3)
    assert rig.frame["shortfall_kw"].sum() == pytest.approx(100.0)


@pytest.mark.parametrize("assets", [1, 2, 3])
@pytest.mark.parametrize("sign", [1, -1])
def test_relief_runs_against_what_is_too_much_and_against_any_wish(assets: int, sign: int, cycle: str) -> None:
    """Everything else draws (sign 1) or feeds in 380 kW of 300 kW."""
    rig = running(assets, cycle, relief=True, wish=-30.0 * sign)
    assert sum(rig.power) == pytest.approx(-30.0 * sign, abs=0.3)
    rig.other_kw = -380.0 * sign
    rig.run(8)
    assert sum(rig.power) == pytest.approx(80.0 * sign, abs=0.1 * assets)
    assert set(rig.frame["resolve_by"].tolist()) == {Reason.RELIEVES}
    assert "relieves the point of connection (asked 30 kW" in why(rig.frame, 0) or assets > 1
    assert site_status(rig.frame)["must"]["low_by" if sign > 0 else "high_by"] == "relieves the point of connection"
    rig.other_kw = -200.0 * sign
    rig.run(8)
    assert sum(rig.power) == pytest.approx(-30.0 * sign, abs=0.3)


@pytest.mark.parametrize("sign", [1, -1])
def test_without_relief_a_limit_only_forbids_to_make_it_worse(sign: int, cycle: str) -> None:
    rig = running(2, cycle, wish=-30.0 * sign)
    rig.other_kw = -380.0 * sign
    rig.run(8)
    assert rig.power == [0.0, 0.0]
    assert rig.frame.at_site("must_short_kw") == 0.0


def test_relief_never_lowers_a_request_that_does_more(cycle: str) -> None:
    rig = running(2, cycle, relief=True, wish=200.0)
    rig.other_kw = -380.0
    rig.run(8)
    assert sum(rig.power) == pytest.approx(200.0)
    assert set(rig.frame["resolve_by"].tolist()) == {Reason.FOLLOWS_REQUEST}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.hazard("row 26")
def test_what_a_transformer_takes_from_a_duty_is_recorded_as_missing(sign: int, cycle: str) -> None:
    """Both batteries behind a transformer of 50 kVA, 80 kW of relief due: 30 kW are missing, with an alarm."""
    behind = {"hall": {"limit": 50.0, "feeds": ["b1", "b2"]}}
    rig = running(2, cycle, relief=True, transformers=behind)
    rig.other_kw = -380.0 * sign
    rig.run(8)
    assert sum(rig.power) == pytest.approx(50.0 * sign, abs=0.2)
    assert rig.frame.at_site("must_short_kw") == pytest.approx(30.0, abs=0.2)
    assert "must.short" in {condition.key for condition in conditions(rig.frame)}


def test_relief_uses_no_more_than_its_power_and_answers_ceilings_too(cycle: str) -> None:
    told = {"from": "broker", "topic": "dso", "ttl": 100.0, "direction": "export", "of": 300.0,
            "on_loss": {"hold": 5.0, "then": 60.0}}  # fmt: skip
    plain = demanding(1, cycle, relief=60.0).model_dump(by_alias=True)
    plain["limits"] = [{"kind": "grid_operator", "grid_operator": told}]
    rig = Rig(Definition.model_validate(plain)).ready()
    rig.other_kw = 130.0
    rig.signal(Ceiling("export", 90.0, rig.now_ns))
    rig.run(5)
    assert rig.power == [pytest.approx(-40.0, abs=0.1)]
    rig.signal(Ceiling("export", 30.0, rig.now_ns))
    rig.run(5)
    assert rig.power == [pytest.approx(-60.0, abs=0.1)]
    assert rig.frame.at_site("must_short_kw") == 0.0


@pytest.mark.hazard("S21")
def test_a_lost_meter_is_no_wish_and_an_alarm(cycle: str) -> None:
    rig = running(2, cycle, relief=True)
    rig.other_kw = -380.0
    rig.run(8)
    assert sum(rig.power) == pytest.approx(80.0, abs=0.2)
    rig.meter_answers = False
    rig.run(20)
    assert rig.power == [0.0, 0.0]
    assert "poc.data_lost" in {condition.key for condition in conditions(rig.frame)}


def test_what_is_missing_of_a_duty_is_recorded_and_an_alarm(cycle: str) -> None:
    rig = running(2, cycle, relief=True)
    rig.other_kw = -380.0
    rig.batteries["b1"].discharge_limit = rig.batteries["b2"].discharge_limit = 25.0
    rig.run(8)
    assert rig.power == [25.0, 25.0]
    assert rig.frame.at_site("must_short_kw") == pytest.approx(30.0)
    short = {condition.key: condition for condition in conditions(rig.frame)}["must.short"]
    assert short.text == "30.0 kW are missing of what `relief` demands"


def test_by_hand_an_asset_counts_and_is_left_alone() -> None:
    rig = running(2, "1 s", relief=True)
    rig.by_hand(40.0)
    rig.run(4)
    rig.other_kw = -380.0
    rig.run(4)
    assert rig.power == [40.0, pytest.approx(40.0, abs=0.1)]
