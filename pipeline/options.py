"""How a process is run: what comes from the command line, and what a simulation brings of its own."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.clock_error import clock_error_s
from pipeline.edges import EdgeFault
from sinks.tracing import Tracing
from sources.modbus.connection import Connection
from sources.modbus.device import Link


@dataclass(frozen=True, slots=True)
class Options:
    """`armed`: it may write to devices. `shown` is added to what the page knows of the site. `faults` stand on edges of
    the graph, for a test: an armed process takes none.

    `utc_ns` is the machine's clock, `clock_error_s` how far it may be off (asked only where the definition has
    `time:`), `jitter` spreads reconnects and `link` makes Modbus connections: a simulation brings its own.
    """

    armed: bool = False
    state_dir: Path | None = None
    shown: Mapping[str, Any] = field(default_factory=dict)
    tracing: Tracing = field(default_factory=Tracing.off)
    utc_ns: Callable[[], int] = time.time_ns
    clock_error_s: Callable[[], float] = clock_error_s
    jitter: Callable[[], float] = random.random
    link: Link = Connection
    faults: tuple[EdgeFault, ...] = ()

    def __post_init__(self) -> None:
        if self.armed and self.faults:
            raise ValueError("faults on edges are for a shadow: an armed process takes none")
