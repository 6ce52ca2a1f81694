"""`limits`: the band of every asset, as the intersection of its named limits.

Limits only shrink, always exist, and every band contains 0 (design rule 5). A limit never forces power: a site limit
that load or PV already exceed only forbids making it worse. The terms are in `jit.limits`, what assets share in
`jit.joint`, the grid operator's ceilings in `jit.ceilings`; what is asked of reactive power is chosen here too, since
the apparent-power circle ties it to the band (`jit.reactive`).
"""

from __future__ import annotations

from jit import grid, means, reactive
from jit import limits as kernels
from jit.frame import Frame
from jit.rows import L_APPARENT, L_FREQUENCY, limit_row, request_rows, transformer_row
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
        "holds_low_kw",
        "holds_high_kw",
        "steady_s",
        "age_s",
        "effect_low_kw",
        "effect_high_kw",
        "quality",
        "conditions",
        "available",
        "may_charge",
        "may_discharge",
        "state_by",
        "other_kw",
        "other_off_kw",
        "other_most_kw",
        "other_least_kw",
        "poc_quality",
        "poc_kw",
        "clock",
        "poc_v",
        "poc_v_quality",
        "frequency_hz",
        "frequency_age_s",
        "frequency_quality",
        "ceiling_told_import_kw",
        "ceiling_told_export_kw",
        "ceiling_age_import_s",
        "ceiling_age_export_s",
    ),
    before=(
        "ramped_kw",
        "ramped_kvar",
        "authority",
        "fault",
        "ceiling_import_kw",
        "ceiling_export_kw",
        "over_frequency_kw",
        "over_reference_kw",
        "under_frequency_kw",
        "under_reference_kw",
        "over_back_s",
        "under_back_s",
        "must_kvar",
        "total_kw",
        "mean_import_kws",
        "mean_export_kws",
        "mean_import_until_s",
        "mean_export_until_s",
    ),
    writes=(
        "over_frequency_kw",
        "over_reference_kw",
        "under_frequency_kw",
        "under_reference_kw",
        "over_back_s",
        "under_back_s",
        "over_phase",
        "under_phase",
        "must_low_kw",
        "must_high_kw",
        "mean_import_kw",
        "mean_export_kw",
        "mean_import_kws",
        "mean_export_kws",
        "mean_import_until_s",
        "mean_export_until_s",
        "must_low_by",
        "must_high_by",
        "must_kvar",
        "kvar_phase",
        "asked_kvar",
        "asked_kvar_by",
        "kvar_request_by",
        "limits.*",
        "transformers.*",
        "possible_low_kw",
        "possible_high_kw",
        "low_kw",
        "high_kw",
        "low_room_kw",
        "high_room_kw",
        "proven",
        "low_by",
        "high_by",
        "low_next_by",
        "high_next_by",
        "ceiling_import_kw",
        "ceiling_export_kw",
        "ceiling_import",
        "ceiling_export",
        "site_low_kw",
        "site_high_kw",
        "site_low_by",
        "site_high_by",
    ),
)
def limits(frame: Frame) -> None:
    """Every term, the band, the binding limit per direction and the room to the next."""
    past, constants, shared, layout = frame.prior, frame.constants, frame.constants.shared, frame.layout
    first, requests = limit_row(layout), len(layout.requests)
    asked, _, asked_site = request_rows()
    grid.demand(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        past.values,
        past.site,
        constants.ratings,
        constants.grid,
        constants.curve,
        first + 2 * L_FREQUENCY,
        frame.dt,
    )
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
    means.average(frame.site, frame.site_codes, past.site, constants.site, frame.utc_ns * 1e-9, frame.dt)
    kernels.band(
        frame.values,
        frame.codes,
        frame.site,
        frame.site_codes,
        past.values,
        past.codes,
        past.site,
        constants.ratings,
        constants.site,
        shared.ceilings,
        shared.kva,
        shared.starts,
        shared.members,
        first,
        transformer_row(layout),
        frame.dt,
        frame.dt_ramp,
    )
