"""A fault on an edge of the graph: the readings of one device pass through it between two instants.

    bess1 ──r──r──r──r──r──►  on_edge("bess1", 30 s, 60 s, freeze)  ──r──r──r'─r'─r──►  validate
    others, ticks, requests ──────────────────────────────────────────────────────────►

Guarantees: what is no reading of that device passes at once and unchanged; outside its time so does everything; time
comes from the scheduler, from the subscription on (s). A reading that was delayed arrives later, and says so.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from reactivex import Observable, abc

from sources.reading import Reading

Operator = Callable[[Observable[Any]], Observable[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Onward:
    """The way on from the edge."""

    emit: Callable[[Reading], None]
    scheduler: abc.SchedulerBase

    def later(self, reading: Reading, seconds: float) -> None:
        """Let it arrive so much later."""
        late = replace(reading, arrived_s=reading.arrived_s + seconds)
        self.scheduler.schedule_relative(seconds, lambda _scheduler, _state: self.emit(late))


#: What a fault does with a reading.
Act = Callable[[Reading, Onward], None]


def on_edge(device: str, begin_s: float, lasts_s: float, act: Act, scheduler: abc.SchedulerBase) -> Operator:
    """The operator: `act` decides what becomes of the device's readings from `begin_s` on, for `lasts_s`."""

    def operator(source: Observable[Any]) -> Observable[Any]:
        def subscribe(
            observer: abc.ObserverBase[Any], _scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            onward = Onward(observer.on_next, scheduler)
            began = scheduler.to_seconds(scheduler.now)

            def on_next(signal: Any) -> None:
                since = scheduler.to_seconds(scheduler.now) - began - begin_s
                if isinstance(signal, Reading) and signal.device == device and 0.0 <= since < lasts_s:
                    act(signal, onward)
                else:
                    observer.on_next(signal)

            return source.subscribe(on_next, observer.on_error, observer.on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return operator
