"""Enumerations of the rows that hold codes. In every one of them 0 means *unknown*.

A code is what the chain computes with; the text beside it is what people read. Texts are never stored in a frame.
"""

from __future__ import annotations

from enum import IntEnum, IntFlag, unique


@unique
class Permit(IntEnum):
    """A yes or no that may be unknown: availability, remote control, permission, activation."""

    UNKNOWN = 0
    NO = 1
    YES = 2


@unique
class State(IntEnum):
    """States of an asset (LH-SM-001). IDLE to LIMITED are labels of permitted running and forbid nothing."""

    UNKNOWN = 0
    INIT = 1
    STANDBY = 2
    READY = 3
    IDLE = 4
    CHARGING = 5
    DISCHARGING = 6
    LIMITED = 7
    FAULT = 8
    EMERGENCY_STOP = 9
    MAINTENANCE = 10


@unique
class Authority(IntEnum):
    """Whether the process writes to the device at all. SILENT writes nothing, not even a heartbeat."""

    UNKNOWN = 0
    SILENT = 1
    ARMED = 2


@unique
class Mode(IntEnum):
    """Mode of a command (LH-DOM-003)."""

    UNKNOWN = 0
    STOP = 1
    IDLE = 2
    CHARGE = 3
    DISCHARGE = 4


@unique
class Quality(IntFlag):
    """Quality bits of a point (LH-DOM-004). A point may be used only while VALID is set; 0 = never received."""

    UNKNOWN = 0
    VALID = 1
    MISSING = 2  # the device said "not implemented" or NaN, or the member was absent
    RANGE = 4  # outside its declared range
    PROTOCOL = 8  # exception reply, time-out, unreadable payload
    STALE = 16  # older than `stale_after`
    SUBSTITUTED = 32  # a declared substitute stands in
    TIME = 64  # device time stamp in the future or too old
    CONTRADICTORY = 128  # contradicts another point of the same device
    FROZEN = 256  # replies arrive, the freshness proof does not change
    JUMP = 512  # changed faster than its declared rate
    RETAINED = 1024  # a retained message: shown, never fresh
    PHYSICS = 2048  # charge that no energy explains


@unique
class Proved(IntFlag):
    """What a device has shown of itself in this connection. Nothing is written to one that is not identified."""

    NONE = 0
    IDENTITY = 1  # it is the device that the definition names
    REVERSION = 2  # it reverts by itself: time, value and enable read back as declared
    FOREIGN = 4  # another device answers there


class Act(IntFlag):
    """Operator acts since the last tick, OR-ed per asset. STOP dominates RELEASE."""

    NONE = 0
    STOP = 1
    RELEASE = 2
    ACKNOWLEDGE = 4
    ACTIVATE = 8
    DEACTIVATE = 16
    LOCK_OUT = 32  # MAINTENANCE, locked out
    UNLOCK = 64
    RESTORED_STOP = 128  # a stop read back from the journal at start
    MANUAL = 256  # MAINTENANCE, by hand: a power and a dead-man time come with it


@unique
class Latch(IntFlag):
    """What holds an asset in FAULT until it is acknowledged. 0 = nothing (a set of bits, not an enumeration)."""

    NONE = 0
    ALARM = 1  # a critical alarm of the device
    WRONG_SIGN = 2  # power flows against the command
    READBACK = 4  # the device holds another set-point than the one written, for long or again
    CRASH_LOOP = 8  # the process has started too often in a short time: silent in STANDBY, not FAULT
    BEYOND = 16  # more power than commanded for longer than the declared response explains
    FORGOTTEN = 32  # what latched before the restart cannot be read any more
    IDENTITY = 128  # another device answers than the one that the definition names
    SECOND_MASTER = 64  # somebody else writes the set-point
    EFFECT = 256  # power does not follow the command
    INTERLOCK = 512  # an input demanded a stop
    SEQUENCE = 1024  # a step of starting up or of stopping was not done in time


@unique
class Sequence(IntEnum):
    """Which declared sequence is under way. 0 = none."""

    NONE = 0
    START = 1
    STOP = 2


@unique
class Deviation(IntEnum):
    """What a device does instead of what it is told. 0 = nothing of the kind is seen."""

    NONE = 0
    BEYOND = 1  # more power than commanded, or it does not come down
    SHORT = 2  # less power than commanded
    STUCK = 3  # the measured power repeats exactly while the command moves
    WRONG_SIGN = 4  # power against the command
    FOREIGN = 5  # somebody else writes the set-point
    WRITES_FAIL = 6  # no write has reached it
    OSCILLATES = 7  # the command swings through zero again and again


@unique
class Reaction(IntEnum):
    """What is done about a deviation, the stronger the higher. 0 = nothing."""

    NONE = 0
    DERATE = 1  # the band goes down to what is delivered
    HOLD = 2  # permission goes, and returns by itself
    STOP = 3  # latches


@unique
class Forbidden(IntFlag):
    """What active inputs forbid an asset. 0 = nothing (a set of bits, not an enumeration)."""

    NONE = 0
    STOP = 1  # latches
    CHARGE = 2
    DISCHARGE = 4
    UNSURE = 8  # an input that would stop is not known


@unique
class Condition(IntFlag):
    """Conditions of the state machine's table, computed every tick from the snapshot and `before`."""

    NONE = 0
    FRESH = 1  # all required points good for `fresh_for`
    STOPPED = 2  # an operator stop stands
    LATCHED = 4  # a latch stands that holds in FAULT
    ACTIVATED = 8  # allowed to leave STANDBY
    REMOTE = 16  # the device accepts remote control
    AVAILABLE = 32  # the device says it is available
    CLEAR = 64  # everything that latches has been clear for `clear_for`
    STEADY = 128  # the process does not start again and again
    REENTERED = 256  # permission was not lost while running, or the re-entry delay is over
    LOCKED = 512  # MAINTENANCE, locked out
    GOOD = 1024  # all required points good in this very tick
    QUIET = 2048  # 0 kW commanded and confirmed, or nothing is written at all
    AGREES = 4096  # the device holds the set-point that was written, or has not had time to
    IDENTIFIED = 16384  # the device is proved to be the one that the definition names, or needs no proof
    REVERTS = 32768  # the device is proved to revert by itself, or its profile has nothing to read back
    FOLLOWS = 8192  # the last write reached the device, and its power is not beyond what was commanded
    MANUAL = 65536  # MAINTENANCE, run by hand
    FREE = 1 << 21  # no interlock forbids all power
    STARTED = 1 << 22  # every step of starting up is done, or there is none
    RESTS = 1 << 23  # no step of stopping is to be done
    LOCAL = 1 << 24  # the newest word of the device was that it is in local control
    OBEYS = 1 << 20  # nothing that it does, or does not do, takes the permission away


@unique
class GridPhase(IntEnum):
    """What a grid function does in this tick."""

    UNKNOWN = 0
    OFF = 1  # not demanded
    IDLE = 2  # watches
    ACTIVE = 3  # acts on what is measured
    RETURNING = 4  # the event is over, power comes back along its gradient
    HELD = 5  # what it needs is lost: what it said last is held
    BLIND = 6  # what it needs is lost, and nothing is held


@unique
class WriteStatus(IntEnum):
    """Outcome of the newest write to a device."""

    UNKNOWN = 0
    WRITTEN = 1  # accepted by the device
    CONFIRMED = 2  # read back equal, or acknowledged by id
    REFUSED = 3  # exception reply or negative acknowledgement
    FAILED = 4  # time-out, connection lost
    EXPIRED = 5  # its valid-until had passed before the bytes left: not sent
    DIFFERENT = 6  # read back, and different
    WITHHELD = 7  # not sent: identity or reversion of the device is not proved, or its writes are spent


@unique
class Ceiling(IntEnum):
    """Where a ceiling of the grid operator stands. 0 = none is declared."""

    NONE = 0
    AWAITED = 1  # none was ever received
    IN_FORCE = 2
    HELD = 3  # its ttl has ended, the last value stands
    FALLEN_BACK = 4  # nor was it renewed while it was held


class Reason(IntEnum):
    """Why a stage did what it did: a closed list, each with one sentence in `REASON_TEXT`."""

    UNKNOWN = 0
    # state machine
    WAITING_FOR_VALUES = 1
    VALUES_FRESH = 2
    ACTIVATED = 3
    DEACTIVATED = 4
    OPERATOR_STOP = 5
    STOP_RELEASED = 6
    FAULT_LATCHED = 7
    FAULT_ACKNOWLEDGED = 8
    LOCAL_CONTROL = 9
    LOCKED_OUT = 10
    MAINTENANCE_ENDED = 11
    RUNNING = 12
    NOT_AVAILABLE = 13
    VALUES_LOST = 14
    REMAINS = 15
    READBACK_DIFFERS = 16
    NOT_IDENTIFIED = 17
    REVERSION_NOT_ARMED = 18
    DISOBEYS = 27
    # resolve
    FOLLOWS_REQUEST = 20
    NO_REQUEST = 21
    RESERVE_KEPT_FREE = 22
    HEADROOM = 23  # of a wish for the site: all that the asset's limits leave, the others have the rest
    GRID_CODE = 24
    RELIEVES = 25
    # ancillary
    SERVICE_ADDED = 30
    SERVICE_HELD = 31
    SERVICE_WITHDRAWN = 32
    SERVICE_ABSENT = 33
    # constrain
    WITHIN_LIMITS = 40
    LIMITED = 41
    SITE_LIMITED = 42
    TRANSFORMER_LIMITED = 45
    GRID_OPERATOR_LIMITED = 46
    ONE_DIRECTION = 43
    STAGE_FAULT = 44
    # ramp
    RAMP_REACHED = 50
    RAMP_UP = 51
    RAMP_DOWN = 52
    RAMP_STOP = 53
    LIMIT_AT_ONCE = 54
    TRACKS_MEASURED = 55
    # command
    ROUNDED = 60
    BELOW_MINIMUM = 61
    UNCHANGED = 62
    SILENT = 63
    NO_VALUE = 64
    # state machine, continued
    REENTRY = 70
    BY_HAND = 71
    INTERLOCKED = 72
    # reactive power
    GRID_REACTIVE = 80
    APPARENT_LIMITED = 81
    REACTIVE_FORBIDDEN = 82
    REACTIVE_RATED = 83


@unique
class Why(IntEnum):
    """Why a request has, or has not, something to say in this tick."""

    UNKNOWN = 0
    CHOSEN = 1
    LOWER_PRIORITY = 2
    NO_WINDOW = 3  # no step covers this instant
    NEVER_RECEIVED = 4
    EXPIRED = 5  # a set-point older than its ttl
    CONSTANT = 6  # a constant such as idle, available in every tick
    OFFERS = 7  # a step covers this instant
    NO_CLOCK = 9  # a schedule, and nobody knows what time it is
    NO_OPINION = 8  # a controller or a plug-in has nothing to ask for


@unique
class Control(IntEnum):
    """What a controller did in this tick (`jit.pid`)."""

    UNKNOWN = 0
    CONTROLS = 1
    IN_DEAD_BAND = 2
    CLAMPED_HIGH = 3
    CLAMPED_LOW = 4
    TRACKS = 5  # something else holds the output: the integral follows it
    NO_INPUT = 6  # target or measurement unknown: no output
    OPTIONS_REFUSED = 7
    OVERFLOW = 8  # the result is not a finite number: no output


REASON_TEXT: dict[Reason, str] = {
    Reason.UNKNOWN: "unknown",
    Reason.WAITING_FOR_VALUES: "waiting for fresh data",
    Reason.VALUES_FRESH: "data are fresh",
    Reason.ACTIVATED: "activated",
    Reason.DEACTIVATED: "deactivated",
    Reason.OPERATOR_STOP: "operator stop",
    Reason.STOP_RELEASED: "stop released",
    Reason.FAULT_LATCHED: "fault latched",
    Reason.FAULT_ACKNOWLEDGED: "fault acknowledged",
    Reason.LOCAL_CONTROL: "device is in local control",
    Reason.LOCKED_OUT: "locked out for maintenance",
    Reason.MAINTENANCE_ENDED: "maintenance ended",
    Reason.RUNNING: "running",
    Reason.NOT_AVAILABLE: "device is not available",
    Reason.VALUES_LOST: "data lost, stale or implausible",
    Reason.REMAINS: "unchanged",
    Reason.NOT_IDENTIFIED: "the device has not said who it is",
    Reason.REVERSION_NOT_ARMED: "reversion not armed",
    Reason.READBACK_DIFFERS: "the device does not hold the set-point that was written",
    Reason.REENTRY: "waiting for the re-entry delay",
    Reason.INTERLOCKED: "an interlock forbids power",
    Reason.BY_HAND: "run by hand for maintenance",
    Reason.DISOBEYS: "the device does not do what it is told",
    Reason.FOLLOWS_REQUEST: "follows the request",
    Reason.NO_REQUEST: "no request",
    Reason.RESERVE_KEPT_FREE: "reserve kept free",
    Reason.HEADROOM: "all that its limits leave, others have the rest",
    Reason.GRID_CODE: "demanded by the grid code",
    Reason.RELIEVES: "relieves the point of connection",
    Reason.SERVICE_ADDED: "service added",
    Reason.SERVICE_HELD: "service held after a lost input",
    Reason.SERVICE_WITHDRAWN: "service withdrawn, its input is lost",
    Reason.SERVICE_ABSENT: "no service",
    Reason.WITHIN_LIMITS: "within limits",
    Reason.LIMITED: "limited",
    Reason.SITE_LIMITED: "limited at the point of connection",
    Reason.TRANSFORMER_LIMITED: "limited by a transformer",
    Reason.GRID_OPERATOR_LIMITED: "limited by the grid operator",
    Reason.ONE_DIRECTION: "another asset runs in the site's direction",
    Reason.STAGE_FAULT: "a stage failed",
    Reason.RAMP_REACHED: "target reached",
    Reason.RAMP_UP: "ramping up",
    Reason.RAMP_DOWN: "ramping down",
    Reason.RAMP_STOP: "stopping along the stop ramp",
    Reason.LIMIT_AT_ONCE: "limit applied at once",
    Reason.TRACKS_MEASURED: "silent, tracking measured power",
    Reason.ROUNDED: "rounded toward zero",
    Reason.BELOW_MINIMUM: "below the device's minimum power",
    Reason.UNCHANGED: "unchanged",
    Reason.SILENT: "silent, nothing is written",
    Reason.NO_VALUE: "no value, 0 kW",
    Reason.GRID_REACTIVE: "set by the grid function for reactive power",
    Reason.APPARENT_LIMITED: "limited to what the apparent power leaves",
    Reason.REACTIVE_FORBIDDEN: "no permission, 0 kvar",
    Reason.REACTIVE_RATED: "limited to the rated reactive power",
}
