"""Texts in registers: two characters in each, the first one high, up to the first NUL."""

from __future__ import annotations

from collections.abc import Iterable


def text(words: Iterable[int]) -> str:
    """What the registers say, without the spaces around it; what is no UTF-8 is shown as such."""
    octets = b"".join(word.to_bytes(2, "big") for word in words)
    return octets.split(b"\0")[0].decode("utf-8", "replace").strip()
