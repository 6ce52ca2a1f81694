"""What is wrong is said when it begins and when it changes; whoever sends cannot fill a disk with it."""

from __future__ import annotations

import pytest

from sources.complaint import MOST, WELL, Complaints

pytestmark = pytest.mark.req("LH-MON-001")


def test_what_stays_wrong_is_said_once_and_again_when_it_changes_or_comes_back() -> None:
    said: list[str] = []
    complaints = Complaints(said.append)
    for text in ("A", "A", "B", "A"):
        complaints.wrong(text)
    complaints.well()
    complaints.wrong("A")
    assert said == ["A", "B", "A", "A"]


def test_a_sender_that_is_wrong_in_another_way_each_time_fills_no_log() -> None:
    said: list[str] = []
    complaints = Complaints(said.append)
    for number in range(100_000):
        complaints.wrong(f"time stamp {number}")
    assert len(said) == MOST


def test_a_sender_that_is_wrong_every_other_time_fills_no_log() -> None:
    said: list[str] = []
    complaints = Complaints(said.append)
    for _ in range(86_400):
        complaints.wrong("not JSON")
        complaints.well()
    assert len(said) <= MOST + 86_400 // WELL
    assert said[-1].endswith("others were not said)")
