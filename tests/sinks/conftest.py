"""A real broker and a running connection for every test of this folder that asks for one."""

from __future__ import annotations

from tests.real.connection import connecting, logged
from tests.real.mosquitto import mosquitto

__all__ = ["connecting", "logged", "mosquitto"]
