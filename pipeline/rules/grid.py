"""Rules about the grid functions: what they need is measured, and somebody can carry the reactive power."""

from __future__ import annotations

from collections.abc import Iterator

from config.diagnostics import Diagnostic
from config.plain import Location
from pipeline.grid import apparent_kva, rules
from pipeline.rules.subject import Subject

_FUNCTIONS: Location = ("site", "grid_functions")


def voltage(subject: Subject) -> Iterator[Diagnostic]:
    """Q(U) has a voltage at the point of connection, and knows the nominal one."""
    site = subject.definition.site
    if site.grid_functions.reactive is None or site.grid_functions.reactive.q_of_u is None:
        return
    at = (*_FUNCTIONS, "reactive", "q_of_u")
    profile = subject.profiles.get("site.poc")
    if "poc" not in site.meters or (profile is not None and "voltage" not in profile.read):
        message = "Q(U) needs the voltage at the point of connection"
        yield subject.key_problem("E340", message, "name a meter `poc` whose profile has the point `voltage`", *at)
    if site.nominal_voltage is None:
        message = "Q(U) needs the nominal voltage"
        yield subject.key_problem("E340", message, "write it as the meter measures it: `nominal_voltage: 20 kV`", *at)


def frequency(subject: Subject) -> Iterator[Diagnostic]:
    """P(f), demanded by a preset or written, has a frequency."""
    site = subject.definition.site
    if rules(subject.definition) == (None, None):
        return
    named = subject.definition.ancillary[0].fcr.frequency if subject.definition.ancillary else "site.poc.frequency"
    meter = named.removesuffix(".frequency")
    profile = subject.profiles.get(meter)
    if meter.removeprefix("site.") in site.meters and (profile is None or "frequency" in profile.read):
        return
    written = next((key for key in ("over_frequency", "under_frequency") if getattr(site.grid_functions, key)), None)
    at: Location = (*_FUNCTIONS, written) if written else ("site", "grid_code")
    message = "P(f) needs a frequency, and no meter measures one"
    yield subject.key_problem("E341", message, "name a meter `poc` whose profile has the point `frequency`", *at)


def carried(subject: Subject) -> Iterator[Diagnostic]:
    """Reactive power that is demanded is written somewhere, and every asset that does has an apparent rating."""
    site = subject.definition.site
    function = site.grid_functions.reactive
    at: Location = (*_FUNCTIONS, "reactive") if function is not None else ("site", "pq_priority")
    known = {name: (asset, subject.profiles[name]) for name, asset in subject.definition.assets.items()
             if name in subject.profiles}  # fmt: skip
    if function is None and site.pq_priority == "p":
        return
    for name, (asset, profile) in known.items():
        if "reactive_power" in profile.write and apparent_kva(asset, profile) == 0.0:
            message = f"`{name}` writes reactive power and has no apparent rating"
            first = (at, "reactive power is asked for here")
            advice = "write `rated: { apparent: … kVA }`"
            yield subject.key_problem("E342", message, advice, "assets", name, "rated", first=first)
    able = [name for name, (asset, profile) in known.items() if "reactive_power" in profile.write]
    if function is not None and not able and len(known) == len(subject.definition.assets):
        message = "no asset can be given reactive power"
        yield subject.key_problem("E342", message, "use a profile with the write point `reactive_power`", *at)
