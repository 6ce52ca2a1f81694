"""A site to look at: a `View` and a `Door` whose situation a test chooses, in place of a running chain.

    plant.situation = "limited"     normal · limited · stale · stopped · fault · alarms · empty · hostile

Values follow a slow curve of `plant.tick`, so that the page moves. It computes nothing that a chain would compute.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sinks.web.ports import Json, Principal, Refusal
from sources.act import ActKind, OperatorAct
from sources.ceiling import Ceiling, CeilingError
from sources.schedule import Schedule
from tests.browser.chain import chain, decision_from, node

START = datetime(2026, 11, 22, 13, 3, 7, tzinfo=UTC)
HOSTILE = '<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>'
LONG = "battery-container-north-east-of-the-old-transformer-house-number-17"
EMPTY = ("at", "state", "telemetry", "quality", "band", "rated", "missing", "why", "write", "age_s")
FAULT_TELEMETRY = {"active_power_kw": 0.0, "temperature_celsius": 56.4, "fault_status": "over-temperature"}
FAULT = {
    "state": "fault",
    "state_reason": "fault latched: critical alarm of the device",
    "may_charge": False,
    "may_discharge": False,
    "missing": ["critical alarm of the device", "needs an acknowledgement"],
    "command_kw": 0.0,
    "why": "0 kW: fault latched, over-temperature of module 3",
    "write": {"status": "refused", "written_kw": 0.0, "readback_kw": None, "age_s": 2.0},
}
WAITING = {
    "state": "standby",
    "state_reason": "stop released",
    "authority": "silent",
    "may_charge": False,
    "may_discharge": False,
    "missing": ["not activated"],
    "asked_kw": 80.0,
    "command_kw": 0.0,
    "why": "nothing is written: not activated",
}


def rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


@dataclass
class Plant:
    """What the page is shown, and what it asked for (`acts`, `acknowledged`)."""

    situation: str = "normal"
    names: tuple[str, ...] = ("bess1",)
    mode: str = "armed"
    tick: int = 48211
    cycle_s: float = 0.25
    alarm_count: int = 0
    site_name: str = "nordhafen"
    demo: bool = True
    anonymous: bool = True
    acts: list[OperatorAct] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    shelved: dict[str, str] = field(default_factory=dict)
    flood: bool = False
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def at(self) -> datetime:
        return START + timedelta(seconds=(self.tick - 48211) * self.cycle_s)

    def assets(self) -> tuple[str, ...]:
        return self.names

    def hello(self) -> Json:
        return {"server": "bess-pipeline", "epoch": "1", "gen": 8, "assets": list(self.names)}

    def stopped(self, asset: str) -> bool:
        last = [act.kind for act in self.acts if act.asset in {asset, None}]
        return self.situation == "stopped" or (bool(last) and last[-1] is ActKind.STOP)

    def released(self, asset: str) -> bool:
        """After a release somebody has to activate."""
        last = [act.kind for act in self.acts if act.asset in {asset, None}]
        return bool(last) and last[-1] is ActKind.RELEASE

    def _power(self, place: int) -> float:
        wave = 60.0 * math.sin((self.tick + 40 * place) / 45.0) + 8.0 * math.sin(self.tick / 7.0)
        return round(80.0 - 30.0 * place + wave, 1)

    def site(self) -> Json:
        if self.situation == "empty":
            return {
                "name": None,
                "at": rfc3339(self.at),
                "tick": self.tick,
                "timezone": None,
                "mode": None,
                "next": None,
                "services": None,
                "demo": False,
                "anonymous": True,
            }
        name = HOSTILE if self.situation == "hostile" else self.site_name
        poc = sum(self._power(place) for place in range(len(self.names))) - 95.0
        steps = [
            {
                "at": rfc3339(self.at + timedelta(minutes=12 + 15 * step)),
                "asset": None if step % 2 else self.names[0],
                "type": HOSTILE if self.situation == "hostile" else "day_ahead",
                "power_kw": 120.0 - 55.0 * step,
            }
            for step in range(5)
        ]
        return {
            "name": name,
            "at": rfc3339(self.at),
            "tick": self.tick,
            "cycle_s": self.cycle_s,
            "timezone": "Europe/Berlin",
            "mode": self.mode,
            "alarms": self._counts(),
            "in_control": name if self.situation == "hostile" else "day_ahead",
            "poc_kw": round(poc, 1),
            "poc_age_s": 0.3,
            "frequency_hz": round(50.0 + 0.02 * math.sin(self.tick / 11.0), 3),
            "frequency_age_s": 0.2,
            "import_limit_kw": 300.0,
            "export_limit_kw": 250.0,
            "other_kw": -95.0,
            "total_kw": round(poc + 95.0, 1),
            "demo": self.demo,
            "anonymous": self.anonymous,
            "simulator_url": "javascript:window.pwned=1" if self.situation == "hostile" else "http://127.0.0.1:8089/",
            "services": [
                {
                    "id": "ancillary.fcr",
                    "capacity_kw": 50.0,
                    "asked_kw": 12.3,
                    "given_kw": 12.3,
                    "undeliverable_kw": 13.0 if self.situation == "limited" else 0.0,
                    "state": "active",
                }
            ],
            "next": steps,
            "ticks": {"missed": 0, "lateness_ms": 0.4},
        }

    def asset(self, asset: str) -> Json | None:
        if asset not in self.names:
            return None
        if self.situation == "empty":
            return {"asset_id": asset, **dict.fromkeys(EMPTY)}
        place = self.names.index(asset)
        value = self._running(asset, place)
        first = place == 0
        if self.stopped(asset):
            value |= {
                "state": "emergency_stop",
                "state_reason": "operator stop",
                "may_charge": False,
                "may_discharge": False,
                "missing": ["operator stop stands", "not activated"],
                "asked_kw": 80.0,
                "command_kw": 0.0,
                "band": value["band"]
                | {"low_kw": 0.0, "high_kw": 0.0, "low_by": "permission", "high_by": "permission"},
                "why": "0 kW: operator stop stands until it is released",
            }
            value["telemetry"] |= {"active_power_kw": 0.0}
        elif self.released(asset):
            value |= WAITING | {"telemetry": value["telemetry"] | {"active_power_kw": 0.0}}
        elif self.situation == "limited" and first:
            value |= {
                "state": "limited",
                "asked_kw": 80.0,
                "command_kw": 37.0,
                "limited_kw": 37.0,
                "band": value["band"] | {"high_kw": 37.0, "high_by": "bms_discharge"},
                "why": "37.0 kW discharge, limited by the BMS discharge limit 37.0 kW (asked 80.0 kW by day ahead)",
            }
            value["telemetry"] |= {"active_power_kw": 36.8}
        elif self.situation == "stale" and first:
            value |= {
                "age_s": 14.2,
                "quality": {"flag": "Stale", "reason": "no reply on modbus-tcp for 14.2 s"},
                "state": "ready",
                "missing": ["fresh data"],
                "may_charge": False,
                "may_discharge": False,
                "why": "0 kW: data lost, stale or implausible",
            }
        elif self.situation == "fault" and first:
            telemetry = value["telemetry"] | FAULT_TELEMETRY
            value |= FAULT | {"telemetry": telemetry}
        elif self.situation == "hostile":
            value |= {
                "state": HOSTILE,
                "state_reason": HOSTILE,
                "why": HOSTILE,
                "missing": [HOSTILE],
                "quality": {"flag": HOSTILE, "reason": HOSTILE},
                "write": {"status": HOSTILE},
            }
            value["telemetry"] |= {"fault_status": HOSTILE}
        return value

    def _running(self, asset: str, place: int) -> dict[str, Any]:
        power = self._power(place)
        direction = "discharge" if power > 0 else "charge"
        return {
            "asset_id": asset,
            "at": rfc3339(self.at),
            "state": "discharging" if power > 0 else "charging",
            "state_reason": "running",
            "authority": self.mode if self.mode == "armed" else "silent",
            "may_charge": True,
            "may_discharge": True,
            "missing": [],
            "telemetry": {
                "timestamp": rfc3339(self.at),
                "soc_percent": round(62.0 - self.tick % 600 / 100.0, 1),
                "soh_percent": 97.5,
                "active_power_kw": power,
                "reactive_power_kvar": 0.0,
                "dc_voltage": 812.4,
                "dc_current": round(power / 0.8124, 1),
                "temperature_celsius": 27.0 + place,
                "available": True,
                "fault_status": None,
            },
            "quality": {"flag": "Valid", "reason": ""},
            "age_s": 0.3,
            "observed_at": rfc3339(self.at),
            "band": {
                "low_kw": -250.0,
                "high_kw": 250.0,
                "low_by": "rating",
                "high_by": "rating",
                "low_room_kw": 40.0,
                "high_room_kw": 12.0,
            },
            "rated": {"charge_kw": 250.0, "discharge_kw": 250.0, "energy_kwh": 500.0},
            "soc_limits": {"min": 10.0, "max": 90.0},
            "temperature_limits": {"min": -10.0, "max": 50.0},
            "asked_kw": round(power + 2.0, 1),
            "base_kw": power,
            "service_kw": 12.3,
            "limited_kw": power,
            "ramped_kw": power,
            "command_kw": power,
            "request": "day_ahead",
            "why": f"{abs(power):.1f} kW {direction}, follows day ahead and FCR, within all limits",
            "last_command": {"command_id": f"c-{self.tick}", "mode": "Discharge", "active_power_kw": power},
            "write": {"status": "confirmed", "written_kw": power, "readback_kw": power, "age_s": 0.1},
        }

    def points(self, asset: str) -> Sequence[Json]:
        return []

    def decision(self, asset: str) -> Json | None:
        if asset not in self.names:
            return None
        by = HOSTILE if self.situation == "hostile" else "requests.day_ahead"
        return {"asset_id": asset, "tick": self.tick, "at": rfc3339(self.at), **decision_from(by)}

    def graph(self) -> Json:
        hostile = [node(HOSTILE, "source", HOSTILE)] if self.situation == "hostile" else []
        return {"nodes": [*chain(self.names), *hostile]}

    def nodes(self) -> Sequence[Json]:
        broken = self.situation == "stale"
        return [
            {
                "id": item["id"],
                "rate_hz": 1.0,
                "last": f"{self._power(0)} kW",
                "age_s": 14.2 if broken and place == 0 else 0.3,
                "p50_us": 18.0 + place,
                "p95_us": 34.0 + place,
                "errors": 3 if broken and place == 0 else 0,
                "dropped": 0,
            }
            for place, item in enumerate(self.graph()["nodes"])
        ]

    def _counts(self) -> dict[str, Any]:
        active = [item["priority"] for item in self.alarms() if item["active"] and not item["state"]]
        words = {1: "high", 2: "medium", 3: "low"}
        return {word: active.count(level) for level, word in words.items()} | {
            "shelved": len(self.shelved), "suppressed": 0, "flood": self.flood}  # fmt: skip

    def alarms(self) -> Sequence[Json]:
        text, response = "BMS derating", "check cell spread and cooling"
        if self.situation == "hostile":
            text = response = HOSTILE
        count = self.alarm_count or int(self.situation in {"limited", "fault", "hostile"})
        return [
            {
                "id": f"alarm-{place}",
                "asset_id": None if place % 5 == 4 else self.names[place % len(self.names)],
                "priority": 1 + place % 3 if count > 1 else (1 if self.situation == "fault" else 2),
                "text": text if place % 3 else f"{text}, discharge limit below what is sold",
                "response": response,
                "since": rfc3339(START - timedelta(seconds=72 + 31 * place)),
                "state": "shelved" if f"alarm-{place}" in self.shelved else "",
                "shelved_by": "operator",
                "shelved_until": rfc3339(START + timedelta(minutes=30)),
                "shelved_reason": self.shelved.get(f"alarm-{place}", ""),
                "first_out": count > 1 and place == 0,
                "active": place % 4 != 3,
                "acknowledged": f"alarm-{place}" in self.acknowledged or place % 6 == 5,
            }
            for place in range(count)
        ]

    def health(self) -> Json:
        return {"status": "ok", "components": {}}

    def schedules(self, asset: str | None) -> Sequence[Json]:
        return []

    def stops(self) -> Sequence[Json]:
        return []

    def tap(self, node: str) -> Json | None:
        if node not in {item["id"] for item in self.graph()["nodes"]}:
            return None
        return {
            "node": node,
            "tick": self.tick,
            "at": rfc3339(self.at),
            "rows": {
                "ramped_kw": [self._power(place) for place in range(len(self.names))],
                "ramp_by": ["ramping up" if self.situation != "hostile" else HOSTILE] * len(self.names),
            },
        }

    async def act(self, act: OperatorAct) -> None:
        self.acts.append(act)

    async def import_schedule(self, schedule: Schedule, who: Principal) -> None:
        return None

    async def set_ceiling(self, document: Json, who: Principal) -> Ceiling:
        raise CeilingError("no ceilings here")

    async def acknowledge_alarm(self, alarm: str, who: Principal) -> bool:
        self.acknowledged.append(alarm)
        return alarm in {item["id"] for item in self.alarms()}

    async def acknowledge_alarms(self, alarms: Sequence[str], who: Principal) -> Sequence[str]:
        return [alarm for alarm in alarms if await self.acknowledge_alarm(alarm, who)]

    async def shelve_alarm(self, alarm: str, who: Principal, reason: str, until_ns: int) -> bool:
        self.shelved[alarm] = reason
        return alarm in {item["id"] for item in self.alarms()}

    async def unshelve_alarm(self, alarm: str, who: Principal) -> bool:
        return self.shelved.pop(alarm, None) is not None

    async def refused(self, entry: Refusal) -> None:
        self.refusals.append(entry)
