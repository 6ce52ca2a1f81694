"""Definition and profiles → the rows, constants and nodes of a running graph. Data only: nothing is started here.

    Definition + profiles ──► Layout, Constants, Places, Offers ──► Graph (a tuple of nodes) ──► checked, then folded

What cannot be compiled is a programming error: `pipeline.check` has already refused every file that does not fit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from config.canonical import dimension_of
from config.definition import Asset, Definition, Fcr
from config.grid_code import preset
from config.profile import Profile
from config.reaction import SIGN_FOR_S, window_ticks
from config.signal import input_profile
from jit import constants as c
from jit.arrange import build_layout, interlock_rows, told_ring
from jit.codes import Forbidden, Proved, Reaction
from jit.constants import Constants
from jit.layout import Layout
from jit.points import M_DEVICE, M_HEARTBEAT, POINT_OF_ROW
from operators.offers import Entry, Offers
from operators.snapshot import Interlocks, Places
from operators.validate import Plausible
from pipeline import sequences
from pipeline.composed import Composed, compose
from pipeline.grid import curve, parameters, reactive_ratings, stale_after
from pipeline.joint import ceiling_name, means, relief, ring, shared
from pipeline.node import End
from pipeline.rules.support import operable
from pipeline.tapers import tapers
from sources.points import point_names, point_ranges

#: The meter at the point of connection, by its name under `site.meters`.
POC = "poc"
#: Re-entry delay (s) of the grid codes after a disconnection.
REENTRY_S = {"vde-ar-n-4105": 60.0, "vde-ar-n-4110": 60.0, "vde-ar-n-4120": 60.0}
#: Without a trusted clock the present step of a schedule is held for one market interval at most (s).
CLOCK_HOLD_S = 900.0
#: Kelvins per second beyond which a temperature was misread: no pack of cells follows that fast.
TEMPERATURE_JUMP = 5.0
#: What the definition calls the reactions to a device that does not follow.
REACTION = {"derate": float(Reaction.DERATE), "hold": float(Reaction.HOLD), "stop": float(Reaction.STOP)}
#: A reserve service without a ramp of its own reaches its capacity within this time (s).
SERVICE_RAMP_S = 5.0


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """Everything a graph is built from. `profiles` by device id (`bess1`, `site.poc`)."""

    definition: Definition
    profiles: dict[str, Profile]
    layout: Layout
    constants: Constants
    places: Places
    entries: tuple[Entry, ...]
    plausible: dict[str, Plausible]
    composed: tuple[Composed, ...] = ()

    def offers(self) -> Offers:
        return Offers(self.entries, self.layout.assets)

    def with_leaps(self) -> Compiled:
        """For tests, which write any state at any instant: no change is too fast, no charge needs energy."""
        ratings = self.constants.ratings.copy()
        ratings[[c.SOC_JUMP, c.POWER_JUMP, c.TEMPERATURE_JUMP, c.PHYSICS_PCT]] = np.inf
        return replace(self, constants=replace(self.constants, ratings=ratings))


@dataclass(frozen=True, slots=True)
class Ends:
    """Both ends of the chain: what posts signals, what writes to devices, what takes records."""

    sources: tuple[End, ...]
    writers: tuple[End, ...]
    outputs: tuple[End, ...]


def ends(definition: Definition) -> Ends:
    """The ends of a definition's graph, with their places in the file."""
    devices = [
        *((asset, f"assets.{asset}") for asset in definition.assets),
        *((f"site.{meter}", f"site.meters.{meter}") for meter in definition.site.meters),
        *((f"inputs.{name}", f"inputs.{name}") for name in definition.inputs),
    ]
    outside = [f"requests.{request.kind}" for request in definition.requests if request.schedule is not None]
    told = [ceiling_name(limit.grid_operator.direction) for limit in definition.limits]
    return Ends(
        sources=(
            *(End(device, path, ("Reading",)) for device, path in devices),
            *(End(request, request, ("Request",)) for request in outside),
            *(End(name, "limits", ("Request",)) for name in told),
        ),
        writers=tuple(End(f"{asset}.writer", f"assets.{asset}") for asset in definition.assets),
        outputs=(*(End(f"outputs.{name}") for name in definition.outputs), End("alarms"), End("endpoint")),
    )


def compile_definition(definition: Definition, profiles: Mapping[str, Profile]) -> Compiled:
    """`profiles` holds one profile per device id: asset ids and `site.<meter>`."""
    definition = operable(definition)
    profiles = {**profiles, **{f"inputs.{name}": input_profile(name, one) for name, one in definition.inputs.items()}}
    devices, composed = _device_points(definition, profiles), compose(definition)
    asking = [request for request in definition.requests if request.relief is None]  # that one demands (`jit.relief`)
    layout = build_layout(
        assets=tuple(definition.assets),
        requests=tuple(f"requests.{request.name}" for request in asking),
        services=tuple(f"ancillary.{service.kind}" for service in definition.ancillary),
        points=tuple(f"{device}.{point}" for device, points in devices.items() for point in points),
        devices=_spans(devices),
        added=sum(
            (part.rows() for part in composed),
            told_ring(_older(definition, profiles)) + interlock_rows(tuple(definition.interlocks)),
        ),
        owners={part.id: part.id for part in composed},
        transformers=tuple(definition.site.transformers),
        ring=ring(definition),
        steps=sequences.texts(definition),
    )
    rated = {name: asset.rated for name, asset in definition.assets.items()}
    return Compiled(
        definition=definition,
        profiles=dict(profiles),
        layout=layout,
        constants=_constants(definition, profiles),
        places=_places(definition, profiles, layout),
        entries=tuple(
            Entry(
                f"requests.{request.name}",
                request.kind,
                request.schedule.ttl if request.schedule else 0.0,
                request.power,
            )
            for request in asking
        ),
        plausible={d: Plausible(*point_ranges(profiles[d], rated.get(d))) for d in devices},
        composed=composed,
    )


def _device_points(definition: Definition, profiles: Mapping[str, Profile]) -> dict[str, tuple[str, ...]]:
    names = [*definition.assets, *(f"site.{meter}" for meter in definition.site.meters)]
    names += [f"inputs.{name}" for name in definition.inputs]
    return {name: point_names(profiles[name]) for name in names}


def _spans(devices: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[int, int]]:
    spans, first = {}, 0
    for device, points in devices.items():
        spans[device] = (first, first + len(points))
        first += len(points)
    return spans


def _places(definition: Definition, profiles: Mapping[str, Profile], layout: Layout) -> Places:
    order = {device: i for i, device in enumerate(layout.devices)}

    def point(device: str, name: str) -> int:
        return layout.point_index.get(f"{device}.{name}", -1)

    assets = np.full((M_DEVICE + 1, len(layout.assets)), -1, np.int64)
    for column, asset in enumerate(layout.assets):
        for row, name in enumerate(POINT_OF_ROW):
            assets[row, column] = point(asset, name)
        assets[M_HEARTBEAT, column] = point(asset, profiles[asset].fresh_by or "")
        assets[M_DEVICE, column] = order[asset]
    poc = f"site.{POC}" if POC in definition.site.meters else ""
    frequency = _frequency_meter(definition)

    def proof(meter: str) -> int:
        return point(meter, profiles[meter].fresh_by or "") if meter else -1

    site = np.array(
        [
            point(poc, "power"),
            order.get(poc, -1),
            proof(poc),
            point(frequency, "frequency"),
            order.get(frequency, -1),
            proof(frequency),
        ],
        np.int64,
    )
    device_of_point = np.array(
        [order[device] for device, (first, last) in layout.devices.items() for _ in range(first, last)], np.int64
    )
    at_poc = np.array([point(poc, "reactive_power"), point(poc, "voltage")], np.int64)
    for array in (assets, site, device_of_point, at_poc):
        array.flags.writeable = False
    steps = sequences.places(definition, layout)
    return Places(assets, site, device_of_point, at_poc, _interlocks(definition, layout), steps)


_FORBIDS = {
    "stop": Forbidden.STOP | Forbidden.CHARGE | Forbidden.DISCHARGE,
    "no_power": Forbidden.CHARGE | Forbidden.DISCHARGE,
    "no_charge": Forbidden.CHARGE,
    "no_discharge": Forbidden.DISCHARGE,
}


def _interlocks(definition: Definition, layout: Layout) -> Interlocks | None:
    if not definition.interlocks:
        return None
    place, spans, forbids = [], [], []
    for lock in definition.interlocks.values():
        signal, device = definition.inputs[lock.input], f"inputs.{lock.input}"
        high = int(signal.active == "high")
        place.append((layout.point_index[f"{device}.value"], layout.device_index[device], high))
        spans.append((signal.stale_after, lock.release_after))
        of = lock.assets or layout.assets
        forbids.append([int(_FORBIDS[lock.then]) if asset in of else 0 for asset in layout.assets])
    arrays = Interlocks(
        np.ascontiguousarray(np.array(place, np.int64).T),
        np.ascontiguousarray(np.array(spans, np.float64).T),
        np.array(forbids, np.int64),
    )
    for array in (arrays.place, arrays.spans, arrays.forbids):
        array.flags.writeable = False
    return arrays


def _frequency_meter(definition: Definition) -> str:
    """Device id of the meter that measures frequency: the service's own, else the point of connection."""
    for service in definition.ancillary:
        return f"site.{service.fcr.frequency.removeprefix('site.').removesuffix('.frequency')}"
    return f"site.{POC}" if POC in definition.site.meters else ""


def _constants(definition: Definition, profiles: Mapping[str, Profile]) -> Constants:
    columns = [_ratings(definition, asset, profiles[name]) for name, asset in definition.assets.items()]
    masks = [
        sum(1 << bit for bit, alarm in profiles[name].alarms.items() if alarm.critical) for name in definition.assets
    ]
    proofs = [int(_must_prove(asset, profiles[name])) for name, asset in definition.assets.items()]
    services = [service.fcr for service in definition.ancillary]
    return Constants(
        ratings=np.ascontiguousarray(np.array(columns, np.float64).T),
        masks=np.array([masks, proofs], np.int64),
        site=_site(definition),
        service=np.ascontiguousarray(np.array([_service(fcr) for fcr in services], np.float64).reshape(-1, 6).T),
        split=np.array([_split(fcr, definition) for fcr in services], np.float64).reshape(-1, len(definition.assets)),
        shared=shared(definition),
        grid=parameters(definition, profiles, stale_after(definition, _frequency_meter(definition))),
        curve=curve(definition.site.grid_functions.reactive),
        steps=sequences.time_outs(definition),
    )


def _must_prove(asset: Asset, profile: Profile) -> Proved:
    """What the device has to prove in every connection before it may run."""
    wanted = Proved.NONE if asset.identity is None else Proved.IDENTITY
    armed = profile.watchdog is not None and profile.watchdog.arm
    return wanted | Proved.REVERSION if armed else wanted


def _ratings(definition: Definition, asset: Asset, profile: Profile) -> list[float]:
    chain, row = definition.chain, dict.fromkeys(c.RATING_NAMES, 0.0) | reactive_ratings(asset, profile) | tapers(asset)
    row |= {
        "charge_kw": asset.rated.charge,
        "discharge_kw": asset.rated.discharge,
        "energy_kwh": asset.rated.energy,
        "soc_min": asset.soc.min,
        "soc_max": asset.soc.max,
        "soc_taper": chain.limits.soc_taper.within,
        "t_min": asset.temperature.min,
        "t_max": asset.temperature.max,
        "t_taper": asset.temperature.taper,
        "eff_charge": asset.efficiency.charge / 100.0,
        "eff_discharge": asset.efficiency.discharge / 100.0,
        "ramp_up": asset.ramp.up,
        "ramp_down": asset.ramp.down,
        "ramp_stop": np.inf if asset.ramp.stop is None else asset.ramp.stop,
        "stale_after": asset.stale_after,
        "frozen_after": chain.snapshot.frozen_after,
        "fresh_for": chain.state_machine.fresh_for,
        "clear_for": chain.state_machine.clear_for,
        "min_charge_kw": asset.min_power.charge,
        "min_discharge_kw": asset.min_power.discharge,
        "resolution_kw": profile.resolution_kw,
        "horizon_s": chain.limits.energy_horizon,
        "dead_time_s": profile.response.dead_time,
        "lag_s": profile.response.lag,
        "promises_limits": float(profile.promises_limits),
        "has_proof": float(profile.fresh_by is not None),
        "sign_for_s": SIGN_FOR_S,
        "reverts_after_s": profile.watchdog.reverts_after if profile.watchdog else np.inf,
        "valid_for_s": chain.command.valid_for,
        "readback_s": chain.command.readback.within,
        "dwell_above": asset.soc_dwell.above if asset.soc_dwell else np.inf,
        "dwell_at_most_s": asset.soc_dwell.at_most if asset.soc_dwell else np.inf,
        "nameplate_charge_kw": profile.ratings.charge if profile.ratings else np.inf,
        "nameplate_discharge_kw": profile.ratings.discharge if profile.ratings else np.inf,
        "reentry_after_s": reentry_delay(definition),
        "calm_for_s": chain.state_machine.calm_for,
        **_effect(definition, asset, profile),
        **_plausible(definition, profile),
    }
    return [float(row[name]) for name in c.RATING_NAMES]


def reentry_delay(definition: Definition) -> float:
    """Seconds of the definition, else of the site's grid code."""
    written, code = definition.chain.state_machine.reentry_delay, preset(definition.site.grid_code)
    return (code.reentry_s if code else 0.0) if written is None else written


def _effect(definition: Definition, asset: Asset, profile: Profile) -> dict[str, float]:
    """What the check of the effect needs: how far back a command counts, what is let pass, what is done."""
    effect, cycle = definition.chain.command.effect, definition.site.cycle
    rated = max(asset.rated.charge, asset.rated.discharge)
    return {
        "window_ticks": window_ticks(profile, cycle),
        "dead_ticks": round(profile.response.dead_time / cycle),
        "tolerance_kw": max(effect.tolerance / 100.0 * rated, profile.resolution_kw),
        "effect_for_s": effect.for_,
        "effect_else": REACTION[effect.else_],
        "effect_then": REACTION[effect.then],
        "held_kw": profile.resolution_kw + _setpoint_step(profile),
        "reverts_to_kw": profile.watchdog.reverts_to_kw if profile.watchdog else 0.0,
    }


def _setpoint_step(profile: Profile) -> float:
    """One step of the set-point as it is read (kW); numbers in text have none."""
    point = profile.read.get("setpoint")
    if point is None or profile.protocol != "modbus" or point.type.startswith("float"):
        return 0.0
    dimension = dimension_of(point.unit)
    return abs(point.scale) * float(dimension.units[point.unit] if dimension is not None else 1.0)


def _older(definition: Definition, profiles: Mapping[str, Profile]) -> int:
    """How many ticks back a command can matter to any device, beside the newest one."""
    cycle = definition.site.cycle
    return max([window_ticks(profiles[asset], cycle) for asset in definition.assets], default=1) - 1


def _plausible(definition: Definition, profile: Profile) -> dict[str, float]:
    """What is too fast, and how much charge may come without energy.

    The raw values of the point `state` that its profile names `charging` and `discharging` are NaN without one.
    """
    tuned = definition.chain.snapshot
    named = {name.lower(): raw for raw, name in profile.read["state"].values.items()} if "state" in profile.read else {}
    return {
        "soc_jump": tuned.jump.soc,
        "power_jump": np.inf if tuned.jump.power is None else tuned.jump.power,
        "temperature_jump": TEMPERATURE_JUMP,
        "physics_pct": tuned.physics.tolerance,
        "physics_s": tuned.physics.window,
        **{f"state_{name}": float(named.get(name, np.nan)) for name in ("charging", "discharging")},
    }


def _site(definition: Definition) -> c.F8:
    site, chain = definition.site, definition.chain
    stale_after = site.meters[POC].stale_after if POC in site.meters else 0.0
    row = {
        "import_limit": np.inf if site.import_limit is None else site.import_limit,
        "export_limit": np.inf if site.export_limit is None else site.export_limit,
        "import_margin": chain.limits.margin.import_,
        "export_margin": chain.limits.margin.export,
        "max_load": site.max_load,
        "max_pv": site.max_pv,
        "poc_stale_after": stale_after,
        "cycle_s": site.cycle,
        "poc_required": float(f"site.{POC}" in chain.snapshot.require),
        "clock_hold_s": 0.0 if definition.time is not None and definition.time.on_loss == "withdraw" else CLOCK_HOLD_S,
        "q_first": float(site.pq_priority == "q"),
        "relief_kw": relief(definition),
        **means(definition),
    }
    return np.array([row[name] for name in c.SITE_NAMES], np.float64)


def _service(fcr: Fcr) -> list[float]:
    row = {
        "full_at_hz": fcr.full_at,
        "insensitivity_hz": fcr.insensitivity + fcr.dead_band,
        "energy_h": fcr.energy / 3600.0,
        "service_ramp_kw_s": fcr.capacity / SERVICE_RAMP_S if fcr.ramp is None else fcr.ramp,
        "max_age_s": fcr.max_age,
        "hold_s": fcr.on_loss.hold,
    }
    return [float(row[name]) for name in c.SERVICE_NAMES]


def _split(fcr: Fcr, definition: Definition) -> list[float]:
    """Sold capacity per asset (kW): as declared, else by the smaller of the two ratings."""
    if fcr.split:
        return [fcr.split.get(asset, 0.0) for asset in definition.assets]
    weights = [min(asset.rated.charge, asset.rated.discharge) for asset in definition.assets.values()]
    return [fcr.capacity * weight / sum(weights) for weight in weights]
