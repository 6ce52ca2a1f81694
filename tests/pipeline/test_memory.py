"""Garbage is collected after ticks, and what was built at the start is left alone."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from pipeline import memory


@pytest.fixture(autouse=True)
def _collector_as_it_was() -> Iterator[None]:
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.enable()


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generation of every collection that begins."""
    seen: list[int] = []

    def note(phase: str, generation: dict[str, int]) -> None:
        if phase == "start":
            seen.append(generation["generation"])

    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


def test_everything_is_walked_after_a_tick_and_only_when_it_is_due(collections: list[int]) -> None:
    now = [100.0]
    collect = memory.after_tick(lambda: now[0], every_s=30.0)
    for now[0] in (101.0, 129.9, 130.0, 131.0, 159.0, 160.0):
        collect()
    assert collections.count(2) == 2


def test_what_is_there_at_the_start_is_not_walked_again() -> None:
    memory.settle()
    assert gc.get_freeze_count() > 0
    assert gc.isenabled()
    assert gc.get_threshold()[2] == memory.NEVER
    gc.unfreeze()


def test_nothing_is_collected_while_things_are_built_also_when_that_fails(collections: list[int]) -> None:
    with pytest.raises(ValueError, match="built"), memory.only_growing():
        kept = [[number] for number in range(20_000)]
        assert len(kept) == 20_000
        assert collections == []
        raise ValueError("could not be built")
    assert gc.isenabled()
