"""Grid frequency, one value a second, played round and round: recorded or generated.

Guarantees values between 45 and 55 Hz whatever the file holds. A bad line, a gap or an implausible value keeps the
value before it, so that the time base stays one line a second.

The generated series is an Ornstein-Uhlenbeck process around 50 Hz. Its deviation (22 mHz) and correlation time (220 s)
were fitted to days of Continental European frequency: correlation 0.93 after 10 s, 0.75 after 60 s, 0.26 after 300 s.
"""

from __future__ import annotations

import gzip
import math
import os
import random
from array import array
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

NOMINAL_HZ = 50.0
DEVIATION_HZ = 0.022
CORRELATION_S = 220.0
DAY_S = 86_400
LARGEST_FILE = 64 * 1024 * 1024  # bytes; a day of 1-s values is 3 MB


class FrequencyError(Exception):
    """A frequency file cannot be used: says which and why."""


@dataclass(frozen=True, slots=True)
class Frequency:
    """A looped series (Hz, one value a second) and where it comes from."""

    values: array[float]
    source: str

    def at(self, time_s: float) -> float:
        """Frequency (Hz) at this time (s since the start of the loop), linear between two values."""
        count = len(self.values)
        whole = math.floor(time_s)
        here, there = self.values[whole % count], self.values[(whole + 1) % count]
        return here + (there - here) * (time_s - whole)


def generated(seed: int, length_s: int = DAY_S) -> Frequency:
    """A day of frequency, the same for the same seed; its end meets its beginning."""
    draw = random.Random(f"frequency-{seed}")
    keep = math.exp(-1.0 / CORRELATION_S)
    shock = DEVIATION_HZ * math.sqrt(1.0 - keep * keep)
    deviation = draw.gauss(0.0, DEVIATION_HZ)
    deviations = array("d", [deviation])
    for _ in range(length_s - 1):
        deviation = deviation * keep + draw.gauss(0.0, shock)
        deviations.append(deviation)
    bridge = (deviations[-1] - deviations[0]) / max(1, length_s - 1)
    values = array("d", (NOMINAL_HZ + value - bridge * second for second, value in enumerate(deviations)))
    return Frequency(values, f"generated (seed {seed})")


def recorded(path: Path) -> Frequency:
    """A recording: CSV or gzipped CSV whose first column, or column `frequency`, holds Hz.

    Raises FrequencyError when it cannot be read or holds no plausible value.
    """
    try:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
            text = lines.read(LARGEST_FILE)
    except (OSError, EOFError) as error:
        raise FrequencyError(f"{path}: cannot be read: {error}") from error
    values = parse(text.splitlines())
    if not values:
        raise FrequencyError(f"{path}: no line holds a frequency between 45 and 55 Hz")
    return Frequency(values, path.name)


def parse(lines: Iterable[str]) -> array[float]:
    """Values (Hz) of the lines, one each; a bad line repeats the value before it (dropped when there is none)."""
    values: array[float] = array("d")
    column = 0
    for line in lines:
        cells = [cell.strip() for cell in line.split(",")]
        if "frequency" in cells:
            column = cells.index("frequency")
            continue
        value = _number(cells[column]) if column < len(cells) else None
        if value is not None:
            values.append(value)
        elif values:
            values.append(values[-1])
    return values


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 45.0 <= value <= 55.0 else None


def found(environment: dict[str, str] | None = None) -> Path | None:
    """The first recording under `$BESS_PIPELINE_DATA/frequency`, or None."""
    folder = (os.environ if environment is None else environment).get("BESS_PIPELINE_DATA")
    if not folder:
        return None
    return next(iter(sorted(Path(folder, "frequency").glob("*.csv*"))), None)
