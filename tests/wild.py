"""Frames full of anything: what a stage may find in its rows when every device lies and every other stage has failed.

`wild` draws from a seed, so that hypothesis can name the frame that breaks a law and find it again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from config.asset import StartStep, StopStep
from config.definition import Limit, Transformer
from config.grid import GridFunctions
from config.request import Request
from config.site import Mean
from config.transform import Transform
from jit.codes import Authority, Condition, Permit, Proved, Reason, Sequence, State, WriteStatus
from jit.frame import F8, I8, Frame, Past
from jit.layout import Layout, Row
from pipeline.compile import Compiled, compile_definition
from tests.rig import GRID_METER, START_NS, site, with_reactive

#: What a float64 row may hold beside ordinary numbers.
STRANGE = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-12, -1e-12, 1e12, -1e12, 5e-324, 1e308, -1e308])
PLAIN = np.array([0.0, 5.0, 10.0, 10.001, 20.0, 49.9, 50.0, 50.01, 55.0, 89.999, 90.0, -20.0, -249.9, 250.0, 251.0])
ENUMS: dict[str, tuple[int, ...]] = {
    "Permit": tuple(Permit),
    "State": tuple(State),
    "Authority": tuple(Authority),
    "Reason": tuple(Reason),
    "Sequence": tuple(Sequence),
    "WriteStatus": tuple(WriteStatus),
    "Quality": (0, 1, 1, 1, 2, 4, 8, 16, 256, 511),
    "Proved": (0, 1, 2, 3, 3, 3, 4),
    "Act": (0, 0, 0, 0, 1, 2, 3, 4, 8, 16, 32, 64, 128, 256, 511),
}


#: Codes on a good day.
GOOD_DAY = {
    **dict.fromkeys(("quality", "poc_quality", "frequency_quality"), 1),
    **dict.fromkeys(("available", "remote", "may_charge", "may_discharge", "activated", "settled", "armed"), 2),
    **dict.fromkeys(("cooling", "contactor", "proven"), 2),
    **dict.fromkeys(("acts", "alarms", "fault", "latch", "interlock", "reaction", "deviation", "paused"), 0),
    **dict.fromkeys(("stopped", "locked", "reentry", "contested"), int(Permit.NO)),
    "proved": int(Proved.IDENTITY | Proved.REVERSION),
    "write_status": int(WriteStatus.CONFIRMED),
    "conditions": int(Condition.GOOD | Condition.FRESH | Condition.REMOTE | Condition.AVAILABLE | Condition.FOLLOWS),
    **dict.fromkeys(("steps", "sequence", "step", "step_now"), 0),
    "state": int(State.DISCHARGING),
    "state_by": int(Reason.RUNNING),
    "authority": int(Authority.ARMED),
}


def compiled(assets: int = 3, fcr_kw: float = 60.0, *, transforms: bool = False, reactive: str = "q_of_u") -> Compiled:
    """A site with everything in it: limits at the point of connection, stop ramps, minimum powers, a service; with
    `transforms`, every form of them on one request, and the functions of the grid code; `reactive` is one of REACTIVE.
    """
    plain = site(assets, fcr_kw=fcr_kw)
    batteries = {}
    for number, (name, asset) in enumerate(plain.assets.items()):
        batteries[name] = asset.model_copy(
            update={
                "rated": asset.rated.model_copy(
                    update={"charge": 100.0 + 50.0 * number, "apparent": (120.0, None, 275.0)[number % 3]}
                ),
                "ramp": asset.ramp.model_copy(update={"up": 20.0, "down": 50.0, "stop": 10.0 * number or None}),
                "start_sequence": [] if number == 1 else [StartStep(until="available", within="5 s")] * 2,
                "stop_sequence": [] if number == 2 else [StopStep(until_not="remote", within="3 s")] * 3,
                "min_power": asset.min_power.model_copy(update={"charge": 2.0 * number, "discharge": 3.0 * number}),
            }
        )
    requests = [_transformed(r) if transforms and r.kind == "day_ahead" else r for r in plain.requests]
    behind = {"t1": Transformer(limit=120.0, feeds=list(batteries)[:2]), "t2": Transformer(limit=90.0, feeds=["b1"])}
    limits: dict[str, Any] = {"import_limit": 300.0, "export_limit": 200.0, "max_load": 40.0, "max_pv": 60.0,
                              "import_mean": Mean(limit=150.0), "export_mean": Mean(limit=120.0)}
    limits |= {"pq_priority": "q" if transforms else "p", "transformers": behind}
    if transforms:
        limits |= {"grid_functions": GridFunctions.model_validate(GRID | REACTIVE[reactive]), "nominal_voltage": 50.0}
    whole = plain.site.model_copy(update=limits)
    update = {"site": whole, "assets": batteries, "requests": requests, "limits": CEILINGS}
    definition = plain.model_copy(update=update)
    return compile_definition(definition, {name: with_reactive() for name in batteries} | {"site.poc": GRID_METER})


#: A ceiling of the grid operator in each direction.
CEILINGS = [
    Limit.model_validate({"kind": "grid_operator", "grid_operator": {
        "from": "broker", "topic": f"dso/{direction}", "ttl": 20.0, "direction": direction, "of": 200.0, "rise": 5.0,
        "before_first": 70.0, "on_loss": {"hold": 25.0, "then": 20.0}}})
    for direction in ("import", "export")
]  # fmt: skip


#: Every grid function, with thresholds among the numbers that are drawn.
GRID: dict[str, Any] = {
    "over_frequency": {"from": "50.005 Hz", "of": "rated", "return_after": "2 s"},
    "under_frequency": {"from": "49.95 Hz", "return_after": "0 s"},
}
_POINTS = [{"voltage": "90 %", "supply": "40 %"}, {"voltage": "110 %", "absorb": "40 %"}]
REACTIVE: dict[str, dict[str, Any]] = {
    "q_of_u": {"reactive": {"q_of_u": _POINTS}},
    "cos_phi": {"reactive": {"cos_phi": [{"cos_phi": 0.9}, {"power": "50 %", "cos_phi": 1.0}]}},
    "none": {},
}
#: One step of every form.
EVERY_STEP: tuple[dict[str, Any], ...] = (
    {"kind": "average", "average": 3.0},
    {"kind": "low_pass", "low_pass": 2.0},
    {"kind": "smooth", "smooth": {"lag": 2.0, "jump": 50.0, "reseed_after": 5.0}},
    {"kind": "hold_last", "hold_last": 5.0},
    {"kind": "delay", "delay": 2.0},
    {"kind": "dead_band", "dead_band": 2.0},
    {"kind": "rate_limit", "rate_limit": 20.0},
    {"kind": "clamp", "clamp": {"charge": 100.0, "discharge": 200.0}},
    {"kind": "scale", "scale": 90.0},
    {"kind": "offset", "offset": {"charge": 1.0}},
    {"kind": "round_to", "round_to": 0.5},
)


def _transformed(request: Request) -> Request:
    assert request.schedule is not None
    steps = [Transform.model_validate(step) for step in EVERY_STEP]
    return request.model_copy(update={"schedule": request.schedule.model_copy(update={"transform": steps})})


def wild(of: Compiled, seed: int, strange: float = 0.2, healthy: float | None = None) -> Frame:
    """A frame in progress with a past, every cell of both drawn; `strange` is the share of NaN, ∞ and extremes.

    `healthy` is the share of codes that say what they say on a good day; drawn as well when it is not given.
    """
    rng = np.random.default_rng(seed)
    layout = of.layout
    healthy = float(rng.choice([0.0, 0.5, 0.95])) if healthy is None else healthy
    dt = float(rng.choice([1.0, 0.1, 0.0, 3.7, 100.0]))
    return Frame(
        tick=int(rng.integers(0, 1000)),
        utc_ns=START_NS,
        mono_s=1000.0,
        dt=dt,
        dt_ramp=min(dt, 2.0),
        layout=layout,
        constants=of.constants,
        values=_rows(rng, layout.values, len(layout.assets), strange),
        codes=_codes(rng, layout, layout.codes, healthy),
        site=_rows(rng, layout.site_values, 1, strange)[:, 0].copy(),
        site_codes=_site_codes(rng, layout, healthy),
        points=_values(rng, (len(layout.points),), strange),
        point_codes=rng.choice(ENUMS["Quality"], len(layout.points)).astype(np.int64),
        before=wild_past(of, rng, strange, healthy),
    )


def wild_past(of: Compiled, rng: np.random.Generator, strange: float, healthy: float = 0.0) -> Past:
    """A past that is sealed as a real one is: read-only."""
    layout = of.layout
    past = Past(
        7,
        _rows(rng, layout.values, len(layout.assets), strange),
        _codes(rng, layout, layout.codes, healthy),
        _rows(rng, layout.site_values, 1, strange)[:, 0].copy(),
        _site_codes(rng, layout, healthy),
    )
    for array in (past.values, past.codes, past.site, past.site_codes):
        array.flags.writeable = False
    return past


def _values(rng: np.random.Generator, shape: tuple[int, ...], strange: float) -> F8:
    size = int(np.prod(shape))
    drawn = np.where(rng.random(size) < 0.5, rng.choice(PLAIN, size), np.round(rng.uniform(-300.0, 300.0, size), 3))
    odd = rng.random(size) < strange
    drawn[odd] = rng.choice(STRANGE, int(odd.sum()))
    return drawn.reshape(shape)


def _rows(rng: np.random.Generator, rows: tuple[Row, ...], columns: int, strange: float) -> F8:
    """Value rows; what is asked is often nothing at all."""
    drawn = _values(rng, (len(rows), columns), strange)
    for i, row in enumerate(rows):
        if row.name.startswith(("requests.", "reactive.", "manual_")):
            drawn[i, rng.random(columns) < 0.6] = np.nan
    return drawn


def _code_row(rng: np.random.Generator, row: Row, layout: Layout, size: int) -> I8:
    if row.name == "fault":
        return rng.choice([0, 0, 0, 1, 4, 255], size).astype(np.int64)
    if row.unit == "limit":
        return rng.integers(0, len(layout.limits) + 1, size)
    if row.unit == "request":
        return rng.integers(0, len(layout.requests) + 1, size)
    return rng.choice(ENUMS.get(row.unit, (0, 1, 2, 3, 255, 65535)), size).astype(np.int64)


def _codes(rng: np.random.Generator, layout: Layout, rows: tuple[Row, ...], healthy: float, columns: int = 0) -> I8:
    columns = columns or len(layout.assets)
    drawn = np.array([_code_row(rng, row, layout, columns) for row in rows], np.int64)
    for i, row in enumerate(rows):
        if row.name in GOOD_DAY:
            drawn[i, rng.random(columns) < healthy] = GOOD_DAY[row.name]
    return drawn


def _site_codes(rng: np.random.Generator, layout: Layout, healthy: float) -> I8:
    return _codes(rng, layout, layout.site_codes, healthy, 1)[:, 0].copy()


def copy(frame: Frame, *, before: Past | None = None) -> Frame:
    """A frame of its own with the same content; the past is shared unless another one is given."""
    return Frame(
        frame.tick,
        frame.utc_ns,
        frame.mono_s,
        frame.dt,
        frame.dt_ramp,
        frame.layout,
        frame.constants,
        frame.values.copy(),
        frame.codes.copy(),
        frame.site.copy(),
        frame.site_codes.copy(),
        frame.points.copy(),
        frame.point_codes.copy(),
        before or frame.before,
    )


#: The four blocks of a frame that stages read and write: matrix, rows of the layout.
BLOCKS = (("values", "values"), ("codes", "codes"), ("site", "site_values"), ("site_codes", "site_codes"))
