"""The hazards that were analysed and the invariants that keep them away, each with the place that keeps it.

A test names what it proves: `@pytest.mark.hazard("row 24", "S13")`. Rows are those of the hazard analysis, peers are
failures that were seen in other systems. `docs/safety.md` is made from this and from the markers.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Row:
    """`code` is the file that keeps the constraint, or that the check is in."""

    id: str
    hazard: str
    constraint: str
    code: str


def _rows(prefix: str, table: str) -> tuple[Row, ...]:
    lines = [line.split("|") for line in table.strip().splitlines()]
    return tuple(Row(f"{prefix}{cells[0].strip()}", *(_place(cell.strip()) for cell in cells[1:])) for cells in lines)


def _place(cell: str) -> str:
    """`@time` is short for the file of those checks."""
    return f"pipeline/simulation/{cell[1:]}_checks.py" if cell.startswith("@") else cell


HAZARDS = _rows("row ", """
1 | power above a limit that fell faster than the ramp | the limit acts after the ramp, at once | jit/project.py
2 | charging a full battery on a wrong state of charge | SoC is checked for range, rate and energy | jit/plausible.py
3 | discharging an empty battery for a service | reserve is kept inside the band, energy looked ahead | jit/resolve.py
4 | power on old values that a gateway repeats | freshness is proved by change, per device | jit/measure.py
5 | a missing value taken for 0 | missing is a quality, never a number | sources/modbus/codec.py
6 | power in the wrong direction | power against the command trips and latches | jit/effect.py
7 | power wrong by a power of ten | effect and read-back are compared with the command | jit/effect.py
8 | power wrong by the order of words | read-back after every write, declared orders | sinks/modbus/writer.py
9 | a set-point enabled before its value | one declared order, reversion armed before power | config/profile.py
10 | a set-point without a reversion | the reversion is read back before power, and again | sinks/modbus/proving.py
11 | the old set-point outlives the process | the device's reversion is a condition of running | sinks/modbus/proving.py
12 | an old command sent again after a restart | nothing is replayed, silent until data are fresh | pipeline/process.py
13 | a command after its end of validity | checked in the last instruction before the wire | sinks/device.py
14 | a command applied twice | absolute set-points, an id per tick, no retries | sinks/modbus/writer.py
15 | a retained message taken for a command | nothing is retained, retained is never fresh | sinks/mqtt.py
17 | another master writes at the same time | foreign set-points are held, then latched | jit/effect.py
18 | writing in local control | local is silence until somebody activates | jit/states.py
19 | an alarm reset by a program | only an act of a role with a reason, three an hour | pipeline/door.py
20 | starting again too early, or on and off | all clear for a time, re-entry delay, once a minute | jit/states.py
21 | a contactor opened under load | the stop sequence waits for no current | jit/sequence.py
22 | started with an alarm, or without its steps | start steps have guards and time-outs | jit/sequence.py
23 | a steep ramp after a pause | a pause earns two cycles at most, no tick is caught up | jit/project.py
24 | oscillation at full power | five swings in a minute are held for a minute | jit/effect.py
25 | one battery charges another | one direction for the site first | jit/project.py
26 | the site's limit exceeded | joint projection on measured or declared rest | jit/project.py
27 | the grid operator's limit dropped with its link | a fallback that never widens | jit/ceilings.py
28 | frequency response held up by a market's ramp | services have ramps of their own | jit/resolve.py
29 | response to a frequency that is not one | plausible, fresh, else withdrawn along its ramp | jit/measure.py
32 | what an optimiser computed goes out raw | a plug-in feeds a request and nothing else | operators/plugin.py
34 | acting in the wrong interval | a step of the clock is followed when it lasts | pipeline/wall_clock.py
35 | no stop because something blocks | nothing waits, a watchdog thread ends the process | pipeline/watchdog.py
36 | a heartbeat from a controller that is dead | the heartbeat is written by the tick's command | operators/command.py
37 | an error of one leaves out the others | each stage fails to its own fail values | operators/stage.py
38 | a part that ends in silence | tasks are kept, an ended chain ends the process | pipeline/tasks.py
39 | a stop without a reason on record | latches and reasons are on disk before anything else | sinks/checkpoint.py
40 | a backlog starves the control | bounded queues, newest wins, slow clients are cut off | sinks/conflate.py
41 | a full disk ends the process | quota per class, memory bridges, control goes on | sinks/spool.py
42 | too many writes wear the device out | a budget per second and per register | sinks/modbus/wear.py
46 | a flood hides the alarm that counts | urgent first, bounded, chattering held back | sinks/alarms/book.py
47 | standing full for long | dwell is counted and alarmed | jit/dwell.py
48 | running without cooling | a promised cooling signal is a condition of running | jit/quality.py
49 | a test's command reaches a real device | identity is read before the first write | sinks/modbus/proving.py
""")
PEERS = _rows("peer ", """
2 | SoC becomes unknown below its minimum | no discharge | jit/limits.py
3 | the grid operator's limit is lost | last or strictest is held, with an alarm | jit/ceilings.py
4 | export limit 0 with delays | no sustained alternation | jit/effect.py
6 | one of three batteries is unreachable | its last power counts until proved | jit/joint.py
8 | operator's stop, then a restart | still stopped, lifted by an audited act | sinks/journal.py
9 | stopped, then resumed | the ramp begins at measured power | jit/project.py
10 | writes accepted and not followed | found within stated seconds | jit/effect.py
11 | a required setting is missing | the start is refused with the reason | pipeline/check.py
12 | a safety block | 0 kW is written and confirmed | sinks/device.py
14 | telemetry stands still with fresh stamps | found as frozen | jit/effect.py
17 | a 0 W placeholder of the grid operator | told apart from a limit of 0 | sources/mqtt
19 | a set-point that trembles | writes stay within a budget | sinks/modbus/wear.py
22 | reading without credentials | refused, but for liveness | sinks/web/auth.py
23 | a sum with one unknown member | unknown or bounded, never smaller | jit/joint.py
""")
INVARIANTS = _rows("", """
S1 | a set-point is finite, inside the rating, no sentinel | checked on the wire | @safety
S2 | inside the limits that the device last said | checked on the wire | @safety
S3 | 0 kW while stopped or when a stage raised | checked on the wire, stages made to raise | @safety
S4 | inside the site's limits, with the worst case without a meter | checked on the wire | @safety
S5 | no battery charges while another discharges | checked on the wire | @safety
S6 | no power beyond the ends of the SoC band, one-sided, and the taper toward them | checked on the wire | @safety
S7 | no faster than the ramp, one device step more | checked on the wire | @safety
S8 | power against the command trips | checked on the wire | @safety
S9 | another set-point in the device is not lived with | checked on the wire | @safety
S10 | local is silence | checked on the wire | @safety
S11 | a critical alarm latches | checked on the wire | @safety
S12 | somebody asked for the power | checked on the wire | @safety
S13 | no sustained oscillation | checked on the wire | @safety
S14 | no output of an optimiser breaks S1 to S7 | checked on the wire, with documents of any kind | @input
S15 | not connected is no power | checked on the wire | @safety
S16 | disconnected without current only | start and stop sequences | jit/sequence.py
S17 | charge moves as power does | checked on the wire | @battery
S19 | standing full is alarmed | checked in the list of alarms | @battery
S20 | written only to the configured device | checked on the wire, devices exchanged | @battery
S21 | a degraded input never widens a band | checked on the wire against the true limits | @input
F1 | power needs every required point | checked on the wire | @time
F2 | power needs a proof of freshness | checked on the wire | @time
F3 | nothing late, nothing twice | checked on the wire | @time
F4 | power stands under a reversion | checked on the wire | @time
F5 | the heartbeat is the tick's | checked on the wire | @time
F6 | a reply counts if it answers the request | checked on the wire | @input
F7 | a step of the wall clock changes no age and no ramp | monotonic time | pipeline/wall_clock.py
H4 | silent after a start until data are fresh | checked on the wire | @time
H5i | without us the device reverts | checked at the device | @time
H6i | an end on request is 0 kW, confirmed | checked on the wire | @time
D6 | no disk, database or client delays a tick | checked on the clock | @process
D7 | what was answered is on disk | journalled with fsync before the answer | @life
L1 | it comes back within 10 s | checked on the wire | @life
L2 | safe within 2 s | checked on the wire | @life
L3 | permission returns by itself once a minute | checked on the wire | @life
L3i | what was lost comes back late enough | checked on the wire, loss by loss | @return
L4 | healthy energy is what was commanded | checked at the device | @life
L5 | one tick a cycle, none caught up | checked on the clock | @life
L6 | a silent part ends or is restarted | checked on the clock, ticks made to stop | @process
R1 | every queue is bounded | counted every 10 s | @process
R3 | a stalled client is cut off | checked at the clients | @process
R4 | nothing is used up by reconnecting | tasks and descriptors are counted | @process
R5 | writes within their budget | checked on the wire | @life
""")
ROWS = HAZARDS + PEERS + INVARIANTS
