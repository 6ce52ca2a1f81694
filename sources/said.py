"""What a device says of itself in words, e.g. its firmware: shown to people, and used for nothing.

    profile.texts ─► source ─► Said ─► page, `check --live`          never a reading, a frame or a condition

Texts are printable and at most `MOST` characters long, whatever a device sends. What was said before a connection was
lost is forgotten: another device may answer now.
"""

from __future__ import annotations

from config.profile import Profile
from config.source import printable

MOST = 200


class Said:
    """The newest texts of one device, by name in the order of its profile."""

    def __init__(self, profile: Profile) -> None:
        self._labels = {name: point.label or name for name, point in profile.texts.items()}
        self._texts: dict[str, str] = {}

    def take(self, name: str, text: str | None) -> None:
        """The device says this now; None: it does not say it."""
        if text is None:
            self._texts.pop(name, None)
        else:
            self._texts[name] = printable(text[:MOST]).strip()

    def forget(self) -> None:
        """Another device may answer from now on."""
        self._texts.clear()

    def listed(self) -> list[dict[str, str]]:
        """What is known, for a page."""
        return [{"name": name, "label": label, "text": self._texts[name]}
                for name, label in self._labels.items() if name in self._texts]  # fmt: skip
