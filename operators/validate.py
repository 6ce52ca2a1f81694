"""`validate`: every reading is judged on its own, without memory: range, finite numbers, the number of points.

    Reading ──► finite? in range? ──► Reading with VALID taken away where it does not hold, and the bit that says why

Validity is only ever taken away. What needs memory (rate of change, frozen values) is judged by `snapshot`, at the
tick, against the previous frame. Signals other than readings pass unchanged. A reading of the wrong size or of an
unknown device is dropped and reported: it cannot be placed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from reactivex import Observable, abc

from jit.codes import Quality
from sources.reading import F8, Reading

#: Why a reading was dropped: (device, reason).
Dropped = Callable[[str, str], None]

_VALID = np.int64(Quality.VALID)
_NOT_VALID = ~_VALID
_WIDEST = np.finfo(np.float64).max


@dataclass(frozen=True, slots=True, eq=False)
class Plausible:
    """Lowest and highest plausible value per point of one device, float64[n] in the chain's units.

    A point without a range has the widest there is, which infinity is outside of.
    """

    low: F8
    high: F8

    def __post_init__(self) -> None:
        for name, bound in (("low", self.low), ("high", self.high)):
            object.__setattr__(self, name, np.clip(bound, -_WIDEST, _WIDEST))


def judge(reading: Reading, plausible: Plausible) -> Reading:
    """The same reading with quality bits for what is not a finite number or out of range."""
    values = reading.values
    if np.count_nonzero((values >= plausible.low) & (values <= plausible.high)) == values.size:
        return reading
    quality = reading.quality.copy()
    unknown = ~np.isfinite(values)
    outside = ~unknown & ((values < plausible.low) | (values > plausible.high))
    if unknown.any():
        quality[unknown & (quality & _VALID != 0)] |= np.int64(Quality.MISSING)
        quality[unknown] &= _NOT_VALID
    if outside.any():
        quality[outside] |= np.int64(Quality.RANGE)
        quality[outside] &= _NOT_VALID
    return Reading(reading.device, reading.arrived_s, values, quality, reading.stamp_ns)


def validate(devices: Mapping[str, Plausible], dropped: Dropped) -> Callable[[Observable[Any]], Observable[Any]]:
    """The operator. Anything that is not a `Reading` passes through as it is."""

    def place(signal: Any) -> Any:
        if not isinstance(signal, Reading):
            return signal
        try:
            return placed(signal)
        except Exception as error:  # rule 10: what a source emits can spoil its reading, never the stream
            dropped(str(signal.device), repr(error))
            return None

    def placed(signal: Reading) -> Reading | None:
        plausible = devices.get(signal.device)
        if plausible is None:
            dropped(signal.device, "unknown device")
            return None
        if not signal.values.shape == signal.quality.shape == plausible.low.shape:
            dropped(signal.device, f"{signal.values.size} points instead of {plausible.low.size}")
            return None
        return judge(signal, plausible)

    def operator(source: Observable[Any]) -> Observable[Any]:
        def subscribe(
            observer: abc.ObserverBase[Any], scheduler: abc.SchedulerBase | None = None
        ) -> abc.DisposableBase:
            def on_next(signal: Any) -> None:  # map and filter in one hop: every signal passes here
                judged = place(signal)
                if judged is not None:
                    observer.on_next(judged)

            return source.subscribe(on_next, observer.on_error, observer.on_completed, scheduler=scheduler)

        return Observable(subscribe)

    return operator
