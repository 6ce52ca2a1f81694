"""The graph as data: what is refused and with which words, and how it is folded into Rx (design rules 3 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from reactivex.subject import Subject

from jit.frame import Frame
from operators.limits import limits
from pipeline.chain import stages
from pipeline.graph import GUARDS, Graph, GraphError, Node, as_json, build, check, fold, path_around, with_tap
from tests.wild import compiled, wild

pytestmark = [pytest.mark.safety, pytest.mark.req("LH-ZIEL-002", "LH-OPT-004", "LH-ARCH-004")]
SITE = compiled(assets=2)


def good(writers: tuple[str, ...] = ("b1.writer", "b2.writer"), outputs: tuple[str, ...] = ("history",)) -> Graph:
    chain = stages(SITE, lambda: 0.0, lambda *_: None)
    return build(SITE.layout, ("b1", "b2", "requests.day_ahead"), chain, writers, outputs)


def changed(graph: Graph, name: str, **changes: Any) -> Graph:
    return tuple(replace(node, **changes) if node.id == name else node for node in graph)


def without(graph: Graph, name: str) -> Graph:
    """The chain closed over the gap that a stage leaves."""
    gone = next(node for node in graph if node.id == name)
    kept = [node for node in graph if node.id != name]
    return tuple(replace(node, inputs=tuple(gone.inputs[0] if i == name else i for i in node.inputs)) for node in kept)


def moved(graph: Graph, name: str, after: str) -> Graph:
    """The chain with one stage taken out and put in behind another."""
    node = next(n for n in graph if n.id == name)
    rest = list(without(graph, name))
    place = next(i for i, n in enumerate(rest) if n.id == after)
    tail = [replace(n, inputs=tuple(name if i == after else i for i in n.inputs)) for n in rest[place + 1 :]]
    return (*rest[: place + 1], replace(node, inputs=(after,)), *tail)


def plus(graph: Graph, *nodes: Node) -> Graph:
    return (*graph, *nodes)


def stage_node(graph: Graph, name: str) -> Node:
    return next(node for node in graph if node.id == name)


def test_the_production_graph_is_accepted() -> None:
    check(good(), SITE.layout)


def around(guard: str) -> Callable[[Graph], Graph]:
    """A writer that also listens to what comes before a guard."""

    def bypass(graph: Graph) -> Graph:
        source = stage_node(graph, guard).inputs[0]
        return plus(graph, Node("b3.writer", "writer", ("command", source)))

    return bypass


BROKEN: dict[str, tuple[Callable[[Graph], Graph], str]] = {
    **{
        f"a writer around {guard}": (around(guard), f"writer 'b3.writer' is reached without '{guard}'")
        for guard in GUARDS
        if guard != "state_machine"
    },
    "a writer around state_machine": (around("state_machine"), "'b3.writer' is reached without 'state_machine': "),
    "a writer on a source": (lambda g: plus(g, Node("w", "writer", ("b1",))), "without 'state_machine': b1 → w"),
    "a writer on the snapshot": (lambda g: plus(g, Node("w", "writer", ("snapshot",))), "validate → snapshot → w"),
    "a writer on nothing": (lambda g: plus(g, Node("w", "writer", ())), "writer 'w' is reached without"),
    "an optimiser that writes": (
        lambda g: plus((Node("optimiser", "source", ()), *g), Node("w", "writer", ("command", "optimiser"))),
        "without 'state_machine': optimiser → w",
    ),
    "a writer on an output": (
        lambda g: plus(g, Node("w", "writer", ("history",)), Node("b", "writer", ("b1",))),
        "writer 'b' is reached without",
    ),
    **{f"no {guard}": (partial(without, name=guard), "before it is written|is reached without") for guard in GUARDS},
    "no resolve": (lambda g: without(g, "resolve"), "reads row 'base_kw' before it is written"),
    "no snapshot": (
        lambda g: tuple(n for n in g if n.id != "snapshot"),
        "takes 'snapshot', which does not come before",
    ),
    "limits before the state machine": (lambda g: moved(g, "state_machine", "limits"), "before it is written"),
    "the ramp before constrain": (
        lambda g: moved(g, "constrain", "ramp"),
        "stage 'ramp' reads row 'limited_kw' before it is written",
    ),
    "ancillary after constrain": (
        lambda g: moved(g, "ancillary", "constrain"),
        "stage 'constrain' reads row 'desired_kw' before it is written",
    ),
    "a row written twice": (
        lambda g: plus(g, Node("again", "stage", ("command",), writes=("command_kw",))),
        "row 'command_kw' is written by 'command' and by 'again'",
    ),
    "a row written twice by one": (
        lambda g: changed(g, "ramp", writes=("ramped_kw", "ramped_kw", "ramp_by")),
        "row 'ramped_kw' is written by 'ramp' and by 'ramp'",
    ),
    "a row of somebody else": (
        lambda g: changed(g, "limits", writes=("low_kw", "ramped_kw")),
        "row 'ramped_kw' belongs to 'ramp' and is written by 'limits'",
    ),
    "a row that nobody knows, read": (
        lambda g: changed(g, "ramp", reads=("limitted_kw",)),
        "names row 'limitted_kw', which the layout does not have",
    ),
    "a row that nobody knows, of the past": (lambda g: changed(g, "ramp", before=("ramped",)), "names row 'ramped'"),
    "a row that nobody knows, written": (lambda g: changed(g, "ramp", writes=("ramp_kw",)), "names row 'ramp_kw'"),
    "two nodes of one name": (
        lambda g: plus(g, Node("history", "output", ("command",))),
        "two nodes are called 'history'",
    ),
    "an input that is not there": (
        lambda g: plus(g, Node("w", "output", ("commnd",))),
        "takes 'commnd', which does not",
    ),
    "a circle": (
        lambda g: changed(g, "validate", inputs=("command",)),
        "takes 'command', which does not come before it",
    ),
    "itself": (lambda g: changed(g, "ramp", inputs=("ramp",)), "takes 'ramp', which does not come before it"),
    "a guard in name only": (lambda g: changed(g, "limits", stage=None), "'limits' has the name of a guard and is not"),
    "a guard that is an output": (lambda g: changed(g, "ramp", kind="output"), "'ramp' has the name of a guard"),
    "a guard with another's step": (
        lambda g: changed(g, "constrain", stage=limits().bind(SITE.layout, 5, lambda: 0.0, lambda *_: None)),
        "'constrain' has the name of a guard and is not that stage",
    ),
    "a source with the name of a guard": (
        lambda g: (Node("ramp", "source", ()), *tuple(n for n in g if n.id != "ramp")),
        "'ramp' has the name of a guard",
    ),
}


@pytest.mark.parametrize(("breaking", "words"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_graph_is_refused_in_words(breaking: Callable[[Graph], Graph], words: str) -> None:
    with pytest.raises(GraphError, match=words):
        check(breaking(good()), SITE.layout)


def test_the_way_around_is_named_from_its_source() -> None:
    graph = plus(good(), Node("w", "writer", ("command", "resolve")))
    found = path_around(graph, "w")
    assert found is not None
    guard, way = found
    assert guard == "constrain"
    assert way[-3:] == ["limits", "resolve", "w"]
    assert way[0] in ("b1", "b2", "requests.day_ahead")
    assert path_around(graph, "b1.writer") is None


# --- folding ----------------------------------------------------------------------------------------------------------


class Folded:
    """A folded chain of real stages, fed by hand."""

    def _deliver(self, name: str, frame: Frame) -> None:
        self.delivered.append((name, frame))

    def __init__(self, **subscribers: Callable[[Frame], None]) -> None:
        self.frames: Subject[Frame] = Subject()
        self.remembered: list[Frame] = []
        self.delivered: list[tuple[str, Frame]] = []
        self.errors: list[tuple[str, Exception]] = []
        self.graph = good(("b1.writer",), ("history",))
        ends: dict[str, Callable[[Frame], None]] = {
            name: partial(self._deliver, name) for name in ("b1.writer", "history")
        }
        fold(
            self.frames,
            self.graph,
            self.remembered.append,
            ends | subscribers,
            lambda *error: self.errors.append(error),
        )


def test_every_end_gets_the_sealed_frame_after_it_became_the_past() -> None:
    order: list[str] = []
    folded = Folded(**{"b1.writer": lambda frame: order.append(f"write {frame.sealed}")})
    folded.remembered = folded.remembered
    folded.frames.on_next(wild(SITE, 1))
    assert order == ["write True"]
    assert [frame.sealed for frame in folded.remembered] == [True]
    assert [name for name, _ in folded.delivered] == ["history"]
    assert folded.delivered[0][1] is folded.remembered[0]


def test_a_subscriber_that_raises_harms_only_itself() -> None:
    def broken(_frame: Frame) -> None:
        raise OSError("no such device")

    folded = Folded(**{"b1.writer": broken})
    folded.frames.on_next(wild(SITE, 1))
    folded.frames.on_next(wild(SITE, 2))
    assert [name for name, _ in folded.delivered] == ["history", "history"]
    assert [(name, type(error)) for name, error in folded.errors] == [("b1.writer", OSError)] * 2


def test_an_end_of_the_stream_is_reported() -> None:
    folded = Folded()
    folded.frames.on_error(ValueError("over"))
    assert [(name, str(error)) for name, error in folded.errors] == [("chain", "over")]


def test_an_end_without_a_subscriber_is_a_programming_error() -> None:
    with pytest.raises(KeyError, match="history"):
        fold(
            Subject(),
            good(("b1.writer",), ("history",)),
            lambda _: None,
            {"b1.writer": lambda _: None},
            lambda *_: None,
        )


def test_a_tap_is_added_to_the_stage_and_sees_each_frame() -> None:
    folded = Folded()
    seen: list[int] = []
    for node in folded.graph:
        assert with_tap(node, lambda frame: seen.append(frame.tick)).id == node.id
    frame = wild(SITE, 5)
    folded.frames.on_next(frame)
    assert seen == [frame.tick] * 7


def test_the_graph_for_people() -> None:
    nodes = {node["id"]: node for node in as_json(good())["nodes"]}
    assert nodes["ramp"]["guard"] is True
    assert nodes["resolve"]["guard"] is False
    assert nodes["ramp"]["inputs"] == ["constrain"]
    assert "limited_kw" in nodes["ramp"]["reads"]
    assert "ramped_kw" in nodes["ramp"]["before"]
    assert nodes["ramp"]["file"] == "operators/ramp.py"
    assert "requests.day_ahead.asked_kw" in nodes["snapshot"]["writes"]
    assert {node["kind"] for node in nodes.values()} == {"source", "stage", "writer", "output"}


def test_every_row_of_the_layout_has_a_writer() -> None:
    layout = SITE.layout
    rows = {row.name for block in (layout.values, layout.codes, layout.site_values, layout.site_codes) for row in block}
    written = {row for node in good() for row in node.writes}
    assert rows - written == {"fault"}
