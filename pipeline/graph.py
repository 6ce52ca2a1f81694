"""The graph as data, the checks on it, and the one function that folds it into Rx.

    sources ─► validate ─► snapshot ─► state_machine ─► … ─► command ─► seal ─┬─► writers (devices)
                                                                            └─► outputs (records)

The graph is a tuple of nodes. Two rules are checked on it before anything is subscribed (design rules 3 and 8): no row
is read before it is written, or written twice; and every device writer is dominated by `state_machine`, `limits`,
`constrain`, `ramp` and `command`. Only `fold` subscribes a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any, Literal

from reactivex import Observable, abc
from reactivex import operators as ops

from jit.frame import Frame
from jit.layout import Layout
from operators.stage import Stage

Kind = Literal["source", "stage", "writer", "output"]
GUARDS = ("state_machine", "limits", "constrain", "ramp", "command")


class GraphError(Exception):
    """The graph would be unsafe or makes no sense. The text names the node, the row or the offending path."""


@dataclass(frozen=True, slots=True)
class Node:
    """One node: what it takes, which rows it reads (now and from `before`) and writes. `stage` is None for the ends."""

    id: str
    kind: Kind
    inputs: tuple[str, ...]
    reads: tuple[str, ...] = ()
    before: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    file: str = ""
    stage: Stage | None = None

    @property
    def guard(self) -> bool:
        return self.id in GUARDS


Graph = tuple[Node, ...]


#: What `snapshot` reads of the past: freshness, what was sent with what authority, proofs of the meters.
BEFORE_SNAPSHOT = (
    *("proof", "proof_s", "fresh_s", "quality", "expected_kw", "wrong_sign_s", "different_s", "beyond_s"),
    *("command_kw", "authority", "poc_proof", "poc_proof_s", "frequency_proof", "frequency_proof_s", "last_other_kw"),
)


def snapshot_node(layout: Layout, sources: Sequence[str]) -> tuple[Node, Node]:
    """`validate` and `snapshot`, the entry of the chain. Snapshot owns the rows that the layout gives it."""
    rows = (*layout.values, *layout.codes, *layout.site_values, *layout.site_codes)
    written = tuple(row.name for row in rows if row.owner == "snapshot")
    return (
        Node("validate", "stage", tuple(sources), file="operators/validate.py"),
        Node(
            "snapshot",
            "stage",
            ("validate",),
            before=BEFORE_SNAPSHOT,
            writes=written,
            file="operators/snapshot.py",
        ),
    )


def build(
    layout: Layout, sources: Sequence[str], stages: Sequence[Stage], writers: Sequence[str], outputs: Sequence[str]
) -> Graph:
    """Sources, the chain in its order, writers and outputs behind the last stage."""
    nodes: list[Node] = [Node(name, "source", ()) for name in sources]
    nodes += snapshot_node(layout, sources)
    last = "snapshot"
    for stage in stages:
        nodes.append(
            Node(
                stage.id,
                "stage",
                (last,),
                _spelled(layout, stage.reads),
                _spelled(layout, stage.before),
                _spelled(layout, stage.writes),
                stage.file,
                stage,
            )
        )
        last = stage.id
    nodes += [Node(name, "writer", (last,)) for name in writers]
    nodes += [Node(name, "output", (last,)) for name in outputs]
    return tuple(nodes)


def _spelled(layout: Layout, names: tuple[str, ...]) -> tuple[str, ...]:
    """Row names with `block.*` spelled out."""
    every = [row.name for row in (*layout.values, *layout.codes, *layout.site_values, *layout.site_codes)]
    spelled: list[str] = []
    for name in names:
        spelled += [row for row in every if row.startswith(name[:-1])] if name.endswith(".*") else [name]
    return tuple(spelled)


def check(graph: Graph, layout: Layout) -> None:
    """Refuse a graph that breaks a rule. Raises `GraphError` with the first offence."""
    _check_names(graph)
    _check_guards(graph)
    _check_rows(graph, layout)
    for node in graph:
        if node.kind == "writer":
            path = path_around(graph, node.id)
            if path is not None:
                missing, way = path
                raise GraphError(f"writer {node.id!r} is reached without {missing!r}: {' → '.join(way)}")


def _check_names(graph: Graph) -> None:
    seen: set[str] = set()
    for node in graph:
        if node.id in seen:
            raise GraphError(f"two nodes are called {node.id!r}")
        absent = [name for name in node.inputs if name not in seen]
        if absent:
            raise GraphError(f"node {node.id!r} takes {absent[0]!r}, which does not come before it")
        seen.add(node.id)


def _check_guards(graph: Graph) -> None:
    for node in graph:
        if node.guard and (node.kind != "stage" or node.stage is None or node.stage.id != node.id):
            raise GraphError(f"node {node.id!r} has the name of a guard and is not that stage")


def _check_rows(graph: Graph, layout: Layout) -> None:
    known = {row.name: row.owner for row in (*layout.values, *layout.codes, *layout.site_values, *layout.site_codes)}
    written: dict[str, str] = {"fault": "every stage"}
    for node in graph:
        for row in (*node.reads, *node.before, *node.writes):
            if row not in known:
                raise GraphError(f"stage {node.id!r} names row {row!r}, which the layout does not have")
        for row in node.reads:
            if row not in written:
                raise GraphError(f"stage {node.id!r} reads row {row!r} before it is written")
        for row in node.writes:
            if row in written:
                raise GraphError(f"row {row!r} is written by {written[row]!r} and by {node.id!r}")
            if known[row] != node.id:
                raise GraphError(f"row {row!r} belongs to {known[row]!r} and is written by {node.id!r}")
            written[row] = node.id


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


Subscriber = Callable[[Frame], None]


def fold(
    entry: Observable[Frame],
    graph: Graph,
    remember: Callable[[Frame], Any],
    subscribers: dict[str, Subscriber],
    failed: Callable[[str, Exception], None],
) -> abc.DisposableBase:
    """Fold the stages over the snapshot's frames, seal, and hand every sealed frame to each writer and output.

    `remember` makes the sealed frame the past of the next. A subscriber that raises harms only itself.
    """
    stages = [node.stage for node in graph if node.stage is not None]
    ends = [(node.id, subscribers[node.id]) for node in graph if node.kind in ("writer", "output")]

    def seal(frame: Frame) -> Frame:
        return frame.seal()

    def deliver(frame: Frame) -> None:
        remember(frame)
        for name, subscriber in ends:
            try:
                subscriber(frame)
            except Exception as error:  # rule 10: a subscriber that raises harms only itself
                failed(name, error)

    def lost(error: Exception) -> None:
        failed("chain", error)

    stream = reduce(lambda frames, stage: stage(frames), stages, entry)
    return stream.pipe(ops.map(seal)).subscribe(deliver, lost)


def with_tap(node: Node, tap: Callable[[Frame], None]) -> Node:
    """The same node with one more tap on its stage."""
    if node.stage is not None:
        node.stage.taps = (*node.stage.taps, tap)
    return replace(node)


def as_json(graph: Graph) -> dict[str, Any]:
    """The compiled graph for people and tools."""
    return {
        "nodes": [
            {
                "id": node.id,
                "kind": node.kind,
                "inputs": list(node.inputs),
                "reads": list(node.reads),
                "before": list(node.before),
                "writes": list(node.writes),
                "guard": node.guard,
                "file": node.file,
            }
            for node in graph
        ]
    }
