"""What is wrong with the process itself is an alarm: documents, records, checkpoint, ticks, clock, masters, kernels."""

from __future__ import annotations

import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from pipeline import alarming
from pipeline.alarming import ProcessWatch
from sinks.alarms.condition import Condition
from sinks.history import Condition as HistoryCondition

pytestmark = pytest.mark.req("LH-OPS-004", "LH-MON-001")


class Parts:
    """Everything that the watch looks at, and a frame whose time the test sets."""

    def __init__(self) -> None:
        self.overdue: list[tuple[str, float]] = []
        self.of_history: list[HistoryCondition] = []
        self.masters: list[str] = []
        self.failures: dict[str, int] = {}
        self.checkpoint: Any = SimpleNamespace(problem="")
        self.keeper: Any = SimpleNamespace(problem="")
        self.ticker: Any = SimpleNamespace(missed=0, wall=SimpleNamespace(stepped_s=0.0, trusted=True))
        offers: Any = SimpleNamespace(overdue=lambda _ns: self.overdue)
        history: Any = SimpleNamespace(conditions=lambda: self.of_history)
        watch: Any = ProcessWatch
        self.watch: ProcessWatch = watch(
            offers, {"db": history}, self.checkpoint, self.keeper, self.ticker, lambda: self.masters, self.failures
        )

    def found(self, now_s: float = 0.0) -> dict[str, Condition]:
        frame: Any = SimpleNamespace(utc_ns=0, mono_s=now_s)
        return {condition.id: condition for condition in self.watch.conditions(frame)}


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> Parts:
    monkeypatch.setattr(alarming, "compiled", lambda: None)
    return Parts()


def test_a_healthy_process_has_none(parts: Parts) -> None:
    assert parts.found() == {}


def late(parts: Parts) -> None:
    parts.overdue = [("requests.day_ahead", 10.0)]


def full(parts: Parts) -> None:
    parts.of_history = [HistoryCondition("history.nearly_full", 2, "the buffer is 81 % full", "bring it back please")]


def unwritable(parts: Parts) -> None:
    parts.checkpoint.problem = OSError(errno.ENOSPC, "no space left").strerror


def unkept(parts: Parts) -> None:
    parts.keeper.problem = "read-only file system"


def contested(parts: Parts) -> None:
    parts.masters = ["bess1"]


def ended(parts: Parts) -> None:
    parts.failures["chain"] = 1


def stepped(parts: Parts) -> None:
    parts.ticker.wall.stepped_s = -3600.0


def doubted(parts: Parts) -> None:
    parts.ticker.wall.trusted = False


def missed(parts: Parts) -> None:
    parts.ticker.missed = 2


NAMED: dict[str, tuple[Callable[[Parts], None], str, int, str]] = {
    "a document that is late": (late, "site.requests.day_ahead.late", 3, "ttl"),
    "a buffer that fills": (full, "site.outputs.db.nearly_full", 2, "81 %"),
    "a checkpoint that cannot be written": (unwritable, "site.checkpoint.unwritable", 1, "no space left"),
    "a book that cannot be written": (unkept, "site.alarms.unwritable", 2, "read-only"),
    "another master": (contested, "site.bess1.contested", 1, "another master"),
    "the end of the chain": (ended, "site.chain", 1, "ended"),
    "a step of the clock": (stepped, "site.clock.stepped", 1, "-3600 s"),
    "a clock that may be wrong": (doubted, "site.clock.untrusted", 1, "not known to be right"),
    "missed ticks": (missed, "site.ticks.missed", 2, "2 since the start"),
}


@pytest.mark.parametrize(("change", "name", "priority", "text"), NAMED.values(), ids=NAMED.keys())
def test_what_is_wrong_is_named_with_its_response(
    parts: Parts, change: Callable[[Parts], None], name: str, priority: int, text: str
) -> None:
    change(parts)
    (found,) = parts.found().values()
    assert (found.id, found.priority) == (name, priority)
    assert text in found.text
    assert len(found.response) > 10, "no response, no alarm"


def test_missed_ticks_are_an_alarm_until_none_has_been_missed_for_a_minute(parts: Parts) -> None:
    parts.ticker.missed = 1
    assert parts.found(100.0)
    assert parts.found(159.9)
    assert not parts.found(160.0)
    parts.ticker.missed = 2
    assert parts.found(200.0)


def test_kernels_that_could_not_be_compiled_are_said_loudly(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(alarming, "compiled", lambda: "no compiler")
    (found,) = parts.found().values()
    assert found.id == "site.kernels.plain"
    assert "no compiler" in found.text
