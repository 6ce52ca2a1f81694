"""The buffers on disk that wait for the databases, as numbers that a scrape asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from sinks.history import History, Numbers
from sinks.metrics import Metrics


def read_buffers(metrics: Metrics, histories: Mapping[str, History]) -> None:
    """What waits for the database, what it may take, and what was dropped, asked for at each scrape."""
    for name, text, number in (
        ("bess_history_rows", "Records that wait for the database", lambda n: n.waiting),
        ("bess_history_bytes", "Bytes of the buffer in use", lambda n: n.used_bytes),
        ("bess_history_quota_bytes", "Bytes that the buffer may take", lambda n: n.quota_bytes),
        ("bess_history_dropped", "Records dropped because the buffer was full", lambda n: sum(n.dropped.values())),
        ("bess_history_connected", "1: the database takes records", lambda n: float(n.connected)),
    ):
        metrics.read(name, text, "output", partial(_of_each, histories, number))


def _of_each(histories: Mapping[str, History], number: Callable[[Numbers], float]) -> dict[str, float]:
    return {name: float(number(history.numbers())) for name, history in histories.items()}
