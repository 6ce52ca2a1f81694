"""`state_machine`: who may run, in which direction, and whether the process writes at all.

    snapshot, before ──► table of transitions (`jit.states`) ──► state, may_charge, may_discharge, authority

It is in force in every tick: `limits` takes a missing permission as a limit of 0. FAULT and EMERGENCY_STOP latch
(LH-SM-002/003); lost or stale data take the permission away and give it back after `fresh_for` of fresh data. When it
raises, what it had decided stands with 0 kW, and a device that says LOCAL in that tick is written nothing (S10).
"""

from __future__ import annotations

from jit import states, unjudged
from jit.frame import Frame
from jit.rows import ARMED
from operators.stage import stage


def _leave_alone(frame: Frame) -> None:
    unjudged.leave_alone(frame.codes)


@stage(
    on_fail=_leave_alone,
    reads=(
        "quality",
        "fresh_s",
        "available",
        "remote",
        "alarms",
        "acts",
        "interlock",
        "different_s",
        "write_status",
        "proved",
        "written_kw",
        "wrong_sign_s",
        "beyond_s",
        "reaction",
        "deviation",
        "armed",
        "manual_asked_kw",
        "manual_for_s",
        "power_kw",
        "steps",
    ),
    before=(
        "state",
        "stopped",
        "locked",
        "activated",
        "latch",
        "settled",
        "authority",
        "conditions",
        "clear_s",
        "state_s",
        "command_kw",
        "limited_by",
        "may_charge",
        "may_discharge",
        "reentry",
        "fine_s",
        "returned_s",
        "different_s",
        "differed",
        "agreed_s",
        "manual_kw",
        "manual_s",
        "idle_s",
        "step_s",
        "sequence",
        "step",
        "step_now",
    ),
    writes=(
        "state",
        "state_by",
        "may_charge",
        "may_discharge",
        "authority",
        "latch",
        "stopped",
        "activated",
        "locked",
        "settled",
        "conditions",
        "missing",
        "clear_s",
        "state_s",
        "reentry",
        "fine_s",
        "returned_s",
        "reentry_s",
        "differed",
        "agreed_s",
        "manual_kw",
        "manual_s",
        "idle_s",
        "step_s",
        "sequence",
        "step",
        "step_now",
    ),
)
def state_machine(frame: Frame) -> None:
    """Walk the table for every asset."""
    past, constants = frame.prior, frame.constants
    states.advance(
        frame.values,
        frame.codes,
        past.values,
        past.codes,
        constants.ratings,
        constants.masks,
        constants.steps,
        states.TRANSITIONS,
        float(frame.site_codes[ARMED]),
        frame.dt,
    )
