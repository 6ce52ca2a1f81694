"""Every reason that a test can expect, brought about by what a person would write."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.rehearsal.reason import matches
from tests.pipeline.rehearsal.site import got, outcome

pytestmark = pytest.mark.req("LH-NF-008")

ASKS = "requests.day_ahead: 100 kW"
REASONS = {
    "resolve/idle": ("{ at: 1 s, site.load: 0 kW }", "10 s", "0 kW"),
    "resolve/day_ahead": (f"{{ at: 0 s, {ASKS} }}", "10 s", "100 kW"),
    "resolve/reserve.fcr": ("{ at: 0 s, requests.day_ahead: 240 kW }", "10 s", "200 kW"),
    "ramp/up": (f"{{ at: 10 s, {ASKS} }}", "10 s", "50 kW"),
    "ramp/down": (f"{{ at: 0 s, {ASKS} }}, {{ at: 10 s, requests.day_ahead: 0 kW }}", "10 s", "50 kW"),
    "ancillary/fcr": ("{ at: 0 s, site.frequency: 49.9 Hz }", "10 s", "25 kW"),
    "ancillary/fcr.held": (
        "{ at: 0 s, site.frequency: 49.9 Hz }, { at: 10 s, site.poc.frequency: missing }", "11 s", "25 kW"
    ),
    "constrain/bms_discharge_limit": (
        "{ at: 0 s, site.frequency: 49.8 Hz, bess1.discharge_limit: 20 kW }", "10 s", "20 kW"
    ),
    "constrain/bms_charge_limit": ("{ at: 0 s, site.frequency: 50.2 Hz, bess1.charge_limit: 20 kW }", "10 s", "-20 kW"),
    "constrain/temperature": ("{ at: 0 s, site.frequency: 49.8 Hz, bess1.temperature: 49.5 °C }", "10 s", "25 kW"),
    "constrain/soc": ("{ at: 0 s, site.frequency: 49.8 Hz }, { at: 10 s, bess1.soc: 10.12 % }", "10 s", "10 kW"),
    "constrain/site.export_limit": ("{ at: 0 s, site.frequency: 49.8 Hz, site.pv: 230 kW }", "10 s", "20 kW"),
    "constrain/site.import_limit": ("{ at: 0 s, site.frequency: 50.2 Hz, site.load: 280 kW }", "10 s", "-20 kW"),
    "constrain/permission.operator_stop": (f"{{ at: 0 s, {ASKS} }}, {{ at: 5 s, operator.stop: all }}", "6 s", "0 kW"),
    "constrain/permission.not_available": (
        f"{{ at: 0 s, {ASKS} }}, {{ at: 5 s, bess1.available: false }}", "6 s", "0 kW"
    ),
    "constrain/permission.fault_latched": (f"{{ at: 0 s, {ASKS} }}, {{ at: 5 s, bess1.alarms: 2 }}", "6 s", "0 kW"),
    "constrain/permission.values_lost": (f"{{ at: 0 s, {ASKS} }}, {{ at: 5 s, bess1: stale }}", "6 s", "0 kW"),
    "command/below_minimum": ("{ at: 0 s, requests.day_ahead: 4 kW }", "10 s", "0 kW"),
    "command/silent.local_control": (f"{{ at: 0 s, {ASKS} }}, {{ at: 5 s, bess1.remote: false }}", "5 s", "0 kW"),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason(tmp_path: Path, reason: str) -> None:
    timeline, at, command = REASONS[reason]
    result = outcome(
        tmp_path,
        f"""
        - name: it
          timeline: [ {timeline} ]
          expect: [ {{ at: {at}, bess1.reason: {reason}, bess1.command: {command} }} ]
        """,
    )
    assert got(result) == []


def test_parts_may_be_left_out() -> None:
    assert matches("constrain", "constrain/permission.operator_stop")
    assert matches("constrain/permission", "constrain/permission.operator_stop")
    assert matches("resolve/reserve", "resolve/reserve.fcr")
    assert not matches("constrain/perm", "constrain/permission.operator_stop")
    assert not matches("ramp/down", "ramp/up")
    assert not matches("resolve/reserve.fcr", "resolve/reserve")
