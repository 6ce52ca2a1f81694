"""What the log says, for every test of this folder that asks for it."""

from __future__ import annotations

from tests.real.connection import logged

__all__ = ["logged"]
