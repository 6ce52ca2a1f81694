"""What an observer of a test scheduler has seen, without its notifications around it."""

from __future__ import annotations

from typing import Any


def emitted(observer: Any) -> list[tuple[float, Any]]:
    """(virtual time, item) of every item."""
    return [(message.time, message.value.value) for message in observer.messages]
