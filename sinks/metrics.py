"""Prometheus metrics of one process, in the names of the prior system, with bounded labels.

    sealed frame ──offer()──► counters (what happened), newest frame kept
    scrape (a thread) ──render()──► gauges read from the newest frame, text

Guarantees: labels are asset ids of the definition, codes of closed enumerations and component names of a fixed list;
what is not among them counts as `other`, so the number of series never grows. `offer` and `receipt`, called in every
tick, count in plain numbers (`sinks.spread`) and cost a few microseconds however many assets there are; what costs is
done by `render`, which runs in a thread on sealed, read-only frames. Unknown values are NaN. Units are in the names.
"""

from __future__ import annotations

from collections import Counter as Count
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Any, Protocol

import numpy as np
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jit.codes import Authority, Mode, Quality, Reason, State, WriteStatus
from sinks.spread import Spread
from sources.receipt import Receipt

COMPONENTS = frozenset({"modbus", "mqtt", "opcua", "postgres", "web", "recording"})
QUEUES = frozenset({"acts", "readings", "receipts", "postgres", "mqtt", "websocket", "recording"})
SOLVER_STATES = frozenset({"optimal", "feasible", "infeasible", "unbounded", "time_limit", "iteration_limit", "failed"})
BAD = tuple(bit for bit in Quality if bit not in {Quality.VALID, Quality.UNKNOWN})
FAILED_WRITES = frozenset(WriteStatus) - {WriteStatus.UNKNOWN, WriteStatus.WRITTEN, WriteStatus.CONFIRMED}
VALID, STOP = int(Quality.VALID), int(Mode.STOP)
GAUGES = (
    ("bess_soc_percent", "State of charge", "soc_pct"),
    ("bess_soh_percent", "State of health", "soh_pct"),
    ("bess_active_power_kw", "Active power set-point, + is discharging", "command_kw"),
    ("bess_measured_power_kw", "Measured active power, + is discharging", "power_kw"),
    ("bess_temperature_celsius", "Temperature", "temperature_c"),
    ("bess_data_age_seconds", "Age of the newest usable data", "age_s"),
)


class Layout(Protocol):
    @property
    def assets(self) -> tuple[str, ...]: ...


class Sealed(Protocol):
    """What the metrics read of a sealed frame."""

    @property
    def tick(self) -> int: ...
    @property
    def layout(self) -> Layout: ...
    def __getitem__(self, row: str) -> Any: ...
    def at_site(self, row: str) -> float: ...


def known(name: str, names: frozenset[str]) -> str:
    return name if name in names else "other"


class Metrics:
    """One registry of its own. `assets` are all that can appear in a label."""

    def __init__(self, assets: tuple[str, ...], version: str = "") -> None:
        self.registry = CollectorRegistry()
        self._assets = assets
        self._ids = frozenset(assets)
        self.frame: Sealed | None = None
        self.invalid = np.zeros((len(BAD) + 1, len(assets)), np.int64)
        self.stops = np.zeros((len(Reason), len(assets)), np.int64)
        self._modes = np.zeros(len(assets), np.int64)
        self._reasons = np.array([int(reason) for reason in Reason])
        self.ticks = 0
        self.cycle, self.lateness = Spread(), Spread()
        self.latency: dict[str, Spread] = {}
        self.writes: Count[tuple[str, str]] = Count()
        self._readers: dict[str, tuple[str, str, Callable[[], Mapping[str, float]]]] = {}
        self._make(version)
        self.registry.register(_Newest(self))

    def _make(self, version: str) -> None:
        registry = self.registry
        self._missed = Counter("bess_ticks_missed_total", "Deadlines that passed without a tick", registry=registry)
        self._communication = Counter("bess_communication_errors_total", "Failed reads and writes",
                                      ["asset_id", "component"], registry=registry)
        self._dropped = Counter("bess_dropped_total", "Items dropped by a bounded queue", ["queue"], registry=registry)
        self._runs = Counter("bess_optimization_core_runs_total", "Optimiser runs", ["status"], registry=registry)
        self._ended = Counter("bess_optimization_core_terminal_states_total", "How optimiser runs ended", ["status"],
                              registry=registry)
        self._solving = Histogram("bess_optimization_core_run_duration_seconds", "Time of an optimiser run",
                                  registry=registry)
        self._solver = Gauge("bess_optimization_core_sidecar_health_status", "1: the optimiser answers, 0: it does not",
                             registry=registry)
        self._solver.set(float("nan"))
        Gauge("bess_build_info", "Version", ["version"], registry=registry).labels(version).set(1)

    def offer(self, frame: Sealed, duration_s: float, lateness_s: float = 0.0, missed: int = 0) -> None:
        """Take a sealed frame: called after the tick, O(1) in Python for any number of assets."""
        self.ticks += 1
        self.cycle.observe(duration_s)
        self.lateness.observe(lateness_s)
        if missed:
            self._missed.inc(missed)
        quality, modes = frame["quality"], frame["mode"]
        if quality.shape == self._modes.shape:
            self._count_quality(quality)
            self._count_stops(frame, modes)
        self.frame = frame

    def _count_quality(self, quality: Any) -> None:
        if np.count_nonzero(quality & VALID) == len(quality):
            return
        bad = (quality & VALID) == 0
        for row, bit in enumerate(BAD):
            self.invalid[row] += bad & ((quality & int(bit)) != 0)
        self.invalid[-1] += quality == 0

    def _count_stops(self, frame: Sealed, modes: Any) -> None:
        before, self._modes = self._modes, modes
        stopped = modes == STOP
        if self.frame is None or not np.count_nonzero(stopped):
            return
        begun = stopped & (before != STOP)
        for column in np.flatnonzero(begun):
            row = np.searchsorted(self._reasons, int(frame["state_by"][column]))
            self.stops[row if row < len(self._reasons) else 0, column] += 1

    def receipt(self, receipt: Receipt, component: str) -> None:
        """Count the outcome of a write."""
        asset = known(receipt.asset, self._ids)
        self.writes[asset, receipt.status.name] += 1
        if isfinite(receipt.latency_s):
            self.latency.setdefault(asset, Spread()).observe(receipt.latency_s)
        if receipt.status in FAILED_WRITES:
            self.communication_error(receipt.asset, component)

    def communication_error(self, asset: str, component: str) -> None:
        """A read or a write failed. `component` is one of `COMPONENTS`."""
        self._communication.labels(known(asset, self._ids), known(component, COMPONENTS)).inc()

    def dropped(self, queue: str, count: int = 1) -> None:
        """A bounded queue dropped something. `queue` is one of `QUEUES`."""
        self._dropped.labels(known(queue, QUEUES)).inc(count)

    def solver_run(self, status: str, seconds: float) -> None:
        """An optimiser run ended. `status` is one of `SOLVER_STATES`."""
        status = known(status, SOLVER_STATES)
        self._runs.labels(status).inc()
        self._ended.labels(status).inc()
        self._solving.observe(seconds)

    def solver_health(self, *, answers: bool) -> None:
        self._solver.set(1.0 if answers else 0.0)

    def read(self, name: str, text: str, label: str, values: Callable[[], Mapping[str, float]]) -> None:
        """A gauge that is asked for at each scrape: `values` gives one number per label value, from a fixed set."""
        self._readers[name] = (text, label, values)

    def readings(self) -> Iterator[Metric]:
        for name, (text, label, values) in self._readers.items():
            family = GaugeMetricFamily(name, text, labels=[label])
            for value, number in values().items():
                family.add_metric([value], number)
            yield family

    def render(self) -> bytes:
        """The text of a scrape. Runs in a thread; ten thousand series take tens of milliseconds."""
        return generate_latest(self.registry)


class _Newest(Collector):
    """Gauges and counters that are read from arrays at the scrape."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        metrics = self._metrics
        yield from metrics.readings()
        yield from self._ticks()
        yield from self._writes()
        yield self._counts("bess_invalid_snapshots", "Ticks with unusable data", metrics.invalid,
                           [bit.name or "other" for bit in BAD] + ["never_received"])
        yield self._counts("bess_safe_stops", "Commands that became a stop", metrics.stops,
                           [reason.name for reason in Reason])
        if metrics.frame is not None:
            yield from self._gauges(metrics.frame)

    def _ticks(self) -> Iterator[Metric]:
        metrics = self._metrics
        yield CounterMetricFamily("bess_ticks", "Ticks that ran", metrics.ticks)
        yield _spread("bess_control_cycle_duration_seconds", "Snapshot to sealed frame, all assets at once",
                      "asset_id", {"site": metrics.cycle})  # fmt: skip
        yield _spread("bess_tick_lateness_seconds", "How late a tick began", "", {"": metrics.lateness})

    def _writes(self) -> Iterator[Metric]:
        metrics = self._metrics
        family = CounterMetricFamily("bess_writes", "Writes by outcome", labels=["asset_id", "status"])
        for (asset, status), count in list(metrics.writes.items()):
            family.add_metric([asset, status.lower()], count)
        yield family
        latency = dict(metrics.latency)
        yield _spread("bess_command_latency_seconds", "Sealed frame to outcome of the write", "asset_id", latency)

    def _counts(self, name: str, text: str, counts: Any, reasons: list[str]) -> Metric:
        family = CounterMetricFamily(name, text, labels=["asset_id", "reason"])
        for row, column in np.argwhere(counts):
            family.add_metric([self._metrics._assets[column], reasons[row].lower()], float(counts[row, column]))
        return family

    def _gauges(self, frame: Sealed) -> Iterator[Metric]:
        assets = frame.layout.assets
        for name, text, row in GAUGES:
            family = GaugeMetricFamily(name, text, labels=["asset_id"])
            for asset, value in zip(assets, frame[row].tolist(), strict=True):
                family.add_metric([asset], value)
            yield family
        for name, text, row, code in (("bess_state", "State of the asset", "state", State),
                                      ("bess_authority", "Whether commands are written", "authority", Authority)):
            meaning = ", ".join(f"{word.value} {word.name.lower()}" for word in code)
            family = GaugeMetricFamily(name, f"{text}: {meaning}", labels=["asset_id"])
            for asset, value in zip(assets, frame[row].tolist(), strict=True):
                family.add_metric([asset], value)
            yield family
        yield GaugeMetricFamily("bess_point_of_connection_kw", "Power there, + is export", frame.at_site("poc_kw"))
        yield GaugeMetricFamily("bess_frequency_hertz", "Grid frequency", frame.at_site("frequency_hz"))
        yield GaugeMetricFamily("bess_tick", "Number of the newest tick", frame.tick)


def _spread(name: str, text: str, label: str, spreads: Mapping[str, Spread]) -> Metric:
    """A histogram of one label, or of none."""
    family = HistogramMetricFamily(name, text, labels=[label] if label else [])
    for value, spread in spreads.items():
        family.add_metric([value] if label else [], spread.buckets(), spread.total)
    return family
