"""What a package declares to bring an output: one function, which runs in a thread of its own.

    cloud = Sink(take)

    def take(documents: dict[str, Any]) -> None: ...      # {"state": {…}, "snapshot/bess1": {…}, "alarms": […]}

About once a second it gets the newest documents that the definition publishes, as plain data of its own: what it
changes, keeps or returns is not looked at. While it is busy, newer documents replace older ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Sink:
    """The declaration that the entry point names."""

    take: Callable[[dict[str, Any]], object]
