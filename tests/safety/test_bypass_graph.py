"""Attempts to reach a device around the guards with a graph of one's own: none is folded, each says what is wrong.

The graph is what the compiler would make of some definition or plug-in, changed in one place by an attacker who can
write any node that a graph can hold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from jit.frame import Frame
from operators.stage import Stage
from pipeline.chain import stages
from pipeline.graph import Graph, GraphError, Node, build, check, fold
from pipeline.node import GUARDS
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-ZIEL-002", "LH-ARCH-004", "LH-RISK-001")

Attack = Callable[[Graph], Graph]


def writer(name: str, *inputs: str, path: str = "assets.b1") -> Node:
    return Node(name, "writer", inputs, path=path, takes=("Command",))


def own_stage(name: str, after: str, **changes: object) -> Node:
    """A stage of one's own that reads and writes nothing it declares."""
    stage = Stage(name, lambda _frame: None, (), (), ())
    node = Node(name, "stage", (after,), stage=stage, path=name, takes=("Frame",), gives=("Frame",))
    return replace(node, **changes)  # type: ignore[arg-type]


def rewired(name: str, *inputs: str) -> Attack:
    return lambda graph: tuple(replace(node, inputs=inputs) if node.id == name else node for node in graph)


def without(name: str) -> Attack:
    """The stage is gone, and who stood behind it stands behind the one before."""

    def attack(graph: Graph) -> Graph:
        gone = next(node for node in graph if node.id == name)
        kept = (node for node in graph if node.id != name)
        return tuple(replace(node, inputs=gone.inputs) if node.inputs == (name,) else node for node in kept)

    return attack


def skipped(name: str) -> Attack:
    """The stage is still drawn, and nothing flows through it."""

    def attack(graph: Graph) -> Graph:
        gone = next(node for node in graph if node.id == name)
        return tuple(replace(node, inputs=gone.inputs) if node.inputs == (name,) else node for node in graph)

    return attack


def changed(name: str, **changes: object) -> Attack:
    return lambda graph: tuple(
        replace(node, **changes) if node.id == name else node for node in graph  # type: ignore[arg-type]
    )


def added(*nodes: Node, before: str = "") -> Attack:
    """More nodes, in front of `before` or at the end."""

    def attack(graph: Graph) -> Graph:
        place = next((i for i, node in enumerate(graph) if node.id == before), len(graph))
        return (*graph[:place], *nodes, *graph[place:])

    return attack


def inserted(node: Node, behind: str) -> Attack:
    """A stage between `behind` and what follows it, wired as if it had always been there."""

    def attack(graph: Graph) -> Graph:
        moved = tuple(replace(n, inputs=(node.id,)) if n.inputs == (behind,) else n for n in graph)
        place = next(i for i, n in enumerate(moved) if n.id == behind) + 1
        return (*moved[:place], node, *moved[place:])

    return attack


def swapped(first: str, second: str) -> Attack:
    """Two stages change places, and the line is drawn through them in the new order."""

    def attack(graph: Graph) -> Graph:
        by_id, names = {node.id: node for node in graph}, {first: second, second: first}
        turned, last = list[Node](), "validate"
        for node in (by_id[names.get(node.id, node.id)] for node in graph):
            lined = node.kind == "stage" and node.id != "validate"
            turned.append(replace(node, inputs=(last,)) if lined else node)
            last = node.id if node.kind == "stage" else last
        return tuple(turned)

    return attack


def impostor(name: str) -> Attack:
    """The name, the rows and the file of a guard, and another step."""

    def attack(graph: Graph) -> Graph:
        real = next(node.stage for node in graph if node.id == name)
        assert real is not None
        fake = Stage(name, lambda _frame: None, real.reads, real.before, real.writes, real.file)
        return changed(name, stage=fake)(graph)

    return attack


STAGES = ("snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp")
AROUND: list[tuple[str, Attack, str]] = [
    *((f"the writer takes {name}", rewired("b1.writer", name), "is reached without") for name in STAGES),
    ("the writer takes a source", rewired("b1.writer", "b1"), "is reached without 'state_machine': b1 → b1.writer"),
    ("the writer takes a request", rewired("b1.writer", "requests.day_ahead"), "is reached without"),
    ("the writer takes validate", rewired("b1.writer", "validate"), "is reached without"),
    ("the writer takes the ramp too", rewired("b1.writer", "command", "ramp"), "is reached without 'command'"),
    ("the writer takes a source too", rewired("b1.writer", "command", "b1"), "is reached without 'state_machine'"),
    ("the writer takes nothing", rewired("b1.writer"), "is reached without"),
    *((f"{name} is removed", without(name), f"is reached without '{name}'") for name in GUARDS),
    *((f"{name} is skipped", skipped(name), f"is reached without '{name}'") for name in GUARDS),
    ("an edge past the ramp", rewired("command", "ramp", "constrain"), "is reached without 'ramp'"),
    ("an edge past the limits", rewired("constrain", "ancillary", "state_machine"), "is reached without 'limits'"),
    ("resolve is removed", without("resolve"), "reads row 'base_kw' before it is written"),
    ("ramp before constrain", swapped("constrain", "ramp"), "before it is written"),
    ("command first", swapped("state_machine", "command"), "is reached without"),
    *((f"a fake {name}", impostor(name), f"'{name}' has the name of a guard and is not that stage") for name in GUARDS),
    ("the ramp is an output", changed("ramp", kind="output", stage=None), "has the name of a guard"),
    ("the ramp without a step", changed("ramp", stage=None), "is not that stage"),
    ("two ramps", added(own_stage("ramp", "constrain"), before="command"), "two nodes are called 'ramp'"),
    ("a loop", rewired("state_machine", "snapshot", "command"), "which does not come before it"),
    ("a writer from nowhere", rewired("b1.writer", "nowhere"), "'nowhere', which does not come before it"),
    ("a stage behind command", inserted(own_stage("boost", "command"), "command"), "stands behind 'resolve'"),
    ("a stage behind constrain", inserted(own_stage("boost", "constrain"), "constrain"), "stands behind 'resolve'"),
    ("a stage before the guards", inserted(own_stage("boost", "snapshot"), "snapshot"), "stands before the guards"),
    ("a second writer for the device", added(writer("b1.other", "command")), "write to one device, 'assets.b1'"),
    ("a second writer from the ramp", added(writer("b1.other", "ramp")), "is reached without 'command'"),
    ("two writers of one name", added(writer("b1.writer", "command")), "two nodes are called 'b1.writer'"),
    ("a writer that takes frames", changed("b1.writer", takes=("Frame",)), "takes Frame, which it may not"),
    ("a writer that takes requests", changed("b1.writer", takes=("Command", "Request")), "takes Request"),
    ("a writer that gives", changed("b1.writer", gives=("Command",)), "gives Command, which it may not"),
    ("an output that takes commands", changed("outputs.o", takes=("Command",)), "takes Command, which it may not"),
    ("an output that takes both", changed("outputs.o", takes=("Frame", "Command")), "takes Command"),
    ("an output that gives commands", changed("outputs.o", gives=("Command",)), "gives Command"),
    ("an output from the ramp", rewired("outputs.o", "ramp"), "output 'outputs.o' takes ramp, not 'command'"),
    ("an output with a hidden stage", changed("outputs.o", stage=Stage("x", print, (), (), ())), "hides a stage"),
    ("a writer with a hidden stage", changed("b1.writer", stage=Stage("x", print, (), (), ())), "hides a stage"),
    ("a source with a hidden stage", changed("b1", stage=Stage("x", print, (), (), ())), "hides a stage"),
    ("a source that gives commands", changed("b1", gives=("Command",)), "source 'b1' gives Command"),
    ("a source that gives frames", changed("b1", gives=("Reading", "Frame")), "source 'b1' gives Frame"),
    ("a source behind the chain", changed("b1", inputs=("b1.writer",)), "which does not come before it"),
    ("a ramp that gives commands", changed("ramp", gives=("Frame", "Command")), "stage 'ramp' gives Command"),
    ("a snapshot that takes commands", changed("snapshot", takes=("Reading", "Request", "Command")), "takes Command"),
    ("a validate that gives frames", changed("validate", gives=("Reading", "Request", "Frame")), "gives Frame"),
    ("a node that reads more than its stage", changed("ramp", reads=("desired_kw",)), "does not say what its stage"),
    ("a node that recalls less than its stage", changed("ramp", before=()), "does not say what its stage"),
    ("an output that writes a row", changed("outputs.o", writes=("command_kw",)), "row 'command_kw' is written by"),
    ("a writer that reads a row", changed("b1.writer", reads=("asked_kw",)), "names rows: only stages do"),
]  # fmt: skip


def note(reached: list[str], name: str, _frame: Frame) -> None:
    reached.append(name)


@pytest.mark.parametrize(("attack", "refusal"), [case[1:] for case in AROUND], ids=[case[0] for case in AROUND])
def test_no_graph_around_the_guards_is_folded(attack: Attack, refusal: str) -> None:
    rig, reached = Rig(site()), list[str]()
    compiled = rig.compiled
    chain = stages(compiled, lambda: 0.0, lambda *_: None)
    good = build(compiled.layout, ("b1", "requests.day_ahead"), chain, (), ("outputs.o",))
    good = (*good, writer("b1.writer", "command"))
    check(good, compiled.layout)
    with pytest.raises(GraphError) as refused:
        check(attack(good), compiled.layout)
    assert refusal in str(refused.value)
    if "does not say what" in refusal or "names rows" in refusal or "is written by" in refusal:
        return  # fold runs the stages themselves: what a node claims of them reaches nobody
    subscribers = {node.id: partial(note, reached, node.id) for node in attack(good)}
    with pytest.raises(GraphError):
        fold(rig.entry.frames, attack(good), lambda _frame: None, subscribers, lambda *_: None)
    rig.run(3)
    assert reached == []


def test_a_stage_without_a_bound_row_cannot_hide_in_the_layout() -> None:
    """A row that nobody writes would keep what stood in the memory."""
    rig = Rig(site())
    layout = rig.compiled.layout
    orphan = replace(layout.values[0], name="orphan_kw", owner="nobody")
    more = replace(layout, values=(*layout.values, orphan))
    good = build(more, ("b1",), rig.stages, (), ())
    with pytest.raises(GraphError, match="row 'orphan_kw' of 'nobody' is never written"):
        check(good, more)

