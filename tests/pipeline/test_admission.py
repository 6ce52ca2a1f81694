"""What the journal says against an act: somebody else's lock, one acknowledgement too many."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jit.codes import Latch
from pipeline.admission import ACKNOWLEDGEMENTS, admit
from sinks.checkpoint import remembered
from sinks.journal import Journal
from sinks.web.ports import ActRefusedError
from sources.act import ActKind, OperatorAct
from sources.instant import SECOND_NS
from tests.rig import Rig, site

ASSETS = ("b1", "b2")
pytestmark = [pytest.mark.safety, pytest.mark.req("LH-SM-003", "LH-OPS-004")]


def act(kind: ActKind, asset: str | None = "b1", operator: str = "anna", at_s: float = 0.0) -> OperatorAct:
    return OperatorAct("1", kind, asset, operator, "operator", "test", round(at_s * SECOND_NS))


async def journal(path: Path, *acts: OperatorAct) -> Journal:
    """A journal that holds the acts and was opened again, as after a restart."""
    first = Journal(path / "acts", "one")
    for one in acts:
        await first.append(one)
    await first.close()
    return Journal(path / "acts", "two")


@pytest.mark.parametrize(("locked", "unlocked", "by", "taken"), [
    ("b1", "b1", "anna", True), ("b1", "b1", "ben", False), ("b1", None, "ben", False), (None, "b2", "ben", False),
    (None, None, "anna", True), ("b2", "b1", "ben", True),
])  # fmt: skip
async def test_a_lock_is_lifted_by_whoever_set_it(
    tmp_path: Path, locked: str | None, unlocked: str | None, by: str, taken: bool
) -> None:
    """Design §5: locked out, released only by whoever set it; a restart does not change who that was."""
    book = await journal(tmp_path, act(ActKind.LOCK_OUT, locked))
    wanted = act(ActKind.UNLOCK, unlocked, by)
    if taken:
        admit(wanted, book, ASSETS)
    else:
        with pytest.raises(ActRefusedError, match="locked out by anna") as caught:
            admit(wanted, book, ASSETS)
        assert caught.value.error == "locked-by-another"
        admit(replace(wanted, override=True), book, ASSETS)
    assert len(book.standing(ASSETS)) >= 1
    await book.close()


async def test_a_stop_is_everybodys_to_release(tmp_path: Path) -> None:
    book = await journal(tmp_path, act(ActKind.STOP))
    admit(act(ActKind.RELEASE, operator="ben"), book, ASSETS)
    admit(act(ActKind.UNLOCK, operator="ben"), book, ASSETS)
    assert len(book.standing(ASSETS)) == 1
    await book.close()


@pytest.mark.parametrize(("set_by", "held", "activated", "error"), [
    (ActKind.STOP, "b1", "b1", "stopped"), (ActKind.STOP, None, "b1", "stopped"), (ActKind.STOP, None, None, "stopped"),
    (ActKind.LOCK_OUT, "b1", "b1", "locked-out"), (ActKind.LOCK_OUT, None, "b2", "locked-out"),
    (ActKind.STOP, "b1", "b2", ""), (ActKind.STOP, "b1", None, ""), (ActKind.LOCK_OUT, "b2", None, ""),
])  # fmt: skip
async def test_an_activation_that_would_change_nothing_is_refused(
    tmp_path: Path, set_by: ActKind, held: str | None, activated: str | None, error: str
) -> None:
    """After a stop or a lock-out somebody lifts it, and then activates; the other way round nothing would happen."""
    book = await journal(tmp_path, act(set_by, held))
    wanted = act(ActKind.ACTIVATE, activated, "ben")
    if error:
        with pytest.raises(ActRefusedError, match=r"by anna \(test\): (release|unlock) it first") as caught:
            admit(wanted, book, ASSETS)
        assert caught.value.error == error
        await book.append(act(ActKind.RELEASE if set_by is ActKind.STOP else ActKind.UNLOCK, held))
    admit(wanted, book, ASSETS)
    await book.close()


@pytest.mark.hazard("row 19")
async def test_a_fault_is_acknowledged_three_times_an_hour_at_most(tmp_path: Path) -> None:
    """Reliability §2 row 19: max 3/h per asset, counted over a restart."""
    times = [0.0, 600.0, 1200.0]
    assert len(times) == ACKNOWLEDGEMENTS
    acts = [act(ActKind.ACKNOWLEDGE, None if k == 1 else "b1", at_s=t) for k, t in enumerate(times)]
    book = await journal(tmp_path, *acts)
    with pytest.raises(ActRefusedError, match=r"b1: acknowledged 3 times .* in 30 min") as caught:
        admit(act(ActKind.ACKNOWLEDGE, at_s=1800.0), book, ASSETS)
    assert caught.value.error == "acknowledged-too-often"
    with pytest.raises(ActRefusedError):
        admit(act(ActKind.ACKNOWLEDGE, None, at_s=1800.0), book, ASSETS)
    admit(act(ActKind.ACKNOWLEDGE, "b2", at_s=1800.0), book, ASSETS)
    admit(act(ActKind.ACKNOWLEDGE, at_s=3601.0), book, ASSETS)
    await book.close()


async def test_a_refused_acknowledgement_does_not_count(tmp_path: Path) -> None:
    book = Journal(tmp_path / "acts", "one")
    for _ in range(5):
        await book.refuse(act(ActKind.ACKNOWLEDGE), "not clear")
    admit(act(ActKind.ACKNOWLEDGE, at_s=1.0), book, ASSETS)
    assert len(book.entries) == 5
    await book.close()


async def test_only_an_end_that_was_not_in_order_is_a_crash(tmp_path: Path) -> None:
    """Three starts in ten minutes are a crash loop; the one that SIGTERM ended does not count."""
    minute = 60 * SECOND_NS
    for boot, at_ns, orderly in (("a", 0, False), ("b", 5 * minute, True), ("c", 6 * minute, False),
                                 ("d", 12 * minute, False)):  # fmt: skip
        book = Journal(tmp_path / "acts", boot)
        book.boot(at_ns, "0.1.0", "c")
        if orderly:
            await book.end(at_ns + minute)
        crashing = book.crashing_since(at_ns - 10 * minute)
        await book.close()
        assert crashing == {"a": 1, "b": 1, "c": 2, "d": 2}[boot]


async def test_the_third_crash_in_ten_minutes_latches_every_asset(tmp_path: Path) -> None:
    layout, minute = Rig(site(2)).compiled.layout, 60 * SECOND_NS
    seen = []
    for k, boot in enumerate("abc"):
        book = Journal(tmp_path / "acts", boot)
        book.boot(k * minute, "0.1.0", "c")
        past = remembered(tmp_path / "checkpoint.frame", layout, book, k * minute)
        seen.append(past.codes[layout.code_index["latch"]].tolist())
        await book.close()
    assert seen == [[0, 0], [0, 0], [Latch.CRASH_LOOP, Latch.CRASH_LOOP]]
