"""The checks on a graph, before anything is subscribed. Each one refuses with the name of the node, row or path.

    names    every id once, every input before its node: no loops
    streams  Reading and Request enter, Frame flows, Command leaves: only `command` gives one, only writers take one
    guards   the five guards are those stages and no others; every writer is dominated by all of them
    line     the stages form one line, as they are folded; what is composed stands between `limits` and `resolve`
    rows     read after they are written, written once, by their owner; what is composed is read before `resolve` only

The first three need no layout: `fold` asks them once more, so that no graph is run unchecked.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from jit.layout import Layout, Row
from operators.ancillary import ancillary
from operators.command import command
from operators.constrain import constrain
from operators.limits import limits
from operators.ramp import ramp
from operators.resolve import resolve
from operators.stage import Step
from operators.state_machine import state_machine
from pipeline.node import COMPOSED_FOR, ENTRY, FIXED, GUARDS, Graph, GraphError, Node, Stream, carried

#: The fixed stages' own steps: whoever has the name has the step.
STEPS: Mapping[str, Step] = {
    stage.id: stage.step
    for stage in (state_machine(), limits(), resolve(), ancillary(), constrain(), ramp(), command())
}
_SIGNALS: tuple[Stream, ...] = ("Reading", "Request")


def check_shape(graph: Graph) -> None:
    """Names, streams, guards and the line. Raises `GraphError` with the first offence."""
    _names(graph)
    _guards(graph)
    _dominated(graph)
    _line(graph)
    _streams(graph)


def check(graph: Graph, layout: Layout) -> None:
    """Refuse a graph that breaks a rule. Raises `GraphError` with the first offence."""
    _names(graph)
    _guards(graph)
    _dominated(graph)
    rows = {row.name: row for block in blocks(layout) for row in block}
    _rows(graph, rows)
    _composed_rows(graph, rows)
    _line(graph)
    _streams(graph)
    _declared(graph, layout)


def blocks(layout: Layout) -> tuple[tuple[Row, ...], ...]:
    return layout.values, layout.codes, layout.site_values, layout.site_codes


def spelled(layout: Layout, names: tuple[str, ...]) -> tuple[str, ...]:
    """Row names with blocks spelled out: `requests.*` is what `resolve` reads of each, `limits.*` every row below."""
    every = [row.name for block in blocks(layout) for row in block]
    found: list[str] = []
    for name in names:
        if name == "requests.*":
            found += [row for pair in layout.asked for row in pair]
        else:
            found += [row for row in every if row.startswith(name[:-1])] if name.endswith(".*") else [name]
    return tuple(found)


def _names(graph: Graph) -> None:
    seen: set[str] = set()
    for node in graph:
        if node.id in seen:
            raise GraphError(f"two nodes are called {node.id!r}")
        absent = [name for name in node.inputs if name not in seen]
        if absent:
            raise GraphError(f"node {node.id!r} takes {absent[0]!r}, which does not come before it")
        seen.add(node.id)


def _guards(graph: Graph) -> None:
    for node in graph:
        stage = node.stage
        if node.id in STEPS and (node.kind != "stage" or not _is(node) or (stage and stage.step is not STEPS[node.id])):
            raise GraphError(f"node {node.id!r} has the name of a guard and is not that stage")
        if node.id in ENTRY and (node.kind != "stage" or stage is not None):
            raise GraphError(f"node {node.id!r} has the name of the chain's entry and is not it")
        if node.kind != "stage" and stage is not None:
            raise GraphError(f"{node.kind} {node.id!r} hides a stage")


def _is(node: Node) -> bool:
    return node.stage is not None and node.stage.id == node.id


def _dominated(graph: Graph) -> None:
    devices: dict[str, str] = {}
    for node in graph:
        if node.kind != "writer":
            continue
        around = path_around(graph, node.id)
        if around is not None:
            missing, way = around
            raise GraphError(f"writer {node.id!r} is reached without {missing!r}: {' → '.join(way)}")
        if node.path and node.path in devices:
            raise GraphError(f"{devices[node.path]!r} and {node.id!r} write to one device, {node.path!r}")
        devices[node.path] = node.id


def path_around(graph: Graph, target: str) -> tuple[str, list[str]] | None:
    """A guard that does not dominate `target`, with a path from a source that avoids it; None when all dominate."""
    inputs = {node.id: node.inputs for node in graph}
    for guard in GUARDS:
        way = _path(inputs, target, guard)
        if way is not None:
            return guard, way
    return None


def _path(inputs: dict[str, tuple[str, ...]], target: str, avoid: str) -> list[str] | None:
    trail: list[tuple[str, list[str]]] = [(target, [target])]
    seen: set[str] = set()
    while trail:
        node, way = trail.pop()
        if node == avoid or node in seen:
            continue
        seen.add(node)
        if not inputs.get(node):
            return way
        trail += [(name, [name, *way]) for name in inputs[node]]
    return None


def _line(graph: Graph) -> None:
    """What is folded is a line, in the order of the tuple; an edge that says otherwise would be a lie."""
    stages = [node for node in graph if node.kind == "stage"]
    for node in stages:
        if node.composed and not _is(node):
            raise GraphError(f"stage {node.id!r} is not the step of that name")
    fixed = tuple(node.id for node in stages if node.id in FIXED)
    if fixed != FIXED:
        raise GraphError(f"the chain is {' → '.join(FIXED)}, and this graph has {' → '.join(fixed)}")
    for before, node in pairwise(stages):
        if node.inputs != (before.id,):
            raise GraphError(f"stage {node.id!r} takes {', '.join(node.inputs)}, and stands behind {before.id!r}")
    for node in graph:
        if node.kind in ("writer", "output") and node.inputs != (stages[-1].id,):
            raise GraphError(f"{node.kind} {node.id!r} takes {', '.join(node.inputs)}, not {stages[-1].id!r}")
        if node.kind == "source" and node.inputs:
            raise GraphError(f"source {node.id!r} takes {', '.join(node.inputs)}: sources begin")
    order = [node.id for node in stages]
    low, high = order.index("limits"), order.index(COMPOSED_FOR)
    for place, node in enumerate(stages):
        if node.composed and not low < place < high:
            where = "behind" if place > high else "before the guards of"
            raise GraphError(f"stage {node.id!r} stands {where} {COMPOSED_FOR!r}: what is composed stands before it")


def _streams(graph: Graph) -> None:
    by_id = {node.id: node for node in graph}
    for node in graph:
        takes, gives = _allowed(node)
        for verb, streams, most in (("takes", node.takes, takes), ("gives", node.gives, gives)):
            beyond = [stream for stream in streams if stream not in most]
            if beyond:
                raise GraphError(f"{node.kind} {node.id!r} {verb} {beyond[0]}, which it may not")
        if not node.gives and node.kind in ("source", "stage"):
            raise GraphError(f"{node.kind} {node.id!r} gives nothing")
        for name in node.inputs:
            if not carried(by_id[name], node):
                raise GraphError(
                    f"{node.id!r} takes {_said(node.takes)}, and {name!r} gives {_said(by_id[name].gives)}"
                )


def _allowed(node: Node) -> tuple[tuple[Stream, ...], tuple[Stream, ...]]:
    """What a node may take and give at most."""
    match node.kind:
        case "source":
            return (), _SIGNALS
        case "writer":
            return ("Command",), ()
        case "output":
            return ("Frame",), ()
    match node.id:
        case "validate":
            return _SIGNALS, _SIGNALS
        case "snapshot":
            return _SIGNALS, ("Frame",)
        case "command":
            return ("Frame",), ("Frame", "Command")
    return ("Frame",), ("Frame",)


def _said(streams: tuple[Stream, ...]) -> str:
    return " and ".join(streams) or "nothing"


def _declared(graph: Graph, layout: Layout) -> None:
    """A node says of its rows what its stage says, and nothing else."""
    for node in graph:
        stage = node.stage
        if stage is None and node.kind != "stage" and (node.reads or node.before or node.writes):
            raise GraphError(f"{node.kind} {node.id!r} names rows: only stages do")
        if stage is not None and (node.reads, node.before, node.writes) != tuple(
            spelled(layout, names) for names in (stage.reads, stage.before, stage.writes)
        ):
            raise GraphError(f"node {node.id!r} does not say what its stage reads and writes")


def _rows(graph: Graph, rows: Mapping[str, Row]) -> None:
    written: dict[str, str] = {"fault": "every stage"}
    for node in graph:
        for row in (*node.reads, *node.before, *node.writes):
            if row not in rows:
                raise GraphError(f"stage {node.id!r} names row {row!r}, which the layout does not have")
        for row in node.reads:
            if row not in written:
                raise GraphError(f"stage {node.id!r} reads row {row!r} before it is written")
        for row in node.writes:
            if row in written:
                raise GraphError(f"row {row!r} is written by {written[row]!r} and by {node.id!r}")
            if rows[row].owner != node.id:
                raise GraphError(f"row {row!r} belongs to {rows[row].owner!r} and is written by {node.id!r}")
            written[row] = node.id
    unwritten = [name for name in rows if name not in written]
    if unwritten:
        raise GraphError(f"row {unwritten[0]!r} of {rows[unwritten[0]].owner!r} is never written")


def _composed_rows(graph: Graph, rows: Mapping[str, Row]) -> None:
    """What a user composed is read by what is composed and by `resolve`: guards decide on untransformed points."""
    composed = {node.id for node in graph if node.composed}
    for node in graph:
        for row in (*node.reads, *node.before):
            owner = rows[row].owner
            if owner in composed and node.id not in composed and node.id != COMPOSED_FOR:
                raise GraphError(f"stage {node.id!r} reads row {row!r} of {owner!r}: guards read untransformed points")
        if node.id not in composed:
            continue
        for row in node.before:
            if rows[row].owner != node.id:
                raise GraphError(f"stage {node.id!r} remembers row {row!r} of {rows[row].owner!r}: only its own")
        for row in node.writes:
            if rows[row].latch:
                raise GraphError(f"stage {node.id!r} claims a latch, {row!r}: latches are the state machine's")
