"""Every fault of the catalogue by itself: it is drawn, it strikes, it ends, and no invariant is breached meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.simulation.faults.people import DOCUMENTS
from pipeline.simulation.kinds import FAULTS, KINDS, LATCHING, NUMBER, Setting
from pipeline.simulation.line import Line, damage
from pipeline.simulation.net import stream
from pipeline.simulation.site import definition
from pipeline.simulation.storm import Strike, draw, endure
from pipeline.simulation.ways import reached
from pipeline.simulation.world import World
from simulator.faults import Fault

pytestmark = pytest.mark.safety

SETTINGS: dict[str, dict[str, Setting]] = {
    "document": {"which": "crowd"},
    "watchers": {"clients": 20, "reads_s": None},
    "raising": {"stage": "limits"},
}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_fault_by_itself_breaches_no_invariant(kind: str, tmp_path: Path) -> None:
    """Twice, of 12 s and 2 s; then quiet, in which what does not latch is back."""
    with _world(kind, tmp_path) as world:
        world.schedule(360.0)
        world.run(15.0)
        rng = stream(1, kind)
        drawn = {name: setting(rng, world, "b1") for name, setting in sorted(KINDS[kind].draws.items())}
        settings = drawn | SETTINGS.get(kind, {})
        strikes = [Strike(kind, "b1", 0.0, 12.0, settings), Strike(kind, "b1", 20.0, 22.0, settings)]
        endure(world, strikes, quiet_s=12.0)
        world.verify(without=("L1", "L3") if kind in LATCHING else ())


def _world(kind: str, folder: Path) -> World:
    """A world in which it can happen."""
    needs = KINDS[kind].needs
    way = {"broker": "mqtt", "gateway": "gateway", "opcua": "opcua"}.get(needs, "registers")
    site = {"export_limit": "400 kW"}
    return reached(way, folder, assets=2, cycle="1 s", site=site, seed=1, identified=needs == "identity")


@pytest.mark.hazard("S12", "S14")
@pytest.mark.parametrize("which", sorted(DOCUMENTS))
def test_a_document_that_is_no_schedule_is_refused_and_asks_for_nothing(which: str, tmp_path: Path) -> None:
    """NaN, 1e400, 400 digits, overlaps, 10,001 windows, an older version: 4xx. The limits stand."""
    with World(definition(1, site={"export_limit": "100 kW"}), tmp_path) as world:
        world.schedule(50.0)
        endure(world.run(12.0), [Strike("document", "b1", 0.0, 10.0, {"which": which})], quiet_s=10.0)
        assert world.trace.in_force("b1", world.loop.time()) == 50.0
        world.verify()


@pytest.mark.hazard("R5", "H6i")
def test_the_closing_0_kw_is_not_hammered_at_a_device_that_refuses_it(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(12.3).lies("b1").busy = True
        assert not world.terminate()
        ended = [write for write in world.trace.writes("b1") if write.sent_s >= world.trace.boots[0].terminated_s]
        assert 3 <= len(ended) <= 7
        world.verify()


@pytest.mark.hazard("L1", "S4")
def test_a_derated_battery_at_a_shared_limit_may_prove_that_it_follows_again(tmp_path: Path) -> None:
    """`sign`, seed 13: derated to 0 kW it was not proven, and for ever got nothing by which to prove it."""
    site = {"export_limit": "400 kW", "import_limit": "300 kW"}
    with World(definition(2, site=site), tmp_path, seed=13) as world:
        world.schedule(-360.0)
        endure(world.run(15.0), draw(world, {"sign": KINDS["sign"]}, 60.0), quiet_s=40.0)
        assert world.trace.in_force("b1", world.loop.time()) < -50.0
        assert world.trace.in_force("b2", world.loop.time()) == 0.0  # latched: somebody has to look at it
        world.verify(without=("L1", "L3"))


@pytest.mark.hazard("S4", "S21", "row 8")
def test_a_misread_power_opens_no_room_at_the_point_of_connection(tmp_path: Path) -> None:
    """−150 kW read as −9.8 GW by swapped words: the meter is not explained by PV that is not there."""
    with World(definition(2, site={"import_limit": "300 kW"}), tmp_path) as world:
        world.schedule(-360.0)
        world.run(15.0).lies("b1").swapped = True
        world.run(5.0)
        world.verify("S4")


def test_the_catalogue_is_complete_but_for_what_later_issues_bring() -> None:
    """F23 is reload, F27 in full a second node; F20 has lives of its own (test_database.py)."""
    covered = {number for number in FAULTS if number.startswith("F")}
    assert covered >= {f"F{n:02}" for n in range(1, 29)} - {"F20", "F23"}
    assert set(NUMBER) == set(KINDS)


def test_another_kind_shifts_no_other(tmp_path: Path) -> None:
    with World(definition(2), tmp_path, seed=7) as world:
        every = draw(world, KINDS, 60.0)
        some = draw(world, {name: kind for name, kind in KINDS.items() if name != "cut"}, 60.0)
        assert [strike for strike in every if strike.kind != "cut"] == list(some)
        assert every


def test_a_line_does_to_bytes_what_it_says() -> None:
    class Silent:
        def answer(self, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:
            return None

        def delivered(self, reply: bytes) -> None:
            """Nobody listens."""

    line = Line(Silent(), lambda what: stream(3, what), doubled=1.0, replayed=1.0, pieces=1.0)
    assert [carried.copy for carried in line.carry(b"request")] == [False, True]
    line.bring(b"first reply")
    assert line.bring(b"second")[0].octets == b"first reply"
    assert len(line.split(b"abcdef")) == 2
    assert b"".join(line.split(b"abcdef")) == b"abcdef"
    rng = stream(4, "damage")
    assert all(damage(bytes(12), rng) != bytes(12) for _ in range(200))
    line.clogged = True
    assert line.carry(b"request") == []


@pytest.mark.hazard("S10")
def test_a_restart_into_local_control_stays_silent(tmp_path: Path) -> None:
    with World(definition(), tmp_path) as world:
        world.schedule(80.0)
        world.run(12.0)
        world.fault("b1", Fault.LOCAL)
        world.fault("b1", Fault.RESET)
        world.run(10.0)
        world.verify()
        assert world.trace.moments[-1].power_kw["b1"] == 0.0
