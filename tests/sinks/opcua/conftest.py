"""The server that these tests share."""

from __future__ import annotations

from tests.sources.opcua.conftest import served

__all__ = ["served"]
