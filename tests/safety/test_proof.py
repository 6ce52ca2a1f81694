"""What a device has to prove before it runs: who it is, and that it reverts by itself when nobody writes."""

from __future__ import annotations

import pytest

from config.asset import Identity
from config.definition import Definition
from config.profile import Profile
from jit.codes import Condition, Latch, Permit, Proved, Reason, State
from operators.sentence import not_ready, why
from sources.act import ActKind
from tests.rig import Rig, site, storage

pytestmark = [pytest.mark.req("LH-SAFE-004", "LH-OPS-001", "LH-CTRL-007"), pytest.mark.safety]

BOTH = Proved.IDENTITY | Proved.REVERSION


def named(cycle: str) -> Definition:
    definition = site(cycle=cycle)
    asset = definition.assets["b1"].model_copy(update={"identity": Identity(serial="ACME-004711")})
    return definition.model_copy(update={"assets": {"b1": asset}})


def armed() -> Profile:
    """The rig's profile, as if its reversion had to be armed."""
    profile = storage()
    assert profile.watchdog is not None
    watchdog = profile.watchdog.model_copy(update={"arm": ["revert_after"]})
    return profile.model_copy(update={"watchdog": watchdog})


def running(cycle: str) -> Rig:
    rig = Rig(named(cycle), armed()).ready()
    rig.schedule("day_ahead", 80.0)
    rig.run(5)
    assert rig.power == [80.0]
    return rig


@pytest.mark.hazard("row 11", "F4")
def test_f4_nothing_runs_before_the_reversion_has_been_read_back(cycle: str) -> None:
    """Reliability F4, §2 row 10: no RUN without a read-back of the reversion in this connection."""
    rig = Rig(named(cycle), armed())
    rig.batteries["b1"].proved = Proved.IDENTITY
    rig.ready().schedule("day_ahead", 80.0)
    rig.run(10)
    assert rig.frame["may_discharge"][0] == Permit.NO
    assert rig.frame["state_by"][0] == Reason.REVERSION_NOT_ARMED
    assert rig.frame["missing"][0] & Condition.REVERTS
    assert rig.power == [0.0]  # written, so that the writer can arm it
    assert "reversion not armed" in why(rig.frame, 0)
    rig.batteries["b1"].proved = BOTH
    rig.run(5)
    assert rig.power == [80.0]


@pytest.mark.hazard("row 10", "F4")
@pytest.mark.parametrize(("left", "reason", "lacking"), [
    (Proved.IDENTITY, Reason.REVERSION_NOT_ARMED, ["reversion not armed and read back yet"]),
    (Proved.NONE, Reason.NOT_IDENTIFIED, ["identity not read yet", "reversion not armed and read back yet"]),
])  # fmt: skip
def test_row_10_a_proof_that_a_reset_takes_takes_the_permission_in_the_next_tick(
    left: Proved, reason: Reason, lacking: list[str], cycle: str
) -> None:
    rig = running(cycle)
    rig.batteries["b1"].proved = left
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["state_by"][0] == reason
    assert not_ready(rig.frame, 0) == lacking
    assert rig.frame["latch"][0] == Latch.NONE  # it comes back by itself once it is proved again
    rig.batteries["b1"].proved = BOTH
    rig.run(5)
    assert rig.power == [80.0]


@pytest.mark.hazard("row 49", "S20")
def test_row_49_another_device_latches_until_it_is_acknowledged(cycle: str) -> None:
    """Reliability S20, §2 row 49: identity mismatch is a latch; the right device alone brings nothing back."""
    rig = running(cycle)
    rig.batteries["b1"].proved = Proved.FOREIGN
    rig.tick()
    assert rig.power == [0.0]
    assert rig.frame["state"][0] == State.FAULT
    assert rig.frame["latch"][0] & Latch.IDENTITY
    rig.batteries["b1"].proved = BOTH
    rig.run(20)
    assert rig.power == [0.0]
    rig.act(ActKind.ACKNOWLEDGE, "b1")
    rig.run(20)
    assert rig.power == [80.0]


def test_what_nothing_asks_for_needs_no_proof(cycle: str) -> None:
    """Neither an identity nor a reversion to arm is declared."""
    rig = Rig(site(cycle=cycle))
    rig.batteries["b1"].proved = Proved.NONE
    rig.ready().schedule("day_ahead", 80.0)
    rig.run(5)
    assert rig.power == [80.0]
