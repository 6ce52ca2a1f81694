"""What a graph is made of: nodes, the streams between them, and the names that only the chain may have.

    source ──Reading, Request──► validate ──► snapshot ──Frame──► … ──► command ──Command──► writer
                                                                              └────Frame────► output

A node's `id` is what taps, metrics and the page call it; `path` is its place in the definition (`assets.bess1`,
`site.meters.poc`, `requests.day_ahead.transform.0`, `chain.ramp`, `outputs.history`). Devices have the short id that
definitions and tests use for their points: `bess1`, `site.poc`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from config.chain import STAGES
from operators.stage import Stage

Kind = Literal["source", "stage", "writer", "output"]
#: What flows along an edge. Receipts are readings about our own writes; an operator's act is a request.
Stream = Literal["Reading", "Request", "Frame", "Command"]

#: Every writer is dominated by these, in this order.
GUARDS = ("state_machine", "limits", "constrain", "ramp", "command")
ENTRY = ("validate", "snapshot")
#: The stages that every graph has, in their order; what a user composes stands between `limits` and `resolve`.
FIXED = STAGES
#: The one stage behind `limits` that reads what a user composed.
COMPOSED_FOR = "resolve"


class GraphError(Exception):
    """The graph would be unsafe or makes no sense. The text names the node, the row or the offending path."""


@dataclass(frozen=True, slots=True)
class End:
    """A node at either end of the chain: a source with what it gives, a writer or an output."""

    id: str
    path: str = ""
    gives: tuple[Stream, ...] = ()


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
    path: str = ""
    takes: tuple[Stream, ...] = ()
    gives: tuple[Stream, ...] = ()

    @property
    def guard(self) -> bool:
        return self.id in GUARDS

    @property
    def composed(self) -> bool:
        """A stage that the definition put there: a transform, a controller, a plug-in."""
        return self.kind == "stage" and self.id not in FIXED


Graph = tuple[Node, ...]


def carried(source: Node, target: Node) -> tuple[Stream, ...]:
    """What flows from one node to the other; empty when they do not fit."""
    return tuple(stream for stream in source.gives if stream in target.takes)
