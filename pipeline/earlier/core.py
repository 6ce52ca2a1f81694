"""`native-control-parity`: single calls of the earlier control core, each put to the whole chain.

    snapshot, limits, request ─► a battery with these limits, running at `previous` ─► one tick of `dt` ⇄ expected

A call without `previous` skipped the ramp: there the chain is compared where its ramp has ended, as it never skips it.
"""

from __future__ import annotations

from math import ceil

from pydantic import ValidationError

from jit import constants as c
from jit import rows as r
from jit.frame import Frame
from operators.cut import cut
from operators.sentence import limit_name
from pipeline.earlier.asset import ASSET, Site
from pipeline.earlier.compared import Compared, Difference, differs
from pipeline.earlier.manifest import Case
from pipeline.earlier.words import reason
from pipeline.rehearsal.vocabulary import HEALTHY
from pipeline.rehearsal.world import World

WITHIN = "within-limits"
REQUEST = "day_ahead"
SETTLES_S = 8.0


def called(case: Case, site: Site, tolerance_kw: float) -> Compared:
    """One call. Options that the definition refuses are a stated difference."""
    try:
        world = World(site.limited(case.limits).compiled())
    except ValidationError as error:
        refused = Difference("active_power_kw", case.expected.active_power_kw, None, "refused")
        first = error.errors()[0]
        return Compared(case.name, (refused,), f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    frame = _tick(world, case)
    command = cut(frame, 0)
    power = command.power_kw if command is not None else 0.0
    words = reason(frame, 0, WITHIN)
    words = WITHIN if words.startswith("follows-") else words
    pairs = {
        "active_power_kw": (case.expected.active_power_kw, power, tolerance_kw),
        "mode": (case.expected.mode, command.mode.name.lower() if command is not None else "", 0.0),
        "reason": (case.expected.reason, words, 0.0),
        "was_limited": (case.expected.was_limited, words != WITHIN, 0.0),
    }
    because = _because(case, frame, power)
    found = (
        Difference(member, theirs, mine, because)
        for member, (theirs, mine, tolerance) in pairs.items()
        if differs(member, theirs, mine, tolerance)
    )
    return Compared(case.name, tuple(found), command.reason if command is not None else "nothing is written")


def _tick(world: World, case: Case) -> Frame:
    """The tick that answers: running at `previous`, with the values and the target of the call."""
    request, cycle = case.request, world.cycle
    asked, band = request.target_active_power_kw, world.compiled.constants.ratings
    ramp = band.item(c.RAMP_UP, 0)
    settles = SETTLES_S + (band.item(c.CHARGE_KW, 0) + band.item(c.DISCHARGE_KW, 0)) / ramp if ramp > 0.0 else SETTLES_S
    if request.previous_active_power_kw is not None:
        world.request(REQUEST, request.previous_active_power_kw, ASSET)
        for _ in range(ceil(settles / cycle)):
            world.step()
    battery, device = world.plant.batteries[ASSET], world.plant.devices[ASSET]
    device.pin("soc", HEALTHY)
    battery.soc = case.snapshot.soc_percent
    device.pin("temperature", case.snapshot.temperature_celsius)
    world.request(REQUEST, asked, ASSET)
    if request.previous_active_power_kw is not None:
        return world.step(request.dt_seconds)
    for _ in range(ceil(settles / cycle)):
        frame = world.step()
    return frame


def _because(case: Case, frame: Frame, power: float) -> str:
    seen, limits, request = case.snapshot, case.limits, case.request
    if not 0.0 <= seen.soc_percent <= 100.0:
        return "no_sense"
    limit = limit_name(frame, frame.codes.item(r.LIMITED_BY, 0))
    if limit == "temperature" and seen.temperature_celsius in (
        limits.min_temperature_celsius, limits.max_temperature_celsius
    ):  # fmt: skip
        return "bound_of_temperature"
    if limit in ("temperature", "soc", "energy") and abs(power) < abs(case.expected.active_power_kw):
        return "limit_beats_ramp"
    return "pause_earns_no_ramp" if request.dt_seconds > 2.0 * frame.constants.site[c.CYCLE_S] else ""
