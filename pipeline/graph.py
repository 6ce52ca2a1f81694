"""The graph as data, the checks on it, and the one function that folds it into Rx.

    sources ─► validate ─► snapshot ─► state_machine ─► … ─► command ─► seal ─┬─► writers (devices)
                                                                            └─► outputs (records)

The graph is a tuple of nodes (`pipeline.node`) and is checked before anything is subscribed (`pipeline.wiring`): no row
is read before it is written, or written twice; streams fit along every edge; and every device writer is dominated by
`state_machine`, `limits`, `constrain`, `ramp` and `command`. Only `fold` subscribes a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from reactivex import Observable, abc
from reactivex import operators as ops

from jit.frame import Frame
from jit.layout import Layout
from operators.stage import Stage, line
from pipeline.node import FIXED, GUARDS, End, Graph, GraphError, Kind, Node, Stream, carried
from pipeline.wiring import blocks, check, check_shape, path_around, spelled

__all__ = [
    "GUARDS", "End", "Graph", "GraphError", "Node", "as_json", "build", "check", "fold", "path_around", "with_tap",
]  # fmt: skip

#: What `snapshot` reads of the past: freshness, what was sent with what authority, proofs of the meters.
BEFORE_SNAPSHOT = (
    *("proof", "proof_s", "fresh_s", "quality", "power_kw", "age_s", "setpoint_kw"),
    *("write_age_s", "unconfirmed_low_kw", "unconfirmed_high_kw", "told.*", "least_kw", "most_kw", "expected_kw"),
    *("judged_s", "still_s", "lively", "wrong_sign_s", "beyond_s", "short_s", "different_s", "failed_s", "seen"),
    *("foreign", "foreign_s", "peak_kw", "paused", "paused_s", "effect_low_kw", "effect_high_kw", "reaction", "latch"),
    *(f"reversal_{k}_s" for k in range(1, 6)),
    *("soc_pct", "temperature_c", "soc_seen_pct", "power_seen_kw", "temperature_seen_c"),
    *("soc_slack_pct", "power_slack_kw", "temperature_slack_k", "soc_jump_s", "power_jump_s", "temperature_jump_s"),
    *("base_soc_pct", "base_s", "unexplained_kwh", "drift_kwh", "moved_kwh", "cycled_kwh", "against_s"),
    *("command_kw", "authority", "poc_proof", "poc_proof_s", "frequency_proof", "frequency_proof_s", "last_other_kw"),
    *("other_off_kw", "clock_lost_s"),
    *("sent_kw", "steady_s", "holds_low_kw", "holds_high_kw", "history.*"),
    *(f"ceiling_{what}" for what in ("told_import_kw", "issued_import_s", "age_import_s")),
    *(f"ceiling_{what}" for what in ("told_export_kw", "issued_export_s", "age_export_s")),
)


def build(
    layout: Layout,
    sources: Sequence[str | End],
    stages: Sequence[Stage],
    writers: Sequence[str | End],
    outputs: Sequence[str | End],
) -> Graph:
    """Sources, the chain in its order, writers and outputs behind the last stage."""
    begins = [_source(end) for end in sources]
    nodes = [*begins, *_entry(layout, [node.id for node in begins])]
    for stage in stages:
        nodes.append(_stage(layout, stage, nodes[-1].id))
    last = nodes[-1].id
    nodes += [_end("writer", end, last, ("Command",)) for end in writers]
    nodes += [_end("output", end, last, ("Frame",)) for end in outputs]
    return tuple(nodes)


def _source(end: str | End) -> Node:
    """A source by its bare name may give readings and requests."""
    end = End(end, gives=("Reading", "Request")) if isinstance(end, str) else end
    return Node(end.id, "source", (), path=end.path or end.id, gives=end.gives)


def _entry(layout: Layout, sources: Sequence[str]) -> tuple[Node, Node]:
    """`validate` and `snapshot`. Snapshot owns the rows that the layout gives it."""
    written = tuple(row.name for block in blocks(layout) for row in block if row.owner == "snapshot")
    signals: tuple[Stream, ...] = ("Reading", "Request")
    return (
        Node("validate", "stage", tuple(sources), file="operators/validate.py", path="chain.validate", takes=signals,
             gives=signals),
        Node("snapshot", "stage", ("validate",), before=spelled(layout, BEFORE_SNAPSHOT), writes=written,
             file="operators/snapshot.py", path="chain.snapshot", takes=signals, gives=("Frame",)),
    )  # fmt: skip


def _stage(layout: Layout, stage: Stage, before: str) -> Node:
    reads, past, writes = (spelled(layout, names) for names in (stage.reads, stage.before, stage.writes))
    path = f"chain.{stage.id}" if stage.id in FIXED else stage.id
    gives: tuple[Stream, ...] = ("Frame", "Command") if stage.id == "command" else ("Frame",)
    return Node(stage.id, "stage", (before,), reads, past, writes, stage.file, stage, path, ("Frame",), gives)


def _end(kind: Kind, end: str | End, last: str, takes: tuple[Stream, ...]) -> Node:
    end = End(end) if isinstance(end, str) else end
    return Node(end.id, kind, (last,), path=end.path or end.id, takes=takes, gives=end.gives)


Subscriber = Callable[[Frame], None]


def fold(
    entry: Observable[Frame],
    graph: Graph,
    remember: Callable[[Frame], Any],
    subscribers: Mapping[str, Subscriber],
    failed: Callable[[str, Exception], None],
) -> abc.DisposableBase:
    """Fold the stages over the snapshot's frames, seal, and hand every sealed frame to each writer and output.

    `remember` makes the sealed frame the past of the next. Writers are those of now; `subscribers` of another name may
    come and go. A subscriber that raises harms only itself. Raises
    `GraphError` for a graph whose guards do not stand between every source and every writer.
    """
    check_shape(graph)
    stages = [node.stage for node in graph if node.stage is not None]
    ends = {node.id: subscribers[node.id] for node in graph if node.kind in ("writer", "output")}
    writers = {node.id for node in graph if node.kind == "writer"}
    fixed = [(name, ends[name]) for name in ends if name in writers]

    def seal(frame: Frame) -> Frame:
        return frame.seal()

    def deliver(frame: Frame) -> None:
        remember(frame)
        for name, subscriber in (*fixed, *((name, of) for name, of in subscribers.items() if name not in writers)):
            try:
                subscriber(frame)
            except Exception as error:  # rule 10: a subscriber that raises harms only itself
                failed(name, error)

    def lost(error: Exception) -> None:
        failed("chain", error)

    return entry.pipe(line(stages), ops.map(seal)).subscribe(deliver, lost)


def with_tap(node: Node, tap: Callable[[Frame], None]) -> Node:
    """The same node with one more tap on its stage."""
    if node.stage is not None:
        node.stage.taps = (*node.stage.taps, tap)
    return replace(node)


def as_json(graph: Graph) -> dict[str, Any]:
    """The compiled graph for people and tools; `streams` says what flows from each of `inputs`."""
    by_id = {node.id: node for node in graph}
    return {
        "nodes": [
            {
                "id": node.id,
                "path": node.path,
                "kind": node.kind,
                "inputs": list(node.inputs),
                "streams": [list(carried(by_id[name], node)) for name in node.inputs],
                "takes": list(node.takes),
                "gives": list(node.gives),
                "reads": list(node.reads),
                "before": list(node.before),
                "writes": list(node.writes),
                "guard": node.guard,
                "file": node.file,
            }
            for node in graph
        ]
    }
