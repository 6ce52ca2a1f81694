"""The JSON shapes of the REST API as OpenAPI 3.1 components, written by hand as data.

Numbers are plain and carry their unit in their name; times are RFC 3339 in UTC; what is unknown is left out.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]

NUMBER: Schema = {"type": "number"}
TEXT: Schema = {"type": "string"}
YES_NO: Schema = {"type": "boolean"}
WHOLE: Schema = {"type": "integer"}
TIME: Schema = {"type": "string", "format": "date-time"}
ASSET_ID: Schema = {"type": "string", "description": "Absent: all assets, or the site as a whole."}

REASON: Schema = {"type": "string", "maxLength": 200}
PERSON: Schema = {"type": "string", "maxLength": 60, "description": "Who holds the token."}


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def many(item: Schema) -> Schema:
    return {"type": "array", "items": item}


def record(required: str = "", /, **members: Schema) -> Schema:
    schema: Schema = {"type": "object", "properties": members}
    if required:
        schema["required"] = required.split()
    return schema


def numbers(names: str) -> dict[str, Schema]:
    return dict.fromkeys(names.split(), NUMBER)


def one_of(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


COMMAND = record(
    "command_id timestamp asset_id mode active_power_kw valid_until reason source",
    command_id=TEXT, timestamp=TIME, asset_id=TEXT, mode=one_of("Stop", "Idle", "Charge", "Discharge"),
    active_power_kw={"type": "number", "description": "+ discharging, − charging"}, reactive_power_kvar=NUMBER,
    valid_until=TIME, reason=TEXT, source=TEXT)

TELEMETRY = record(
    "", timestamp=TIME, available=YES_NO, fault_status=TEXT,
    **numbers("soc_percent soh_percent active_power_kw reactive_power_kvar dc_voltage dc_current temperature_celsius"))

BATTERY = record(
    "asset_id telemetry quality",
    asset_id=TEXT, at=TIME, observed_at=TIME, state=TEXT, state_reason=TEXT, authority=one_of("armed", "silent"),
    may_charge=YES_NO, may_discharge=YES_NO, missing=many(TEXT), latched=TEXT, telemetry=ref("Telemetry"),
    quality=record("flag", flag=one_of("Valid", "Stale", "ProtocolError", "Substituted", "Missing", "Invalid"),
                   reason=TEXT),
    band=record("", low_by=TEXT, high_by=TEXT, **numbers("low_kw high_kw low_room_kw high_room_kw")),
    rated=record("", **numbers("charge_kw discharge_kw energy_kwh")), soc_limits=record("", **numbers("min max")),
    temperature_limits=record("", **numbers("min max")), request=TEXT, why=TEXT, last_command=ref("Command"),
    points=many(record("point", point=TEXT, value=NUMBER, unit=TEXT, valid=YES_NO, age_s=NUMBER, reasons=many(TEXT))),
    texts=many(record("name label text", name=TEXT, label=TEXT, text=TEXT)),
    write=record("", status=TEXT, **numbers("written_kw readback_kw age_s")),
    kvar_why=TEXT,
    **numbers("clear_s clear_for_s reentry_s manual_kw manual_s age_s asked_kw base_kw service_kw limited_kw "
              "ramped_kw command_kw asked_kvar command_kvar"))

DECISION = record(
    "asset_id steps", asset_id=TEXT, tick=WHOLE, at=TIME, config=TEXT, command_kw=NUMBER,
    steps=many(record("stage", stage=TEXT, out_kw=NUMBER, delta_kw=NUMBER, by=TEXT, why=TEXT, detail=TEXT)),
    generation=WHOLE,
    reactive=many(record("stage", stage=TEXT, out_kvar=NUMBER, delta_kvar=NUMBER, by=TEXT, why=TEXT)),
    limits=many(record("by", by=TEXT, low_kw=NUMBER, high_kw=NUMBER)),
    shortfall=record("", kw=NUMBER, service_kw=NUMBER, reserve=many(record("by", by=TEXT, kw=NUMBER))),
    binding=record("", by=TEXT, kw=NUMBER), next_limit=record("", by=TEXT, room_kw=NUMBER),
    not_used=many(record("", by=TEXT, why=TEXT, asked_kw=NUMBER, asked_site_kw=NUMBER)))

WINDOW = record("start end target_power_kw", start=TIME, end=TIME, target_power_kw=NUMBER, reactive_kvar=NUMBER,
                penalty_eur_per_kwh=NUMBER,
                binding_state=one_of("pending", "binding", "released", "violated"))

SCHEDULE_TYPE = one_of("day_ahead", "intraday", "regel_leistung_reserve", "commitment")

STOP = record("operator reason activated_at", asset_id=ASSET_ID, operator=TEXT, reason=TEXT, activated_at=TIME)

SCHEMAS: dict[str, Schema] = {
    "Error": record("error detail", error={"type": "string", "description": "a code, stable"}, detail=TEXT),
    "Health": record("status at components", status=TEXT, at=TIME, components={"type": "object"}),
    "Site": record("name at", name=TEXT, at=TIME, tick=WHOLE, timezone=TEXT, mode=one_of("armed", "shadow"),
                   alarms=ref("AlarmCounts"),
                   services=many({"type": "object"}), next=many({"type": "object"}), demo=YES_NO, anonymous=YES_NO,
                   grid_functions={"type": "object"},
                   **numbers("cycle_s poc_kw poc_age_s frequency_hz frequency_age_s import_limit_kw export_limit_kw "
                             "other_kw total_kw poc_kvar poc_voltage_v total_kvar")),
    "Asset": record("asset_id", asset_id=TEXT, state=TEXT, authority=TEXT,
                    **numbers("capacity_kwh max_charge_power_kw max_discharge_power_kw min_soc_percent "
                              "max_soc_percent min_temperature_celsius max_temperature_celsius")),
    "Assets": record("assets", assets=many(ref("Asset"))),
    "Telemetry": TELEMETRY,
    "Command": COMMAND,
    "CurrentCommand": record("asset_id", asset_id=TEXT, command=ref("Command")),
    "Battery": BATTERY,
    "Decision": DECISION,
    "Alarm": record("id text priority state active acknowledged", id=TEXT, asset_id=TEXT,
                    priority={"type": "integer", "enum": [1, 2, 3]}, text=TEXT, response=TEXT, since=TIME,
                    state=one_of("unacknowledged", "acknowledged", "returned", "latched", "normal", "shelved",
                                 "suppressed"),
                    active=YES_NO, acknowledged=YES_NO, first_out=YES_NO, chattering=YES_NO, acknowledged_by=TEXT,
                    acknowledged_at=TIME, shelved_by=TEXT, shelved_until=TIME, shelved_reason=TEXT,
                    suppressed_by=TEXT),
    "AlarmCounts": record("high medium low over shelved suppressed flood", high=WHOLE, medium=WHOLE, low=WHOLE,
                          over=WHOLE, shelved=WHOLE, suppressed=WHOLE, flood=YES_NO),
    "Alarms": record("alarms", alarms=many(ref("Alarm")), counts=ref("AlarmCounts")),
    "AlarmsSeen": record("ids", ids={**many(TEXT), "maxItems": 500}),
    "AlarmsAcknowledged": record("acknowledged operator at", acknowledged=many(TEXT), operator=TEXT, at=TIME),
    "ShelfWanted": record("minutes reason", minutes={"type": "number", "exclusiveMinimum": 0, "maximum": 1440},
                          reason={"type": "string", "maxLength": 200}),
    "AlarmShelved": record("id shelved_until operator reason at", id=TEXT, shelved_until=TIME, operator=TEXT,
                           reason=TEXT, at=TIME),
    "AlarmTakenBack": record("id operator at", id=TEXT, operator=TEXT, at=TIME),
    "AlarmAcknowledged": record("id acknowledged operator at", id=TEXT, acknowledged=YES_NO, operator=TEXT, at=TIME),
    "Graph": record("nodes", nodes=many(record("id kind", id=TEXT, kind=TEXT, inputs=many(TEXT), reads=many(TEXT),
                                               before=many(TEXT), writes=many(TEXT), guard=YES_NO, file=TEXT))),
    "Nodes": record("nodes", nodes=many(record("id", id=TEXT, last=TEXT, errors=WHOLE, dropped=WHOLE,
                                               **numbers("rate_hz age_s p50_us p95_us")))),
    "Window": WINDOW,
    "ScheduleDocument": {
        **record("type market_bid_area version windows", asset_id=ASSET_ID, type=SCHEDULE_TYPE, market_bid_area=TEXT,
                 version={"type": "integer", "minimum": 0}, issued_at=TIME,
                 windows={**many(ref("Window")), "minItems": 1, "maxItems": 10_000}),
        "description": "`assetId` and other camelCase members and PascalCase types are accepted as well."},
    "Schedule": record("type version windows", asset_id=ASSET_ID, type=SCHEDULE_TYPE, market_bid_area=TEXT,
                       version=WHOLE, issued_at=TIME, horizon_start=TIME, horizon_end=TIME, digest=TEXT,
                       windows=many(ref("Window"))),
    "Schedules": record("schedules", asset_id=ASSET_ID, schedules=many(ref("Schedule"))),
    "ScheduleTaken": record("type version count digest", asset_id=ASSET_ID, type=SCHEDULE_TYPE, market_bid_area=TEXT,
                            version=WHOLE, issued_at=TIME, horizon_start=TIME, horizon_end=TIME, count=WHOLE,
                            digest=TEXT),
    "CeilingWanted": {
        **record("direction issued_at", direction=one_of("import", "export"), issued_at=TIME, active=YES_NO,
                 percent={"type": ["number", "null"], "minimum": 0, "maximum": 100},
                 kw={"type": ["number", "null"], "minimum": 0}),
        "description": "Exactly one of `percent` (of the power that the definition calls 100 %) and `kw`; null, or "
                       "`active: false`: no limit, which is not 0."},
    "CeilingTaken": record("direction active issued_at", direction=one_of("import", "export"), active=YES_NO, kw=NUMBER,
                           issued_at=TIME),
    "StopWanted": record("reason", asset_id=ASSET_ID, reason=REASON, person=PERSON),
    "ActWanted": record("", asset_id=ASSET_ID, reason=REASON, person=PERSON),
    "UnlockWanted": record("", asset_id=ASSET_ID, reason=REASON, person=PERSON, override=YES_NO),
    "ManualWanted": record("asset_id power_kw dead_man_s reason", asset_id=TEXT, reason=REASON, person=PERSON,
                           power_kw={"type": "number", "description": "+ discharging, − charging"},
                           dead_man_s={"type": "number", "exclusiveMinimum": 0, "maximum": 60}),
    "Act": record("id act operator reason at assets", id=TEXT, act=TEXT, asset_id=ASSET_ID, assets=many(TEXT),
                  operator=TEXT, reason=TEXT, at=TIME, activated_at=TIME, power_kw=NUMBER, dead_man_s=NUMBER),
    "Stop": STOP,
    "Stops": {"type": "object", "description": "with `assetId`: `asset_id` and `stop` (null: none); else `stops`",
              "properties": {"asset_id": TEXT, "stop": {"anyOf": [ref("Stop"), {"type": "null"}]},
                             "stops": many(ref("Stop"))}},
    "SignIn": record("token", token={"type": "string", "writeOnly": True}),
    "SignedIn": record("name role expires_at", name=TEXT, role=TEXT, expires_at=TIME),
    "Who": record("name role via", name=TEXT, role=one_of("viewer", "operator", "engineer"),
                  via=one_of("token", "cookie", "anonymous")),
    "OpenApi": {"type": "object"},
}
