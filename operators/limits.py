"""`limits`: the band of every asset, as the intersection of its named limits.

Limits only shrink, always exist, and every band contains 0 (design rule 5). A limit never forces power: a site limit
that load or PV already exceed only forbids making it worse. The terms are in `jit.limits`; what is asked of reactive
power is chosen here too, since the apparent-power circle ties it to the band (`jit.reactive`).
"""

from __future__ import annotations

from jit import limits as kernels
from jit import reactive
from jit.frame import Frame
from jit.rows import L_APPARENT, limit_row, request_rows
from operators.stage import stage


@stage(
    reads=(
        "reactive.*",
        "reactive_kvar",
        "soc_pct",
        "temperature_c",
        "bms_charge_kw",
        "bms_discharge_kw",
        "power_kw",
        "written_kw",
        "effect_low_kw",
        "effect_high_kw",
        "quality",
        "conditions",
        "available",
        "may_charge",
        "may_discharge",
        "state_by",
        "other_kw",
        "last_other_kw",
        "poc_quality",
    ),
    before=("command_kw", "ramped_kw", "ramped_kvar", "authority", "fault"),
    writes=(
        "must_kvar",
        "asked_kvar",
        "asked_kvar_by",
        "kvar_request_by",
        "limits.*",
        "low_kw",
        "high_kw",
        "low_room_kw",
        "high_room_kw",
        "low_by",
        "high_by",
        "low_next_by",
        "high_next_by",
        "site_low_kw",
        "site_high_kw",
    ),
)
def limits(frame: Frame) -> None:
    """Every term, the band, the binding limit per direction and the room to the next."""
    past, constants, layout = frame.prior, frame.constants, frame.layout
    first, requests = limit_row(layout), len(layout.requests)
    asked, _, asked_site = request_rows()
    reactive.ask(
        frame.values,
        frame.codes,
        frame.site,
        past.values,
        past.codes,
        constants.ratings,
        constants.site,
        asked + requests,
        asked_site + requests,
        requests,
        first + 2 * L_APPARENT,
    )
    kernels.band(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        past.values,
        constants.ratings,
        constants.site,
        first,
        frame.dt,
    )
