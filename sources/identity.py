"""Who a device says it is, against who it must be: serial number, manufacturer, model.

Texts are compared as they are, without the spaces around them. Another text is another device; no text is no answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from config.asset import Identity


@dataclass(frozen=True, slots=True)
class Mismatch:
    """`foreign`: another device answers. Else it has not said everything that is asked."""

    text: str
    foreign: bool


def wanted(identity: Identity | None) -> dict[str, str]:
    """What the definition asks for, by name."""
    asked = {} if identity is None else identity.model_dump(exclude_none=True)
    return {name: str(text).strip() for name, text in asked.items()}


def mismatch(asked: Mapping[str, str], found: Mapping[str, str]) -> Mismatch | None:
    """What does not fit, another text before a missing one; None when everything does."""
    silent = None
    for name, text in asked.items():
        said = found.get(name, "").strip()
        if said and said != text:
            return Mismatch(f"another device answers: its {name} is `{said[:60]}`, not `{text}`", foreign=True)
        if not said and silent is None:
            silent = Mismatch(f"the device does not say its {name}", foreign=False)
    return silent
