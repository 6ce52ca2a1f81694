"""What the presets of `site.grid_code` stand for: one reviewed table, each number with where it is from.

A preset makes the functions of frequency mandatory at rank 2, above every request. It does not choose a function of
reactive power: that one, and its curve, are what the grid operator writes into the connection agreement, and stand
under `site.grid_functions.reactive`. Every number can be set there too, and is then the user's.

CONFIRM marks what is taken from general knowledge of the rules' public summaries and not from their text, which is
sold: compare it with the connection agreement before commissioning. `preset_table()` prints the table for the docs.
Frequencies in Hz, droops and powers in %, times in s.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

GridCode = Literal["vde-ar-n-4105", "vde-ar-n-4110", "vde-ar-n-4120", "none"]
Reference = Literal["momentary", "rated"]

CONFIRM = "to be confirmed by the user"
RFG = "Regulation (EU) 2016/631, article 13(2): 50.2 Hz to 50.5 Hz, droop 2 % to 12 %; Germany chose 50.2 Hz and 5 %"
SUMMARY = "public summaries of the VDE-AR-N (2018): 40 % of the momentary power per Hz"
STORAGE = f"public summaries of the VDE-AR-N (2018) on storage below 49.8 Hz; the droop is {CONFIRM}"
GRADIENT = f"public summaries: at most 10 % of the agreed power per minute after the event; {CONFIRM}"
WAIT = f"public summaries; how long the frequency must have been back is {CONFIRM}"
REENTRY = f"public summaries: 60 s within the bands of frequency and voltage; {CONFIRM}"
SETTLING = f"public summaries: settled after 3 τ, τ between 3 s and 60 s set by the grid operator; {CONFIRM}"


@dataclass(frozen=True, slots=True)
class FrequencyRule:
    """P(f) on one side of 50 Hz. `of` momentary: the power when the threshold was crossed; rated: the rated power."""

    from_hz: float
    droop_pct: float
    of: Reference
    return_pct_per_min: float
    return_after_s: float


@dataclass(frozen=True, slots=True)
class Preset:
    """One rule of connection: its mandatory functions and its delays."""

    title: str
    over: FrequencyRule
    under: FrequencyRule
    time_constant_s: float
    reentry_s: float


def _preset(title: str, return_after_s: float) -> Preset:
    over = FrequencyRule(50.2, 5.0, "momentary", 10.0, return_after_s)
    under = FrequencyRule(49.8, 5.0, "momentary", 10.0, return_after_s)
    return Preset(title, over, under, time_constant_s=5.0, reentry_s=60.0)


PRESETS: dict[str, Preset] = {
    "vde-ar-n-4105": _preset("VDE-AR-N 4105: low voltage", 60.0),
    "vde-ar-n-4110": _preset("VDE-AR-N 4110: medium voltage", 600.0),
    "vde-ar-n-4120": _preset("VDE-AR-N 4120: high voltage", 600.0),
}
#: What a function has that is written without a preset.
DEFAULT = _preset("without a preset", 60.0)

#: (what, how to read it from a preset, where it is from)
SOURCES: tuple[tuple[str, str, str], ...] = (
    ("over_frequency.from", "{over.from_hz:g} Hz", RFG),
    ("over_frequency.droop", "{over.droop_pct:g} %", RFG),
    ("over_frequency.of", "{over.of}", SUMMARY),
    ("over_frequency.return", "{over.return_pct_per_min:g} %/min", GRADIENT),
    ("over_frequency.return_after", "{over.return_after_s:g} s", WAIT),
    ("under_frequency.from", "{under.from_hz:g} Hz", STORAGE),
    ("under_frequency.droop", "{under.droop_pct:g} %", STORAGE),
    ("under_frequency.of", "{under.of}", STORAGE),
    ("under_frequency.return", "{under.return_pct_per_min:g} %/min", GRADIENT),
    ("under_frequency.return_after", "{under.return_after_s:g} s", WAIT),
    ("reactive.time_constant", "{time_constant_s:g} s", SETTLING),
    ("re-entry delay", "{reentry_s:g} s", REENTRY),
)


def preset(code: str | None) -> Preset | None:
    """The preset of a grid code; None for `none` and without one."""
    return PRESETS.get(code or "none")


def preset_table() -> str:
    """The table in Markdown, one column per preset."""
    names = list(PRESETS)
    lines = [f"| | {' | '.join(names)} | from |", f"|---|{'---|' * (len(names) + 1)}"]
    for what, how, source in SOURCES:
        cells = [how.format(**{key: getattr(PRESETS[name], key) for key in
                               ("over", "under", "time_constant_s", "reentry_s")}) for name in names]  # fmt: skip
        lines.append(f"| `{what}` | {' | '.join(cells)} | {source} |")
    return "\n".join(lines)
