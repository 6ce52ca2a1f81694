"""Faults on edges of a production graph: how they are written, that a shadow takes them, that an armed one does not."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from pathlib import Path

import pytest

from pipeline.edges import KINDS, EdgeFaultError, conditions, read
from pipeline.exits import Exit
from pipeline.options import Options
from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from sources.points import point_names

DEVICES = {"b1": ("soc", "power"), "site.poc": ("power", "frequency")}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("b1:freeze@30s+60s", ("b1", None, "freeze", 0.0, 30.0, 60.0)),
        ("b1.soc:jump=-20@2min", ("b1", "soc", "jump", -20.0, 120.0, inf)),
        ("site.poc:delay=0.5@0s+1h", ("site.poc", None, "delay", 0.5, 0.0, 3600.0)),
        ("site.poc.frequency : nan @ 1 s + 500 ms", ("site.poc", "frequency", "nan", 0.0, 1.0, 0.5)),
    ],
)
def test_a_fault_is_written_in_one_word(text: str, expected: tuple[object, ...]) -> None:
    found = read(text, DEVICES)
    assert (found.device, found.point, found.kind, found.setting, found.begin_s, found.lasts_s) == expected


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("b1", "is no fault"),
        ("b1:freeze", "is no fault"),
        ("b1:melt@1s", "no fault `melt`"),
        ("b2:freeze@1s", "no device `b2`"),
        ("b1.volt:nan@1s", "no point `volt`"),
        ("b1.soc:delay@1s", "of a whole device"),
        ("b1:drop=2@1s", "no setting"),
        ("b1:scale=1e400@1s", "no setting"),
        ("b1:freeze@1kW", "duration"),
        ("b1:freeze@30", "duration"),
    ],
)
def test_what_is_no_fault_is_refused_with_what_is_wrong(text: str, what: str) -> None:
    with pytest.raises(EdgeFaultError, match=what):
        read(text, DEVICES)


@pytest.mark.safety
@pytest.mark.req("LH-TEST-004")
def test_an_armed_process_takes_no_fault() -> None:
    """Nothing that was made up may ever reach a device."""
    with pytest.raises(ValueError, match="shadow"):
        Options(armed=True, faults=(read("b1:freeze@1s", DEVICES),))


@pytest.mark.safety
def test_the_command_line_refuses_a_fault_with_arm(capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, one line, nothing connected."""
    from pipeline.check import check
    from pipeline.run import run

    example = Path(__file__).parents[2] / "config" / "examples" / "one-battery.yaml"
    found = check(example, env_stub=True)
    assert run(found, arm=True, faults=("b1:freeze@1s",)) is Exit.FAILED
    assert "is for a shadow" in capsys.readouterr().err


def shadow(folder: Path, *texts: str) -> World:
    """A shadow on bytes, with faults on its edges."""
    world = World(definition(), folder, armed=False)
    devices = {name: point_names(profile) for name, profile in world.profiles.items()}
    world.faults = tuple(read(text, devices) for text in texts)
    return world


@pytest.mark.safety
@pytest.mark.hazard("F2", "S8", "S21")
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_shadow_takes_every_fault_and_is_whole_again_after_it(kind: str, tmp_path: Path) -> None:
    """It is on from 20 s to 30 s: an alarm says so meanwhile, nothing is written, and data are good again after it."""
    with shadow(tmp_path, f"b1:{kind}@20s+10s") as world:
        world.run(25.0)
        assert "b1.edge.fault" in {alarm.condition.id for alarm in world.process.alarms.book.alarms.values()}
        world.run(25.0)
        assert world.process.view.site() is not None
        assert not world.stations["b1"].heard
        assert list(conditions(world.process.options.faults, ("b1",), 50.0)) == []


@pytest.mark.safety
@pytest.mark.parametrize(
    ("text", "quality"),
    [
        ("b1:drop@20s", bool),
        ("b1:freeze@20s", bool),
        ("b1.soc:nan@20s", lambda said: "soc" in said),
        ("b1.soc:sentinel@20s", lambda said: "soc" in said),
        ("b1.soc:jump=60@20s", lambda said: "soc" in said),
    ],
)
def test_what_a_fault_takes_away_is_missed(text: str, quality: Callable[[str], bool], tmp_path: Path) -> None:
    with shadow(tmp_path, text) as world:
        world.run(30.0)
        shown = world.process.view.asset("b1")
        assert shown is not None
        assert quality(", ".join(shown["missing"]) or shown["why"])
        assert not shown["may_discharge"]
