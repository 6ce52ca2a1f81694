"""The fixed rows of a frame with their compile-time indices. `tests/jit/test_rows.py` keeps names and numbers together.

snapshot ► state_machine ► limits ► resolve ► ancillary ► constrain ► ramp ► command
"""

from __future__ import annotations

from jit.layout import Fail, Layout, Row

# values[row, asset] ----------------------------------------------------------------------------------------------
(
    SOC_PCT,
    SOH_PCT,
    POWER_KW,
    REACTIVE_KVAR,
    VOLTAGE_V,
    CURRENT_A,
    TEMPERATURE_C,
    BMS_CHARGE_KW,
    BMS_DISCHARGE_KW,
    SETPOINT_KW,
    PROOF,
    PROOF_S,
    AGE_S,
    FRESH_S,
    SOC_SEEN_PCT,
    POWER_SEEN_KW,
    TEMPERATURE_SEEN_C,
    SOC_SLACK_PCT,
    POWER_SLACK_KW,
    TEMPERATURE_SLACK_K,
    SOC_JUMP_S,
    POWER_JUMP_S,
    TEMPERATURE_JUMP_S,
    BASE_SOC_PCT,
    BASE_S,
    UNEXPLAINED_KWH,
    DRIFT_KWH,
    MOVED_KWH,
    CYCLED_KWH,
    AGAINST_S,
    WRITTEN_KW,
    READBACK_KW,
    WRITE_AGE_S,
    UNCONFIRMED_LOW_KW,
    UNCONFIRMED_HIGH_KW,
    TOLD_LOW_KW,
    TOLD_HIGH_KW,
    LEAST_KW,
    MOST_KW,
    SENT_KW,
    STEADY_S,
    HOLDS_LOW_KW,
    HOLDS_HIGH_KW,
    EXPECTED_KW,
    EVIDENCE_S,
    JUDGED_S,
    STILL_S,
    LIVELY,
    WRONG_SIGN_S,
    BEYOND_S,
    SHORT_S,
    DIFFERENT_S,
    FAILED_S,
    FOREIGN_S,
    PEAK_KW,
    REVERSAL_1_S,
    REVERSAL_2_S,
    REVERSAL_3_S,
    REVERSAL_4_S,
    REVERSAL_5_S,
    PAUSED_S,
    EFFECT_LOW_KW,
    EFFECT_HIGH_KW,
    DWELL_S,
    MANUAL_ASKED_KW,
    MANUAL_FOR_S,
    CLEAR_S,
    STATE_S,
    FINE_S,
    RETURNED_S,
    REENTRY_S,
    AGREED_S,
    MANUAL_KW,
    MANUAL_S,
    IDLE_S,
    STEP_S,
    POSSIBLE_LOW_KW,
    POSSIBLE_HIGH_KW,
    LOW_KW,
    HIGH_KW,
    LOW_ROOM_KW,
    HIGH_ROOM_KW,
    OVER_FREQUENCY_KW,
    OVER_REFERENCE_KW,
    UNDER_FREQUENCY_KW,
    UNDER_REFERENCE_KW,
    ASKED_KVAR,
    ASKED_KW,
    BASE_KW,
    RESERVE_KW,
    SERVICE_KW,
    DESIRED_KW,
    SHORTFALL_KW,
    LIMITED_KW,
    LIMITED_KVAR,
    RAMPED_KW,
    RAMPED_KVAR,
    COMMAND_KW,
    COMMAND_KVAR,
) = range(99)

# codes[row, asset] -----------------------------------------------------------------------------------------------
(
    QUALITY,
    AVAILABLE,
    REMOTE,
    COOLING,
    CONTACTOR,
    ALARMS,
    ACTS,
    INTERLOCK,
    INTERLOCK_BY,
    STEPS,
    WRITE_STATUS,
    PROVED,
    CONTESTED,
    SEEN,
    FOREIGN,
    REVERSALS,
    PAUSED,
    REACTION,
    DEVIATION,
    STATE,
    STATE_BY,
    MAY_CHARGE,
    MAY_DISCHARGE,
    AUTHORITY,
    LATCH,
    STOPPED,
    ACTIVATED,
    LOCKED,
    REENTRY,
    DIFFERED,
    SETTLED,
    CONDITIONS,
    MISSING,
    SEQUENCE,
    STEP,
    STEP_NOW,
    PROVEN,
    LOW_BY,
    HIGH_BY,
    LOW_NEXT_BY,
    HIGH_NEXT_BY,
    ASKED_KVAR_BY,
    KVAR_REQUEST_BY,
    LIMITED_KVAR_BY,
    REQUEST_BY,
    RESOLVE_BY,
    SERVICE_BY,
    LIMITED_BY,
    LIMITED_WHY,
    RAMP_BY,
    MODE,
    COMMAND_BY,
    KVAR_BY,
    HEARTBEAT,
    FAULT,
) = range(55)

# site[row] -------------------------------------------------------------------------------------------------------
(
    POC_KW, POC_AGE_S, POC_PROOF, POC_PROOF_S, FREQUENCY_HZ, FREQUENCY_AGE_S, FREQUENCY_PROOF, FREQUENCY_PROOF_S,
    OTHER_KW, OTHER_OFF_KW, LAST_OTHER_KW, CLOCK_LOST_S, OTHER_MOST_KW, OTHER_LEAST_KW, CEILING_TOLD_IMPORT_KW,
    CEILING_TOLD_EXPORT_KW, CEILING_ISSUED_IMPORT_S, CEILING_ISSUED_EXPORT_S, CEILING_AGE_IMPORT_S,
    CEILING_AGE_EXPORT_S, TOTAL_KW, TOTAL_KVAR, CEILING_IMPORT_KW, CEILING_EXPORT_KW, SITE_LOW_KW, SITE_HIGH_KW,
    MUST_LOW_KW, MUST_HIGH_KW, OVER_BACK_S, UNDER_BACK_S, MUST_KVAR, POC_KVAR, POC_V, MUST_SHORT_KW,
    MEAN_IMPORT_KW, MEAN_EXPORT_KW, MEAN_IMPORT_KWS, MEAN_EXPORT_KWS, MEAN_IMPORT_UNTIL_S, MEAN_EXPORT_UNTIL_S,
) = range(40)  # fmt: skip
# site_codes[row]
(
    ARMED, POC_QUALITY, FREQUENCY_QUALITY, CLOCK, POC_V_QUALITY, CEILING_IMPORT, CEILING_EXPORT, SITE_LOW_BY,
    SITE_HIGH_BY, OVER_PHASE, UNDER_PHASE, KVAR_PHASE, DIRECTION, MUST_LOW_BY, MUST_HIGH_BY,
) = range(15)  # fmt: skip

# behind the services, where there is a meter `poc`: rings of so many ticks, and one bucket per minute
RINGS = ("assets_kw", "assets_s", "poc_kw", "poc_s")
MINUTES = 15

# per entry of `requests:`: a value row and a site row for P and for Q, a code row;
# per entry of `ancillary:`: four value rows and one code row
SERVICE_ROWS = 4  # capacity_kw, asked_kw, given_kw, undeliverable_kw
LIMIT_ROWS = 2  # low_kw, high_kw
BAND = ("low_kw", "high_kw")

#: The named limits, in the order in which ties are decided (the first one binding is the one named).
LIMITS = (
    "rating",
    "configuration",
    "bms",
    "permission",
    "remote",
    "availability",
    "quality",
    "temperature",
    "soc",
    "energy",
    "apparent",
    "effect",
    "frequency",
    "site",
    "transformer",
    "grid_operator",
)
L_RATING, L_CONFIGURATION, L_BMS, L_PERMISSION, L_REMOTE, L_AVAILABILITY, L_QUALITY, L_TEMPERATURE = range(8)
L_SOC, L_ENERGY, L_APPARENT, L_EFFECT, L_FREQUENCY, L_SITE, L_TRANSFORMER, L_GRID_OPERATOR = range(8, 16)


def _rows(owner: str, unit: str, names: str, fail: Fail = "unknown", latch: bool = False) -> tuple[Row, ...]:
    return tuple(Row(name, unit, owner, fail, latch) for name in names.split())


VALUE_ROWS: tuple[Row, ...] = (
    *_rows("snapshot", "%", "soc_pct soh_pct"),
    *_rows("snapshot", "kW", "power_kw"),
    *_rows("snapshot", "kvar", "reactive_kvar"),
    *_rows("snapshot", "V", "voltage_v"),
    *_rows("snapshot", "A", "current_a"),
    *_rows("snapshot", "°C", "temperature_c"),
    *_rows("snapshot", "kW", "bms_charge_kw bms_discharge_kw setpoint_kw"),
    *_rows("snapshot", "1", "proof", "hold"),
    *_rows("snapshot", "s", "proof_s", "hold"),
    *_rows("snapshot", "s", "age_s"),
    *_rows("snapshot", "s", "fresh_s", "zero"),
    *_rows("snapshot", "%", "soc_seen_pct", "hold"),
    *_rows("snapshot", "kW", "power_seen_kw", "hold"),
    *_rows("snapshot", "°C", "temperature_seen_c", "hold"),
    *_rows("snapshot", "%", "soc_slack_pct", "hold"),
    *_rows("snapshot", "kW", "power_slack_kw", "hold"),
    *_rows("snapshot", "K", "temperature_slack_k", "hold"),
    *_rows("snapshot", "s", "soc_jump_s power_jump_s temperature_jump_s", "hold"),
    *_rows("snapshot", "%", "base_soc_pct", "hold"),
    *_rows("snapshot", "s", "base_s", "hold"),
    *_rows("snapshot", "kWh", "unexplained_kwh drift_kwh moved_kwh cycled_kwh", "hold"),
    *_rows("snapshot", "s", "against_s", "hold"),
    *_rows("snapshot", "kW", "written_kw readback_kw"),
    *_rows("snapshot", "s", "write_age_s"),
    *_rows("snapshot", "kW", "unconfirmed_low_kw unconfirmed_high_kw told_low_kw told_high_kw", "hold"),
    *_rows("snapshot", "kW", "least_kw most_kw sent_kw", "hold"),
    *_rows("snapshot", "s", "steady_s", "hold"),
    *_rows("snapshot", "kW", "holds_low_kw holds_high_kw expected_kw", "hold"),
    *_rows("snapshot", "s", "evidence_s", "zero"),
    *_rows("snapshot", "s", "judged_s still_s", "hold"),
    *_rows("snapshot", "1", "lively", "hold"),
    *_rows("snapshot", "s", "wrong_sign_s beyond_s short_s different_s failed_s foreign_s", "hold"),
    *_rows("snapshot", "kW", "peak_kw", "hold"),
    *_rows("snapshot", "s", "reversal_1_s reversal_2_s reversal_3_s reversal_4_s reversal_5_s paused_s", "hold"),
    *_rows("snapshot", "kW", "effect_low_kw effect_high_kw", "hold"),
    *_rows("snapshot", "s", "dwell_s", "hold", latch=True),
    *_rows("snapshot", "kW", "manual_asked_kw"),
    *_rows("snapshot", "s", "manual_for_s"),
    *_rows("state_machine", "s", "clear_s"),
    *_rows("state_machine", "s", "state_s", "hold"),
    *_rows("state_machine", "s", "fine_s"),
    *_rows("state_machine", "s", "returned_s reentry_s agreed_s", "hold"),
    *_rows("state_machine", "kW", "manual_kw"),
    *_rows("state_machine", "s", "manual_s", "zero"),
    *_rows("state_machine", "s", "idle_s"),
    *_rows("state_machine", "s", "step_s", "hold"),
    *_rows("limits", "kW", "possible_low_kw possible_high_kw", "hold"),
    *_rows("limits", "kW", "low_kw high_kw low_room_kw high_room_kw", "zero"),
    *_rows("limits", "kW", "over_frequency_kw over_reference_kw under_frequency_kw under_reference_kw", "hold"),
    *_rows("limits", "kvar", "asked_kvar", "zero"),
    *_rows("resolve", "kW", "asked_kw base_kw", "zero"),
    *_rows("resolve", "kW", "reserve_kw", "unknown"),
    *_rows("ancillary", "kW", "service_kw desired_kw shortfall_kw", "zero"),
    *_rows("constrain", "kW", "limited_kw", "zero"),
    *_rows("constrain", "kvar", "limited_kvar", "zero"),
    *_rows("ramp", "kW", "ramped_kw", "zero"),
    *_rows("ramp", "kvar", "ramped_kvar", "zero"),
    *_rows("command", "kW", "command_kw", "zero"),
    *_rows("command", "kvar", "command_kvar", "zero"),
)

CODE_ROWS: tuple[Row, ...] = (
    *_rows("snapshot", "Quality", "quality"),
    *_rows("snapshot", "Permit", "available remote cooling contactor"),
    *_rows("snapshot", "bits", "alarms"),
    *_rows("snapshot", "Act", "acts"),
    *_rows("snapshot", "Forbidden", "interlock"),
    *_rows("snapshot", "interlock", "interlock_by"),
    *_rows("snapshot", "bits", "steps"),
    *_rows("snapshot", "WriteStatus", "write_status"),
    *_rows("snapshot", "Proved", "proved"),
    *_rows("snapshot", "Permit", "contested"),
    *_rows("snapshot", "Deviation", "seen", "hold"),
    *_rows("snapshot", "1", "foreign reversals", "hold"),
    *_rows("snapshot", "Deviation", "paused", "hold", latch=True),
    *_rows("snapshot", "Reaction", "reaction", "hold"),
    *_rows("snapshot", "Deviation", "deviation", "hold"),
    *_rows("state_machine", "State", "state", "hold"),
    *_rows("state_machine", "Reason", "state_by"),
    *_rows("state_machine", "Permit", "may_charge may_discharge"),
    *_rows("state_machine", "Authority", "authority", "hold"),
    *_rows("state_machine", "Latch", "latch", "hold", latch=True),
    *_rows("state_machine", "Permit", "stopped", "hold"),
    *_rows("state_machine", "Permit", "activated locked reentry", "hold", latch=True),
    *_rows("state_machine", "1", "differed", "hold", latch=True),
    *_rows("state_machine", "Permit", "settled", "hold"),
    *_rows("state_machine", "Condition", "conditions", "hold"),
    *_rows("state_machine", "Condition", "missing"),
    *_rows("state_machine", "Sequence", "sequence", "hold"),
    *_rows("state_machine", "1", "step", "hold"),
    *_rows("state_machine", "1", "step_now"),
    *_rows("limits", "Permit", "proven"),
    *_rows("limits", "limit", "low_by high_by low_next_by high_next_by"),
    *_rows("limits", "Reason", "asked_kvar_by"),
    *_rows("limits", "request", "kvar_request_by"),
    *_rows("constrain", "Reason", "limited_kvar_by"),
    *_rows("resolve", "request", "request_by"),
    *_rows("resolve", "Reason", "resolve_by"),
    *_rows("ancillary", "Reason", "service_by"),
    *_rows("constrain", "limit", "limited_by"),
    *_rows("constrain", "Reason", "limited_why"),
    *_rows("ramp", "Reason", "ramp_by"),
    *_rows("command", "Mode", "mode"),
    *_rows("command", "Reason", "command_by kvar_by"),
    *_rows("command", "1", "heartbeat", "hold"),
    *_rows("every stage", "stage bits", "fault"),
)

SITE_VALUE_ROWS: tuple[Row, ...] = (
    *_rows("snapshot", "kW", "poc_kw"),
    *_rows("snapshot", "s", "poc_age_s"),
    *_rows("snapshot", "1", "poc_proof", "hold"),
    *_rows("snapshot", "s", "poc_proof_s", "hold"),
    *_rows("snapshot", "Hz", "frequency_hz"),
    *_rows("snapshot", "s", "frequency_age_s"),
    *_rows("snapshot", "1", "frequency_proof", "hold"),
    *_rows("snapshot", "s", "frequency_proof_s", "hold"),
    *_rows("snapshot", "kW", "other_kw other_off_kw"),
    *_rows("snapshot", "kW", "last_other_kw", "hold"),
    *_rows("snapshot", "s", "clock_lost_s", "hold"),
    *_rows("snapshot", "kW", "other_most_kw other_least_kw", "hold"),
    *_rows("snapshot", "kW", "ceiling_told_import_kw ceiling_told_export_kw", "hold", latch=True),
    *_rows("snapshot", "s", "ceiling_issued_import_s ceiling_issued_export_s", "hold", latch=True),
    *_rows("snapshot", "s", "ceiling_age_import_s ceiling_age_export_s", "hold", latch=True),
    *_rows("command", "kW", "total_kw", "zero"),
    *_rows("command", "kvar", "total_kvar", "zero"),
    *_rows("limits", "kW", "ceiling_import_kw ceiling_export_kw", "hold", latch=True),
    *_rows("limits", "kW", "site_low_kw site_high_kw", "zero"),
    *_rows("limits", "kW", "must_low_kw must_high_kw"),
    *_rows("limits", "s", "over_back_s under_back_s", "hold"),
    *_rows("limits", "kvar", "must_kvar", "hold"),
    *_rows("snapshot", "kvar", "poc_kvar"),
    *_rows("snapshot", "V", "poc_v"),
    *_rows("constrain", "kW", "must_short_kw", "zero"),
    *_rows("limits", "kW", "mean_import_kw mean_export_kw"),
    *_rows("limits", "kWs", "mean_import_kws mean_export_kws", "hold", latch=True),
    *_rows("limits", "s", "mean_import_until_s mean_export_until_s", "hold", latch=True),
)

SITE_CODE_ROWS: tuple[Row, ...] = (
    *_rows("snapshot", "Permit", "armed", "hold"),
    *_rows("snapshot", "Quality", "poc_quality frequency_quality"),
    *_rows("snapshot", "Permit", "clock"),
    *_rows("snapshot", "Quality", "poc_v_quality"),
    *_rows("limits", "Ceiling", "ceiling_import ceiling_export"),
    *_rows("limits", "limit", "site_low_by site_high_by"),
    *_rows("limits", "GridPhase", "over_phase under_phase kvar_phase"),
    *_rows("constrain", "Mode", "direction"),
    *_rows("limits", "Reason", "must_low_by must_high_by"),
)


def request_rows() -> tuple[int, int, int]:
    """First index of the request rows in values, codes and site values."""
    return len(VALUE_ROWS), len(CODE_ROWS), len(SITE_VALUE_ROWS)


def service_rows(layout: Layout) -> tuple[int, int, int]:
    """First index of the service rows in values, codes and site values."""
    n = len(layout.requests)
    return len(VALUE_ROWS) + 2 * n, len(CODE_ROWS) + n, len(SITE_VALUE_ROWS) + 2 * n


def limit_row(layout: Layout) -> int:
    """First index of the limit rows in values."""
    return len(VALUE_ROWS) + 2 * len(layout.requests) + SERVICE_ROWS * len(layout.services)


def transformer_row(layout: Layout) -> int:
    """First index of the transformers' bands in site values."""
    return len(SITE_VALUE_ROWS) + 2 * len(layout.requests) + len(layout.services)


def history_row(layout: Layout) -> int:
    """First index of the rings in site values."""
    return transformer_row(layout) + LIMIT_ROWS * len(layout.transformers)
