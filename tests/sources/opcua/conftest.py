"""One real server for all of these tests: it is built in seconds, once."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from tests.real.opcua import Served


@pytest.fixture(scope="session")
def served() -> Iterator[Served]:
    server = Served()
    gc.collect()
    gc.freeze()  # a quarter of a million objects, which every collection of every test would walk
    try:
        yield server
    finally:
        gc.unfreeze()
        server.stop()
