"""The ways to the batteries of a campaign: floating-point registers, a gateway in front, a broker."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.campaign.case import Case, setup
from pipeline.campaign.life import live
from pipeline.simulation.gateway_world import GatewayWorld, behind_gateway
from pipeline.simulation.kinds import FAULTS, KINDS
from pipeline.simulation.storm import Strike, draw, storm
from pipeline.simulation.ways import WAYS, reached
from pipeline.simulation.world import World

pytestmark = [pytest.mark.safety, pytest.mark.hazard("S1", "S2", "F1", "F2")]


def world(way: str, folder: Path, seed: int = 0, assets: int = 2) -> World:
    return reached(way, folder, assets=assets, cycle="1 s", site={"export_limit": "400 kW"}, seed=seed)


@pytest.mark.parametrize("way", WAYS)
def test_power_flows_and_a_case_can_be_written_down(way: str, tmp_path: Path) -> None:
    with world(way, tmp_path) as it:
        it.schedule(160.0)
        it.run(20.0)
        assert it.trace.moments[-1].power_kw == pytest.approx({"b1": 80.0, "b2": 80.0}, abs=0.01)
        it.verify()
    case = Case(1, 2, "1 s", {}, 50.0, True, (), 1.0, way)
    assert Case.from_json(case.as_json()) == case


def test_most_seeds_are_lived_in_registers_and_some_in_every_other_way() -> None:
    ways = [setup(seed).way for seed in range(300)]
    assert set(ways) == set(WAYS)
    assert ways.count("registers") > 150


def test_no_storm_draws_what_a_world_does_not_have(tmp_path: Path) -> None:
    kinds = {name: kind for name, kind in KINDS.items() if kind.needs}
    with world("registers", tmp_path / "a") as it:
        assert {kind.needs for kind in kinds.values()} >= {"broker", "gateway", "registers"}
        assert {strike.kind for strike in draw(it, FAULTS["F19"] | {"drop": KINDS["drop"]}, 600.0)} == {"drop"}
    with world("mqtt", tmp_path / "b") as it:
        assert {strike.kind for strike in draw(it, {"swapped": KINDS["swapped"], "cut": KINDS["cut"]}, 60.0)} == {"cut"}


def test_infinities_denormals_and_nan_are_on_the_wire(tmp_path: Path) -> None:
    with world("floats", tmp_path, assets=1) as it:
        heard: list[bytes] = []
        station: Any = it.stations["b1"]
        answer: Callable[..., bytes | None] = station.answer

        def overheard(*request: Any) -> bytes | None:
            reply = answer(*request)
            heard.append(reply or b"")
            return reply

        station.answer = overheard
        it.schedule(80.0)
        it.run(15.0).lies("b1").odd = 0.2
        it.run(40.0)
        said = b"".join(heard)
        for number in (float("inf"), float("-inf"), 1e-45):
            assert struct.pack(">f", number) in said
        assert b"\x7f\xc0\x00\x00" in said
        it.verify()


@pytest.mark.hazard("row 4")
def test_answers_from_the_memory_of_a_gateway_are_not_fresh(tmp_path: Path) -> None:
    """F07: it answers for batteries that it does not ask: 0 kW as soon as nothing moves any more."""
    with GatewayWorld(behind_gateway(2), tmp_path) as it:
        it.schedule(160.0)
        it.run(15.0)
        it.trace.healthy = False
        it.gateway.keeps_s = 60.0
        it.run(10.0)
        assert it.gateway.from_memory > 10
        assert it.trace.in_force("b1", it.loop.time()) == 0.0
        it.verify()


@pytest.mark.hazard("row 4")
def test_one_of_several_that_is_frozen_behind_a_gateway_is_0_kw_alone(tmp_path: Path) -> None:
    with GatewayWorld(behind_gateway(3), tmp_path) as it:
        it.schedule(90.0)
        it.run(15.0).lies("b2").frozen = True
        it.run(10.0)
        assert it.trace.in_force("b2", it.loop.time()) == 0.0
        assert it.trace.in_force("b1", it.loop.time()) > 0.0
        it.verify()


def test_the_oldest_client_has_to_go(tmp_path: Path) -> None:
    with GatewayWorld(behind_gateway(1), tmp_path) as it:
        it.schedule(80.0)
        it.run(15.0)
        ours = list(it.line("b1").open_)
        end = KINDS["guests"].begin(it, "b1", every_s=1.0)
        it.run(3.0)
        assert ours[0] not in it.line("b1").open_
        end()
        it.run(20.0).verify()


@pytest.mark.parametrize("kind", ["frozen_behind", "kept", "guests"])
def test_a_gateway_in_a_storm_breaches_nothing(kind: str, tmp_path: Path) -> None:
    with world("gateway", tmp_path, 1) as it:
        it.schedule(-160.0)
        storm(it.run(15.0), {kind: KINDS[kind]}, seconds=40.0, quiet_s=10.0)
        it.verify(without=("L1", "L3") if KINDS[kind].latches else ())


@pytest.mark.parametrize("way", WAYS)
def test_the_same_case_is_the_same_digest(way: str) -> None:
    """Twice in one process; campaigns live the same seeds again in processes with other hash seeds."""
    struck = [("wish", "site", -5.0, -5.0, {"kw": 160.0}), ("drop", "b1", 3.0, 9.0, {"share": 0.3}),
              ("delay", "b2", 5.0, 8.0, {"mean_s": 0.1}), ("cut", "b1", 11.0, 12.0, {})]  # fmt: skip
    case = Case(7, 2, "1 s", {}, 50.0, False, tuple(Strike(*strike) for strike in struck), 5.0, way)
    once, again = live(case), live(case)
    assert once.digest == again.digest
    assert once.ticks > 20
