"""Closed effect: what a device does against what it is told, and by when each deviation is answered (S8, S9, S10, S13).

Every stated second is that of `config.reaction`, for the declared response, at both cycles.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.reaction import reaction_times
from jit import effect, watch
from jit.codes import Deviation, Latch, Permit, Reaction, State, WriteStatus
from jit.rows import L_EFFECT
from sources.act import ActKind
from tests.answering import Answering, Real, answering, quick

pytestmark = pytest.mark.req("LH-CTRL-007", "LH-SAFE-004", "LH-OPS-001", "LH-SM-002")

RESPONSES = [(0.0, 0.0), (0.3, 0.5), (1.0, 1.0), (2.5, 4.0), (10.0, 2.0)]
of_every_response = pytest.mark.parametrize(("dead_s", "lag_s"), RESPONSES)


def running(power_kw: float, cycle: str, dead_s: float = 1.0, lag_s: float = 1.0, **chain: object) -> Answering:
    """One battery in its steady state at `power_kw`."""
    rig = answering(quick(cycle, **chain), dead_s=dead_s, lag_s=lag_s)
    rig.ready()
    rig.schedule("day_ahead", power_kw)
    rig.run(dead_s + 8.0 * lag_s + 5.0)
    assert rig.power == [power_kw]
    assert rig.frame["reaction"][0] == Reaction.NONE
    return rig


def battery(rig: Answering) -> Real:
    real = rig.batteries["b1"]
    assert isinstance(real, Real)
    return real


def stated(rig: Answering, deviation: str, reaction: str) -> float:
    profile, definition = rig.compiled.profiles["b1"], rig.compiled.definition
    times = reaction_times(profile, definition.chain.command, definition.site.cycle)
    return next(t.within_s for t in times if (t.deviation, t.reaction) == (deviation, reaction))


def until(rig: Answering, reaction: Reaction, within_s: float) -> float:
    """Seconds until the reaction is there; fails when it is not within the stated time."""
    for tick in range(1, round(within_s / rig.cycle + 1e-9) + 1):
        rig.tick()
        if rig.frame["reaction"][0] >= reaction:
            return tick * rig.cycle
    pytest.fail(f"{reaction.name} not within {within_s} s: {rig.frame['reaction'][0]}, {rig.frame['beyond_s'][0]}")


# --- each deviation, within its stated seconds ------------------------------------------------------------------------


@of_every_response
@pytest.mark.hazard("row 6", "S8")
def test_s8_row_6_power_that_flows_against_the_command_trips(cycle: str, dead_s: float, lag_s: float) -> None:
    """Reliability §2 row 6, S8: the sign flips while it runs."""
    rig = running(200.0, cycle, dead_s, lag_s)
    battery(rig).sign = -1.0
    until(rig, Reaction.STOP, stated(rig, "power against the command", "stop"))
    assert rig.frame["latch"][0] & Latch.WRONG_SIGN
    assert (rig.frame["state"][0], rig.power) == (State.FAULT, [0.0])


@of_every_response
@pytest.mark.parametrize("gain", [10.0, -10.0, 3.0])
@pytest.mark.hazard("row 7", "row 8", "S9")
def test_s9_rows_7_8_power_of_another_magnitude_is_derated_then_stopped(
    gain: float, cycle: str, dead_s: float, lag_s: float
) -> None:
    """Reliability §2 rows 7 and 8, S9: a scale factor or the order of words changed, the effect is larger."""
    rig = running(20.0, cycle, dead_s, lag_s)
    battery(rig).gain = gain
    rig.schedule("day_ahead", 21.0, version=2)
    first = stated(rig, "more power than commanded", "derate")
    last = stated(rig, "more power than commanded", "stop")
    until(rig, Reaction.DERATE, first)
    # derated to 0 it follows again, and must prove so: its next trial counts on where the first one ended
    rig.run(last + 60.0)
    assert rig.frame["latch"][0] & (Latch.BEYOND | Latch.WRONG_SIGN)
    assert rig.power == [0.0]


@of_every_response
def test_s9_power_that_does_not_come_down_is_derated_then_latched(cycle: str, dead_s: float, lag_s: float) -> None:
    rig = running(200.0, cycle, dead_s, lag_s)
    battery(rig).follows = False
    rig.schedule("day_ahead", 0.0, version=2)
    last = stated(rig, "more power than commanded", "stop")
    seconds = until(rig, Reaction.DERATE, stated(rig, "more power than commanded", "derate"))
    assert rig.frame["limits.effect.high_kw"][0] == 0.0
    until(rig, Reaction.STOP, last - seconds + rig.cycle)
    assert rig.frame["latch"][0] == Latch.BEYOND
    battery(rig).follows = True
    rig.run(dead_s + 8.0 * lag_s + 15.0)
    rig.act(ActKind.ACKNOWLEDGE)
    rig.schedule("day_ahead", 80.0, version=3)
    rig.run(15)
    assert rig.power == [80.0], "acknowledged, it starts anew"


@of_every_response
@pytest.mark.hazard("peer 10")
def test_peers_10_writes_that_are_accepted_and_not_followed_stop(cycle: str, dead_s: float, lag_s: float) -> None:
    """Peers §7 row 10, reliability §2 row 17: told, held, and nothing happens."""
    rig = running(0.0, cycle, dead_s, lag_s)
    battery(rig).follows = False
    rig.schedule("day_ahead", 200.0, version=2)
    first = stated(rig, "less power than commanded", "derate")
    last = stated(rig, "less power than commanded", "stop")
    seconds = until(rig, Reaction.DERATE, first)
    assert 0.0 < rig.power[0] <= 7.5
    assert rig.frame["high_by"][0] == L_EFFECT + 1
    until(rig, Reaction.STOP, last - seconds + dead_s + 2.0 + 2 * rig.cycle)
    assert rig.frame["latch"][0] == Latch.EFFECT


@of_every_response
def test_a_derated_battery_grows_again_by_what_it_proves(cycle: str, dead_s: float, lag_s: float) -> None:
    """Held back at 60 kW by its own protection, it is asked for a little more; once it gives more, it gets more."""
    rig = running(60.0, cycle, dead_s, lag_s)
    battery(rig).follows = False
    rig.schedule("day_ahead", 200.0, version=2)
    until(rig, Reaction.DERATE, stated(rig, "less power than commanded", "derate"))
    for _ in range(round(60 / rig.cycle)):
        rig.tick()
        assert 60.0 <= rig.power[0] <= 63.8
        assert rig.frame["latch"][0] == Latch.NONE
    real = battery(rig)
    real.follows = True
    bound = rig.frame["effect_high_kw"][0]
    for _ in range(round((60 + 60 * (dead_s + lag_s)) / rig.cycle)):
        rig.tick()
        assert rig.frame["effect_high_kw"][0] >= bound, "it only grows"
        assert rig.frame["effect_high_kw"][0] <= max(bound, abs(real.power) + 3.75 + 1e-9) or rig.power == [200.0]
        bound = rig.frame["effect_high_kw"][0]
    assert rig.power == [200.0]
    rig.schedule("day_ahead", 250.0, version=3)
    rig.run(60 + 30 * (dead_s + lag_s))
    assert rig.power == [250.0]
    assert rig.frame["reaction"][0] == Reaction.NONE, "all of the rating is proven"


def test_row_17_writes_that_are_acknowledged_and_discarded(cycle: str) -> None:
    """Reliability §2 row 17, §3.2 F13: acknowledged, and the polled set-point stays the old one."""
    rig = running(100.0, cycle)
    battery(rig).discards = True
    rig.schedule("day_ahead", 40.0, version=2)
    name = "another set-point than the one written"
    held, latched = stated(rig, name, "hold"), stated(rig, name, "stop")
    rig.run(held)
    assert rig.frame["may_discharge"][0] == Permit.NO
    rig.run(latched - held)
    assert rig.frame["latch"][0] & Latch.READBACK
    assert not rig.frame["foreign"][0], "it is one of ours"


@pytest.mark.hazard("peer 14")
def test_peers_14_telemetry_that_stands_still_with_a_heartbeat_is_held_and_returns(cycle: str) -> None:
    """Peers §7 row 14: the power repeats exactly while the command moves; the heartbeat counts on."""
    rig = answering(quick(cycle))
    battery(rig).noise_kw = 1.25
    rig.ready()
    rig.schedule("day_ahead", 100.0)
    rig.run(90)
    assert rig.frame["lively"][0] > 0.5
    battery(rig).pinned = battery(rig).power
    rig.run(8)
    rig.schedule("day_ahead", -50.0, version=2)
    until(rig, Reaction.HOLD, stated(rig, "the measured power does not move any more", "hold"))
    assert rig.frame["deviation"][0] == Deviation.STUCK
    rig.run(1)
    assert rig.power == [0.0]
    rig.run(60)
    assert rig.frame["latch"][0] == Latch.NONE
    battery(rig).pinned = None
    rig.run(10)
    assert rig.power == [-50.0]


@pytest.mark.parametrize("foreign_kw", [30.0, -80.0, 0.0])
@pytest.mark.hazard("row 17", "S9")
def test_rows_16_17_a_second_master_is_held_then_latched(foreign_kw: float, cycle: str) -> None:
    """Reliability §2 rows 16 and 17: two readings of a set-point that nobody here wrote, then two more."""
    rig = running(100.0, cycle)
    real = battery(rig)
    name = "somebody else writes the set-point"

    def rival() -> None:
        real.held, real.told = foreign_kw, [(rig.now_s, foreign_kw, 0.0)]

    ticks: dict[int, float] = {}
    for tick in range(1, round(stated(rig, name, "stop") / rig.cycle) + 1):
        rival()
        rig.tick()
        ticks.setdefault(int(rig.frame["reaction"][0]), tick * rig.cycle)
    if foreign_kw == 0.0:  # where the device goes by itself when nobody writes: a reversion, no master
        assert not rig.frame["latch"][0] & Latch.SECOND_MASTER
        return
    assert ticks[Reaction.HOLD] <= stated(rig, name, "hold")
    assert ticks[Reaction.STOP] <= stated(rig, name, "stop")
    assert rig.frame["latch"][0] & Latch.SECOND_MASTER


def test_one_foreign_reading_alone_does_nothing(cycle: str) -> None:
    rig = running(100.0, cycle)
    battery(rig).held = 30.0
    rig.tick()
    assert rig.frame["foreign"][0] == 1
    rig.run(10)
    assert rig.frame["reaction"][0] == Reaction.NONE
    assert rig.power == [100.0]
    rig.run(60)
    assert rig.frame["foreign"][0] == 0, "after a minute it is forgotten"


def test_no_write_reaches_it(cycle: str) -> None:
    rig = running(100.0, cycle)
    battery(rig).outcome = WriteStatus.FAILED
    until(rig, Reaction.HOLD, stated(rig, "no write reaches the device", "hold"))
    assert rig.frame["deviation"][0] == Deviation.WRITES_FAIL
    rig.run(1)
    assert rig.power == [0.0]
    battery(rig).outcome = WriteStatus.CONFIRMED
    rig.run(10)
    assert rig.power == [100.0]


@pytest.mark.req("LH-OPS-001")
@pytest.mark.hazard("row 18", "S10")
def test_s10_row_18_local_control_writes_nothing_and_judges_nothing(cycle: str) -> None:
    """Reliability §2 row 18, S10."""
    rig = running(100.0, cycle)
    battery(rig).remote, battery(rig).pinned = 0.0, -200.0
    rig.tick()
    for _ in range(round(30 / rig.cycle)):
        rig.tick()
        assert rig.sent[-1] == [None]
        assert rig.frame["reaction"][0] == Reaction.NONE
    battery(rig).remote, battery(rig).pinned = 1.0, None
    rig.run(10)
    assert rig.sent[-1] == [None], "until somebody activates it"
    assert rig.frame["latch"][0] == Latch.NONE


@pytest.mark.hazard("row 24", "S13", "peer 4")
def test_s13_five_swings_through_zero_in_a_minute_are_held_for_a_minute(cycle: str) -> None:
    rig = running(50.0, cycle, 0.3, 0.3)
    for version in range(2, 7):
        assert rig.frame["reaction"][0] == Reaction.NONE, version
        rig.schedule("day_ahead", 50.0 if version % 2 else -50.0, version=version)
        rig.run(10)
    rig.run(2 * rig.cycle)
    assert rig.frame["deviation"][0] == Deviation.OSCILLATES
    for _ in range(round(45 / rig.cycle)):
        rig.tick()
        assert rig.power == [0.0]
    rig.run(10)
    assert rig.power == [-50.0]
    assert rig.frame["reversals"][0] == 0


def test_s13_four_swings_or_small_ones_are_let_pass(cycle: str) -> None:
    rig = running(50.0, cycle, 0.3, 0.3)
    for version in range(2, 6):
        rig.schedule("day_ahead", 50.0 if version % 2 else -50.0, version=version)
        rig.run(10)
    rig.run(70)
    for version in range(6, 20):
        rig.schedule("day_ahead", 24.0 if version % 2 else -24.0, version=version)
        rig.run(5)
        assert rig.frame["reaction"][0] == Reaction.NONE


@pytest.mark.parametrize(("first", "last"), [("hold", "stop"), ("stop", "stop"), ("derate", "hold"), ("hold", "hold")])
def test_the_definition_says_what_is_done(first: str, last: str, cycle: str) -> None:
    rig = running(0.0, cycle, effect={"else": first, "then": last})
    battery(rig).follows = False
    rig.schedule("day_ahead", 200.0, version=2)
    until(rig, Reaction[first.upper()], stated(rig, "less power than commanded", first))
    rig.run(90)
    assert bool(rig.frame["latch"][0]) == (last == "stop")
    assert rig.power[0] <= 200.0


# --- no false alarm ---------------------------------------------------------------------------------------------------


@settings(max_examples=30, deadline=None)
@given(
    dead_s=st.integers(0, 100).map(lambda tenths: tenths / 10.0),
    lag_s=st.integers(0, 50).map(lambda tenths: tenths / 10.0),
    slower=st.floats(0.0, 1.0),
    step=st.sampled_from([1.0, 0.1]),
    seed=st.integers(0, 2**20),
)
def test_l4_a_healthy_device_is_never_doubted(
    dead_s: float, lag_s: float, slower: float, step: float, seed: int
) -> None:
    """Its response is as declared or quicker, it measures with ±0.5 % of noise, readings are old, writes fail."""
    rig = answering(quick("1 s" if step == 1.0 else "100 ms"), dead_s=dead_s, lag_s=lag_s)
    real, chance = battery(rig), random.Random(seed)
    real.dead_s, real.lag_s, real.noise_kw, rig.old_s = slower * dead_s, slower * lag_s, 1.25, 0.5
    rig.ready()
    sign = 1.0
    for version in range(1, 8):
        sign = -sign if version % 3 == 0 else sign
        rig.schedule("day_ahead", sign * chance.uniform(0.0, 250.0), version=version)
        for _ in range(round(chance.uniform(2.0, 30.0) / rig.cycle)):
            lost = chance.random() < 0.05 and real.outcome is WriteStatus.CONFIRMED
            real.outcome = WriteStatus.FAILED if lost else WriteStatus.CONFIRMED
            rig.tick()
            assert rig.frame["reaction"][0] == Reaction.NONE, (rig.frame["deviation"][0], rig.index)
            assert max(rig.frame[row][0] for row in ("wrong_sign_s", "beyond_s", "short_s", "different_s")) <= 1.0


@pytest.mark.hazard("L4")
def test_l4_the_energy_of_a_healthy_device_is_what_was_commanded(cycle: str) -> None:
    """Reliability L4: |∫(P − u)| ≤ 1 % in 15 min, with dead time, lag and noise."""
    rig = running(150.0, cycle)
    battery(rig).noise_kw = 1.25
    told = given_kwh = 0.0
    for minute in range(15):
        rig.schedule("day_ahead", 100.0 + 10.0 * minute, version=2 + minute)
        for _ in range(round(60 / rig.cycle)):
            rig.tick()
            told += rig.power[0] * rig.cycle
            given_kwh += battery(rig).power * rig.cycle
    assert abs(given_kwh - told) <= 0.01 * told
    assert rig.frame["reaction"][0] == Reaction.NONE


def test_the_stated_times_are_made_of_what_the_kernels_count() -> None:
    from config import reaction

    assert (reaction.FOREIGN_HOLD, reaction.FOREIGN_STOP) == (effect.FOREIGN_HOLD, effect.FOREIGN_STOP)
    assert (reaction.REVERSALS, reaction.CALM_S) == (effect.REVERSALS, effect.PAUSE_S)
    assert (reaction.EVIDENCE_S, reaction.SWING_S) == (watch.EVIDENCE_S, watch.SWING_S)
