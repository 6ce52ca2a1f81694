"""The metrics: names of the prior system, bounded labels, arrays read at the scrape."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from math import nan
from typing import Any

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families

from jit.codes import Mode, Quality, Reason, WriteStatus
from sinks.metrics import GAUGES, Metrics
from sources.receipt import Receipt

ASSETS = ("bess1", "bess2")


@dataclass
class Layout:
    assets: tuple[str, ...] = ASSETS


@dataclass
class Frame:
    """Rows by name, as a sealed frame gives them."""

    tick: int = 1
    layout: Layout = field(default_factory=Layout)
    rows: dict[str, Any] = field(default_factory=dict)

    def __getitem__(self, row: str) -> Any:
        given = self.rows.get(row, 0.0)
        codes = row in {"quality", "mode", "state_by", "state", "authority"}
        return np.broadcast_to(np.array(given, np.int64 if codes else np.float64), len(self.layout.assets))

    def at_site(self, row: str) -> float:
        return {"poc_kw": 12.0, "frequency_hz": 49.98}[row]


GOOD = {"quality": int(Quality.VALID), "mode": int(Mode.IDLE)}


def samples(metrics: Metrics) -> dict[tuple[str, ...], float]:
    return {(sample.name, *sample.labels.values()): sample.value
            for family in text_string_to_metric_families(metrics.render().decode()) for sample in family.samples}


@pytest.mark.req("LH-MON-002")
def test_the_names_of_the_prior_system_are_there() -> None:
    metrics = Metrics(ASSETS, "1.2.3")
    metrics.offer(Frame(rows=GOOD | {"soc_pct": [62.0, nan], "command_kw": 37.0}), 0.0001)
    metrics.offer(Frame(rows=GOOD | {"quality": int(Quality.STALE), "mode": int(Mode.STOP),
                                     "state_by": int(Reason.VALUES_LOST), "soc_pct": [62.0, nan],
                                     "command_kw": 37.0}), 0.0002)
    metrics.receipt(Receipt("bess1", 1, 0.0, WriteStatus.FAILED, latency_s=0.04), "modbus")
    metrics.solver_run("optimal", 0.2)
    found = samples(metrics)
    assert found["bess_control_cycle_duration_seconds_count", "site"] == 2
    assert found["bess_invalid_snapshots_total", "bess1", "stale"] == 1
    assert found["bess_communication_errors_total", "bess1", "modbus"] == 1
    assert found["bess_command_latency_seconds_sum", "bess1"] == 0.04
    assert found["bess_active_power_kw", "bess2"] == 37.0
    assert found["bess_soc_percent", "bess1"] == 62.0
    assert np.isnan(found["bess_soc_percent", "bess2"])
    assert found["bess_safe_stops_total", "bess2", "values_lost"] == 1
    assert found["bess_optimization_core_runs_total", "optimal"] == 1
    assert found["bess_optimization_core_terminal_states_total", "optimal"] == 1
    assert found["bess_optimization_core_run_duration_seconds_sum",] == 0.2
    assert np.isnan(found["bess_optimization_core_sidecar_health_status",])
    assert found["bess_build_info", "1.2.3"] == 1


def test_a_stop_counts_when_it_begins() -> None:
    metrics = Metrics(ASSETS)
    stop = GOOD | {"mode": [int(Mode.STOP), int(Mode.IDLE)], "state_by": int(Reason.OPERATOR_STOP)}
    for rows in (stop, stop, GOOD, stop, stop, GOOD, stop):
        metrics.offer(Frame(rows=rows), 0.0001)
    assert samples(metrics)["bess_safe_stops_total", "bess1", "operator_stop"] == 2
    assert ("bess_safe_stops_total", "bess2", "operator_stop") not in samples(metrics)


def test_several_bits_count_each_and_never_received_by_itself() -> None:
    metrics = Metrics(ASSETS)
    metrics.offer(Frame(rows=GOOD | {"quality": [int(Quality.STALE | Quality.PROTOCOL), 0]}), 0.0001)
    found = samples(metrics)
    assert [found["bess_invalid_snapshots_total", "bess1", reason] for reason in ("stale", "protocol")] == [1, 1]
    assert found["bess_invalid_snapshots_total", "bess2", "never_received"] == 1


@pytest.mark.req("LH-MON-002", "LH-NF-009")
def test_labels_are_bounded_whatever_comes() -> None:
    metrics = Metrics(ASSETS)
    for number in range(500):
        metrics.receipt(Receipt(f"asset-{number}", 1, 0.0, WriteStatus.REFUSED), f"component {number}")
        metrics.communication_error("bess1", f"aged {number} s")
        metrics.dropped(f"queue {number}")
        metrics.solver_run(f"status {number}", 0.1)
        metrics.offer(Frame(rows=GOOD | {"mode": number % 2, "state_by": number}), 0.0001)
    found = samples(metrics)
    assert len(found) < 250
    assert found["bess_communication_errors_total", "other", "other"] == 500
    assert found["bess_dropped_total", "other"] == 500


def test_queues_ticks_and_gauges_asked_at_the_scrape() -> None:
    metrics = Metrics(ASSETS)
    metrics.dropped("postgres", 3)
    metrics.offer(Frame(rows=GOOD), 0.0001, lateness_s=0.002, missed=2)
    metrics.read("bess_alarms", "Active alarms", "priority", lambda: {"1": 0.0, "2": 3.0})
    metrics.solver_health(answers=True)
    found = samples(metrics)
    assert found["bess_dropped_total", "postgres"] == 3
    assert found["bess_ticks_missed_total",] == 2
    assert found["bess_tick_lateness_seconds_sum",] == 0.002
    assert found["bess_alarms", "2"] == 3.0
    assert found["bess_optimization_core_sidecar_health_status",] == 1.0
    assert found["bess_frequency_hertz",] == 49.98
    assert {name for name, _, _ in GAUGES} <= {key[0] for key in found}


def test_before_the_first_tick_there_is_text_too() -> None:
    assert b"bess_ticks_total 0.0" in Metrics(ASSETS).render()


async def test_rendering_in_a_thread_while_ticks_go_on() -> None:
    metrics = Metrics(ASSETS)
    renders = [asyncio.ensure_future(asyncio.to_thread(metrics.render)) for _ in range(4)]
    for _ in range(200):
        metrics.offer(Frame(rows=GOOD | {"quality": int(Quality.STALE)}), 0.0001)
        await asyncio.sleep(0)
    assert all(b"bess_ticks_total" in text for text in await asyncio.gather(*renders))
