"""Fixtures of the sinks' tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.real.connection import connecting, logged
from tests.real.mosquitto import mosquitto
from tests.real.postgres import postgres, postgres_server

__all__ = ["connecting", "logged", "mosquitto", "outage", "postgres", "postgres_server"]


@pytest.fixture
def outage(loop_exceptions: list[str]) -> Iterator[None]:
    """For tests that kill the server: asyncpg may forget a future of its own when the server's last words (FATAL)
    arrive between two commands. The command itself fails as it should.
    """
    yield
    gc.collect()
    forgotten = [said for said in loop_exceptions if "never retrieved" in said and "ConnectionDoesNotExist" in said]
    for said in forgotten:
        loop_exceptions.remove(said)
