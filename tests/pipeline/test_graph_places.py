"""The compiled graph: ids, places in the definition, what flows along every edge, and the order that is folded."""

from __future__ import annotations

from pathlib import Path

import pytest

from jit.frame import Frame
from pipeline.chain import stages
from pipeline.check import check as check_file
from pipeline.compile import Compiled, ends
from pipeline.graph import Graph, GraphError, as_json, build, fold, with_tap
from pipeline.node import FIXED, GUARDS
from pipeline.run import graph_of
from pipeline.wiring import check
from tests.rig import Rig, site
from tests.wild import compiled

EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "one-battery.yaml"


def graph(of: Compiled) -> Graph:
    places = ends(of.definition)
    chain = stages(of, lambda: 0.0, lambda _stage, _error: None)
    return build(of.layout, places.sources, chain, places.writers, places.outputs)


@pytest.mark.req("LH-ARCH-005", "LH-ARCH-003")
def test_every_node_has_its_place_in_the_definition() -> None:
    nodes = {node["id"]: node for node in graph_of(check_file(EXAMPLE, env_stub=True))["nodes"]}
    assert nodes["bess1"]["path"] == nodes["bess1.writer"]["path"] == "assets.bess1"
    assert nodes["site.poc"]["path"] == "site.meters.poc"
    assert nodes["requests.day_ahead"]["path"] == "requests.day_ahead"
    assert nodes["outputs.history"]["path"] == "outputs.history"
    assert nodes["ramp"]["path"] == "chain.ramp"
    assert all(node["path"] for node in nodes.values())


@pytest.mark.req("LH-ARCH-005")
def test_what_flows_along_every_edge_is_said() -> None:
    nodes = {node["id"]: node for node in as_json(graph(compiled()))["nodes"]}
    assert nodes["b1"]["gives"] == ["Reading"]
    assert nodes["requests.day_ahead"]["gives"] == ["Request"]
    assert nodes["snapshot"]["streams"] == [["Reading", "Request"]]
    assert nodes["snapshot"]["gives"] == ["Frame"]
    assert nodes["b1.writer"]["streams"] == [["Command"]]
    assert nodes["alarms"]["streams"] == [["Frame"]]
    assert [name for name, node in nodes.items() if "Command" in node["gives"]] == ["command"]


@pytest.mark.req("LH-ZIEL-002", "LH-ARCH-004")
def test_guards_stand_in_their_order_before_every_writer() -> None:
    nodes = [node for node in graph(compiled()) if node.kind == "stage"]
    assert tuple(node.id for node in nodes) == FIXED
    assert tuple(node.id for node in nodes if node.guard) == GUARDS


def test_the_graph_of_a_compiled_definition_passes_its_own_checks() -> None:
    of = compiled()
    check(graph(of), of.layout)


def test_an_unchecked_graph_is_not_folded() -> None:
    rig = Rig(site())
    whole = build(rig.compiled.layout, ("signals",), rig.stages, ("writer",), ())
    without = tuple(node for node in whole if node.id != "ramp")
    with pytest.raises(GraphError):
        fold(rig.entry.frames, without, lambda _frame: None, {"writer": lambda _frame: None}, lambda *_: None)


def test_a_tap_sees_every_frame_of_its_node() -> None:
    rig, seen = Rig(site()), list[int]()

    def tap(frame: Frame) -> None:
        seen.append(frame.tick)

    node = next(node for node in build(rig.compiled.layout, ("signals",), rig.stages, ("writer",), ()) if node.guard)
    with_tap(node, tap)
    rig.run(3)
    assert seen == [0, 1, 2]
