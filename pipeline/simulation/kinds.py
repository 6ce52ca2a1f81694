"""The catalogue: number → kind → what begins it. Numbers are those of the fault catalogue in docs/simulation.md.

    FAULTS["F01"] == {"drop": Kind(...)}        KINDS["drop"] is the same

Add a kind here and every storm may draw it; no other kind is drawn differently because of it. `Kind` says what a kind
has to do.
"""

from __future__ import annotations

from errno import EIO, ENOSPC

from pipeline.simulation.faults import brokers, devices, gateways, lines, lives, people, servers
from pipeline.simulation.faults.kind import End, Kind, Setting, a_number, a_point, a_stage, between, one_of
from simulator.faults import Fault

__all__ = ["FAULTS", "KINDS", "LATCHING", "NUMBER", "ORDINARY", "PASSING", "End", "Kind", "Setting"]

_TICK = {"after_s": between(0.0, 0.012)}  # a tick's messages take 2 ms each way
_ASLEEP = {"seconds": one_of(3.0, 20.0, 120.0, 300.0), "left": one_of("standing", "forgotten", "reset")}
_IN_FULL = {"number": a_number, "step_s": between(0.3, 3.0)}

FAULTS: dict[str, dict[str, Kind]] = {
    "F01": {
        "drop": Kind(lines.share_of("drop"), {"share": between(0.01, 0.5)}),
        "meter": Kind(lines.meter_lost),
    },
    "F02": {"delay": Kind(lines.delay, {"mean_s": between(0.01, 2.0)})},
    "F03": {
        "doubled": Kind(lines.share_of("doubled"), {"share": between(0.05, 0.5)}, needs="registers"),
        "replayed": Kind(lines.share_of("replayed"), {"share": between(0.05, 0.5)}, needs="registers"),
    },
    "F04": {"late": Kind(lines.share_of("late"), {"share": between(0.02, 0.2)})},
    "F05": {
        "damaged": Kind(
            lines.share_of("damaged"), {"share": between(0.002, 0.1)}, latches=True, needs="registers"
        ),
        "pieces": Kind(lines.share_of("pieces"), {"share": between(0.1, 1.0)}),
    },
    "F06": {
        "freeze": Kind(devices.lie("frozen")),
        "stamped": Kind(servers.stamped, {"seconds": one_of(-86_400, -3600, -30, 30, 3600)}, needs="opcua"),
        "unheard": Kind(servers.unheard, {"how": one_of("quiet", "deaf")}, needs="opcua"),
    },
    "F07": {
        "frozen_behind": Kind(devices.lie("frozen"), needs="gateway"),
        "kept": Kind(gateways.keeps, {"seconds": one_of(0.5, 1.5, 4.0, 30.0)}, latches=True, needs="gateway"),
    },
    "F08": {
        "sentinel": Kind(devices.sentinel, {"point": a_point}),
        "odd": Kind(devices.share_of("odd"), {"share": between(0.002, 0.05)}, latches=True),
        "uncertain": Kind(servers.status, {"point": a_point, "code": one_of(*servers.UNCERTAIN)}, needs="opcua"),
        "bad": Kind(servers.status, {"point": a_point, "code": one_of(*servers.BAD)}, needs="opcua"),
    },
    "F09": {
        "sign": Kind(devices.switch(Fault.WRONG_SIGN), latches=True),
        "negated": Kind(devices.scaled, {"point": one_of("power", "setpoint"), "factor": one_of(-1.0)}, latches=True),
    },
    "F10": {
        "scaled": Kind(
            devices.scaled, {"point": one_of("power", "soc"), "factor": one_of(0.1, 10.0)}, latches=True
        ),
        "swapped": Kind(devices.lie("swapped"), latches=True, needs="registers"),
    },
    "F11": {
        "torn": Kind(devices.share_of("torn"), {"share": between(0.002, 0.1)}, latches=True, needs="registers")
    },
    "F12": {
        "busy": Kind(devices.lie("busy")),
        "refused": Kind(devices.share_of("refused"), {"share": between(0.01, 0.3)}),
        "denied": Kind(servers.denied, {"code": one_of(*servers.DENIED)}, needs="opcua"),
    },
    "F13": {
        "discards": Kind(devices.lie("discards"), latches=True),
        "discarded": Kind(devices.share_of("discarded"), {"share": between(0.02, 0.3)}, latches=True),
    },
    "F14": {
        "silence": Kind(lines.silence),
        "cut": Kind(lines.cut),
        "evicted": Kind(lines.evicted),
        "crowded": Kind(lines.crowded, {"every_s": between(0.2, 5.0)}),
        "half_open": Kind(lines.half_open),
        "guests": Kind(gateways.guests, {"every_s": between(0.5, 10.0)}, needs="gateway"),
        "sessions": Kind(servers.sessions, {"how": one_of("restart", "forget")}, needs="opcua"),
        "rival": Kind(devices.rival, {"kw": between(-200.0, 200.0)}, latches=True),
    },
    "F15": {"clogged": Kind(lines.clogged, _IN_FULL)},
    "F16": {
        "reset": Kind(devices.switch(Fault.RESET)),
        "reboots": Kind(devices.reboots, {"local": one_of(0, 1)}, latches=True),
        "local": Kind(devices.switch(Fault.LOCAL), latches=True),
        "exchanged": Kind(devices.exchanged, latches=True, needs="identity"),
    },
    "F17": {
        "limit": Kind(devices.switch(Fault.BMS_LIMIT), {"limit_kw": one_of(0.0, 10.0, 37.0)}),
        "unavailable": Kind(devices.switch(Fault.UNAVAILABLE)),
        "alarm": Kind(devices.switch(Fault.ALARM), latches=True),
        "hot": Kind(devices.switch(Fault.OVER_TEMPERATURE)),
    },
    "F18": {
        "clock": Kind(lives.clock_step, {"seconds": one_of(-86_400, -3600, -1, 1, 3600, 86_400)}),
        "skew": Kind(lives.clock_skew, {"ppm": between(-500.0, 500.0)}),
        "suspended": Kind(lives.suspended, _ASLEEP),
        "paused": Kind(lives.paused, _ASLEEP, latches=True),
    },
    "F19": {
        "broker_restarts": Kind(
            brokers.restarts, {"forgets": one_of(0, 1), "times": one_of(1, 2, 5)}, needs="broker"
        ),
        "taken_over": Kind(brokers.taken_over, {"every_s": between(0.5, 20.0)}, latches=True, needs="broker"),
        "retained": Kind(brokers.retained, {"which": one_of(*brokers.JUNK)}, needs="broker"),
    },
    "F21": {
        "broken_disk": Kind(lives.disk_broken, {"error": one_of(ENOSPC, EIO)}),
        "slow_disk": Kind(lives.disk_slow, {"seconds": one_of(0.1, 1.0, 30.0)}),
        "power_cut": Kind(lives.power_cut, _TICK, latches=True),
    },
    "F22": {
        "watchers": Kind(people.watchers, {"clients": one_of(1, 20, 200), "reads_s": one_of(None, 0.05, 1.0, 5.0)})
    },
    "F24": {"terminated": Kind(lives.terminated, _TICK, latches=True)},
    "F25": {"killed": Kind(lives.killed, _TICK, latches=True)},
    "F26": {
        "stalled": Kind(lives.stalled, {"seconds": one_of(0.1, 0.7, 2.5, 9.0, 60.0, 300.0)}),
        "hung": Kind(lives.hung, {"stream": one_of(0, 1)}, latches=True),
    },
    "F27": {"crashes": Kind(lives.crash_loop, {"lives": one_of(2, 3, 4), "each_s": between(0.5, 3.0)}, latches=True)},
    "F28": {
        "document": Kind(people.document, {"which": one_of(*people.DOCUMENTS)}),
        "wild": Kind(
            people.wild,
            {"which": one_of(*people.WILD), "kind": one_of("intraday", "commitment"), "whole_site": one_of(0, 1)},
        ),
    },
    "stage": {"raising": Kind(lives.raising, {"stage": a_stage})},
    "people": {"stop": Kind(lives.stop, {"whole_site": one_of(0, 1)}, latches=True)},
}
#: Every kind by its name, and the number under which it stands.
KINDS: dict[str, Kind] = {name: kind for kinds in FAULTS.values() for name, kind in kinds.items()}
NUMBER: dict[str, str] = {name: number for number, kinds in FAULTS.items() for name in kinds}
#: What comes and goes, and leaves nothing latched.
PASSING: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if not kind.latches}
#: What may end in a stop that somebody has to lift.
LATCHING: dict[str, Kind] = {name: kind for name, kind in KINDS.items() if kind.latches}
#: What markets, people and the weather do. No fault: a storm does not draw it by itself.
ORDINARY: dict[str, Kind] = {"wish": Kind(lives.wish), "besides": Kind(lives.besides), "lifted": Kind(lives.lifted)}
#: How a storm may end where something may have latched anyway: what seldom meets by chance, put together.
ENDINGS: dict[str, Kind] = {
    "hasty": Kind(lives.hasty),
    "forgotten": Kind(lives.forgotten, _TICK),
    "deaf": Kind(devices.lie("discards")),
}
