"""A plug-in source of schedules, and a plug-in output. Each has a thread of its own."""

from __future__ import annotations

import threading
from typing import Any

from sinks.plugin import Sink
from sources.plugin import Send, Source

PLAN = {
    "type": "day_ahead",
    "market_bid_area": "DE-LU",
    "version": 1,
    "windows": [{"start": "2026-03-28T23:00:00Z", "end": "2026-03-29T00:00:00Z", "target_power_kw": 80.0}],
}
#: What the output has taken so far.
TAKEN: list[dict[str, Any]] = []


def fetch(send: Send, stop: threading.Event) -> None:
    """Send the plan once a minute."""
    while True:
        send(PLAN)
        if stop.wait(60.0):
            return


market = Source(fetch)
cloud = Sink(TAKEN.append)
