"""A report for people: what is modelled, the figures of both sides beside each other, the first differences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.whatif.report import APART_PCT, Report

#: Figures of an asset, of a service, of the point of connection: label, key, unit, decimals.
ASSET = (
    ("energy charged", "charged_kwh", "kWh", 2),
    ("energy discharged", "discharged_kwh", "kWh", 2),
    ("equivalent full cycles", "cycles", "", 3),
    ("SoC at the end", "soc_last_pct", "%", 1),
    ("SoC, least", "soc_least_pct", "%", 1),
    ("SoC, most", "soc_most_pct", "%", 1),
    ("reserve shortfall", "reserve_shortfall_kwh", "kWh", 2),
    ("power unknown", "unknown_s", "s", 0),
    ("silent", "silent_s", "s", 0),
)
SERVICE = (
    ("activated, up", "activated_up_kwh", "kWh", 2),
    ("activated, down", "activated_down_kwh", "kWh", 2),
    ("given, up", "given_up_kwh", "kWh", 2),
    ("given, down", "given_down_kwh", "kWh", 2),
    ("undeliverable", "undeliverable_kwh", "kWh", 2),
    ("undeliverable", "undeliverable_s", "s", 0),
    ("undeliverable, most", "most_undeliverable_kw", "kW", 1),
)
GRID = (
    ("drawn from the grid", "import_kwh", "kWh", 2),
    ("fed into the grid", "export_kwh", "kWh", 2),
    ("most drawn", "most_import_kw", "kW", 1),
    ("most fed in", "most_export_kw", "kW", 1),
)
#: What holds for every report.
MODEL = (
    """As recorded: frequency, voltage, other load and PV, schedules, acts, limits of the BMS, alarms, temperatures,
    availability, quality and age of values, what became of writes, the clock.""",
    """Modelled: power = recorded + response to the change of the command; SoC = recorded − energy of that change
    through the declared efficiencies; set-point, read-back, DC current, reactive power and the meter `poc` follow.""",
    """A battery that did not follow its command then does not follow now: more than commanded stays as recorded, less
    is the most that it gives; in local control it does what it did.""",
)
#: A figure of both sides: what it is, then, now, the change; ready to be shown.
Line = tuple[str, str, str, str]


def headline(told: dict[str, Any]) -> str:
    """One sentence: whether anything changes, where first."""
    if told["same"]:
        return f"Nothing changes: the same commands in all {told['ticks']:,} ticks."
    where = ", ".join(f"{asset} in {ticks:,}" for asset, ticks in told["differing_ticks"].items())
    first = f", first at {told['first_differences'][0]['at']}" if told["first_differences"] else ""
    return f"Other commands in {told['ticks']:,} ticks: {where}{first}."


def lines(then: dict[str, Any] | None, now: dict[str, Any] | None, figures: Any) -> Iterator[Line]:
    """The figures that say anything on either side."""
    for label, key, unit, digits in figures:
        old, new = (None if side is None else side.get(key) for side in (then, now))
        if old or new or key in ("charged_kwh", "discharged_kwh", "soc_last_pct"):
            yield _line(label, old, new, unit, digits)


def limit_lines(then: dict[str, Any] | None, now: dict[str, Any] | None) -> Iterator[Line]:
    """Every limit that bound on either side: seconds, and the energy that it curtailed."""
    old, new = (({} if side is None else side["limits"]) for side in (then, now))
    for name in sorted({*old, *new}):
        limit, _, direction = name.rpartition(".")
        one, other = old.get(name, {}), new.get(name, {})
        for key, unit, digits in (("seconds", "s", 0), ("curtailed_kwh", "kWh", 2)):
            what = f"limit {limit}, {direction}" if unit == "s" else f"  curtailed by it, {direction}"
            yield _line(what, one.get(key, 0.0), other.get(key, 0.0), unit, digits)


def state_lines(then: dict[str, Any] | None, now: dict[str, Any] | None) -> Iterator[Line]:
    old, new = (({} if side is None else side["states_s"]) for side in (then, now))
    for name in (*old, *(name for name in new if name not in old)):
        yield _line(f"in {name}", old.get(name, 0.0), new.get(name, 0.0), "s", 0)


def _line(label: str, old: float | None, new: float | None, unit: str, digits: int) -> Line:
    def shown(value: float | None, *, sign: bool = False) -> str:
        if value is None:
            return "–"
        return f"{value:{'+' if sign else ''},.{digits}f}".replace("-", "−") + (f" {unit}" if unit else "")

    change = new - old if old is not None and new is not None else None
    if change is not None and abs(change) < 0.5 * 10.0**-digits:
        return label, shown(old), shown(new), "="
    return label, shown(old), shown(new), shown(change, sign=True)


def sections(told: dict[str, Any]) -> Iterator[tuple[str, list[Line]]]:
    """Every part of the report with its lines: assets, services, the point of connection."""
    then, now = told["recorded"], told["new"]
    for asset in {**then["assets"], **now["assets"]}:
        old, new = then["assets"].get(asset), now["assets"].get(asset)
        yield asset, [*lines(old, new, ASSET), *limit_lines(old, new), *state_lines(old, new)]
    for name in {**then["reserve"], **now["reserve"]}:
        found = list(lines(then["reserve"].get(name), now["reserve"].get(name), SERVICE))
        yield f"reserve {name}", found or [("never activated", "", "", "=")]
    if then["grid"] or now["grid"]:
        yield "point of connection", list(lines(then["grid"], now["grid"], GRID))


def notes(report: Report) -> list[str]:
    """What is modelled and what is taken as it was, for whoever reads the figures."""
    found = [" ".join(line.split()) for line in MODEL]
    for asset, one in report.responses.items():
        how = f"dead time {one.dead_s:g} s, lag {one.lag_s:g} s"
        seen = f"as {one.readings} readings show, {one.rms_kw:.2g} kW rms unexplained" if one.readings else "declared"
        found.append(f"{asset} responds with {how} ({seen}).")
    if report.armed_s < report.seconds:
        silent = report.seconds - report.armed_s
        found.append(f"For {silent:.0f} s the process was in shadow: nothing was written then, and nothing is now.")
    if report.assumed:
        found.append(f"Not in the recording, assumed healthy: {', '.join(report.assumed)}.")
    if report.removed:
        found.append(f"Not in the new definition, taken to go on as recorded: {', '.join(report.removed)}.")
    for asset, seconds in report.bms_apart_s.items():
        apart = f"while its SoC was {APART_PCT:g} % or more apart: the BMS would have said something else"
        found.append(f"{asset}: for {seconds:.0f} s a limit of the BMS bound {apart}.")
    return found


def text(report: Report) -> str:
    """The whole report in plain text."""
    told = report.json()
    found = [f"{told['site']}, {told['from']} to {told['to']} ({told['ticks']} ticks)", headline(told), ""]
    for name, figures in sections(told):
        found.append(f"{name:<44}{'recorded':>16}{'new':>16}{'change':>16}")
        found += [f"  {label:<42}{old:>16}{new:>16}{change:>16}" for label, old, new, change in figures] + [""]
    for first in told["first_differences"]:
        found.append(f"{first['at']}  {first['asset']}, tick {first['tick']}, {first['seconds']:g} s, up to "
                     f"{first['largest_difference_kw']:g} kW apart")  # fmt: skip
        found += [f"  recorded  {first['recorded']['why']}", f"  new       {first['new']['why']}"]
    more = told["stretches"] - len(told["first_differences"])
    found += [f"… and {more} more stretches"] if more > 0 else []
    return "\n".join([*found, "", *(f"* {note}" for note in notes(report))])
