"""Which codes of a frame are an alarm: one line each, with priority, text and response.

    Says(key, row, priority, text, response, bit=…)      a bit of the row is set
    Says(key, row, priority, text, response, equals=…)   the row has exactly this code

A line of priority `MARK` is no alarm: it explains others, which are then suppressed by design. Whoever adds a latch,
a reaction or a reason that needs somebody adds a line here, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from jit import rows as r
from jit.codes import Deviation, Forbidden, Latch, Permit, Reaction, Reason, State, WriteStatus
from sinks.alarms.condition import HIGH, LOW, MARK, MEDIUM

#: What explains that a device does not do what it is told: then that is no alarm of its own.
LOST = ("maintenance", "data_lost", "local")
#: A device that is proved anew within this time (s), as after every reconnection, needs nobody.
PROOF_DELAY_S = 5.0


@dataclass(frozen=True, slots=True)
class Says:
    """One line. `row` is a row of `codes`; delays are in s."""

    key: str
    row: int
    priority: int
    text: str
    response: str
    bit: int = 0
    equals: int = 0
    delay_s: float = 0.0
    off_delay_s: float = 0.0
    latched: bool = False
    consequence_of: tuple[str, ...] = ("maintenance",)


_LOCAL = "Check whether the device is in local control or commanded by another master"

SAYS: tuple[Says, ...] = (
    Says("maintenance", r.STATE, MARK, "", "", equals=State.MAINTENANCE, consequence_of=()),
    Says("write", r.WRITE_STATUS, HIGH, "the device refused the last set-point", _LOCAL,
         equals=WriteStatus.REFUSED, consequence_of=LOST),
    Says("write", r.WRITE_STATUS, HIGH, "the last set-point could not be written", _LOCAL,
         equals=WriteStatus.FAILED, consequence_of=LOST),
    Says("write", r.WRITE_STATUS, HIGH, "the device does not hold the set-point that was written", _LOCAL,
         equals=WriteStatus.DIFFERENT, consequence_of=LOST),
    Says("reversion", r.STATE_BY, HIGH,
         "reversion not armed: the device may keep its last set-point when nobody writes",
         "Check the device's time-out settings; power stays 0 kW until they read back as declared",
         equals=Reason.REVERSION_NOT_ARMED, delay_s=PROOF_DELAY_S, consequence_of=LOST),
    Says("identity", r.STATE_BY, HIGH, "the device has not said who it is",
         "Check the profile's identity points; nothing is written until serial, manufacturer and model are read",
         equals=Reason.NOT_IDENTIFIED, delay_s=PROOF_DELAY_S, consequence_of=LOST),
    Says("derated", r.REACTION, MEDIUM, "the device gives less power than it is told: its band goes down to that",
         "Look at the device: what limits it? The band widens as it follows; power by hand proves it",
         equals=Reaction.DERATE,
         consequence_of=LOST),
    Says("held", r.REACTION, HIGH, "the device does not follow its command: 0 kW until it is seen to",
         "The why line says what it does instead; look at the device", equals=Reaction.HOLD,
         consequence_of=(*LOST, "second_master")),
    Says("second_master", r.DEVIATION, HIGH, "somebody else writes the device's set-point",
         "Find the other master (cloud, local panel, another controller) and stop it", equals=Deviation.FOREIGN),
    Says("oscillates", r.DEVIATION, MEDIUM, "the command swings through zero again and again",
         "Look at the controllers and the meter they follow: gain, delay, dead band", equals=Deviation.OSCILLATES),
    Says("interlock", r.INTERLOCK, MEDIUM, "an interlock forbids charging, discharging or both",
         "Look at the input that is active or unknown; the why line names it",
         bit=Forbidden.CHARGE | Forbidden.DISCHARGE, delay_s=PROOF_DELAY_S),
    Says("local", r.REMOTE, LOW, "device is in local control", "Return it to remote, then activate it here",
         equals=Permit.NO),
)  # fmt: skip

#: What somebody does about a latch. One that is not named here gets `ANY_LATCH`.
LATCH_RESPONSE: dict[int, str] = {
    Latch.WRONG_SIGN: "Check the sign in the profile and the wiring before you acknowledge",
    Latch.IDENTITY: "Find out which device answers there: was it exchanged, is the address right?",
    Latch.SECOND_MASTER: "Find the other master and stop it before you acknowledge",
    Latch.EFFECT: "Find out why power does not follow; acknowledge once the device does what it is told",
    Latch.BEYOND: "Go to the device: it gives or takes more than it is told; stop it there if it goes on",
    Latch.FORGOTTEN: "Look at the device; acknowledge once nothing is wrong there, then activate it",
    Latch.SEQUENCE: "Look at the device: which step was not done, and why? Its contactor may stand either way",
    Latch.CRASH_LOOP: "Read the log for why the process ended; acknowledge once it runs",
}
ANY_LATCH = "Find the cause at the device; acknowledge once it is clear"
