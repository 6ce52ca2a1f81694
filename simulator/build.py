"""From options to plants: which profiles show a battery, what it is called, and its physics.

The first profile decides how the battery follows and when it reverts; the others are more faces of the same battery.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from loguru import logger

from config.profile import Profile
from simulator import earlier, frequency, points, scenario
from simulator.battery import Battery
from simulator.faults import Board
from simulator.frequency import Frequency
from simulator.grid import Site
from simulator.plant import Model, Plant
from simulator.scenario import Scenario

USUAL = {"modbus": "sunspec-storage", "mqtt": "mqtt-storage", "opcua": "opcua-ess"}


def profiles(options: argparse.Namespace) -> list[Profile]:
    """One profile for each protocol that a battery speaks, the leading one first. Raises ProfileError."""
    protocols: list[str] = list(options.storage)
    if options.opcua_port is not None and "opcua" not in protocols:
        protocols.append("opcua")
    given: dict[str, Profile] = {}
    for name in options.profile or ():
        profile = of_kind(name, "storage")
        if profile.protocol not in protocols:
            raise points.ProfileError(f"{profile.name} speaks {profile.protocol}, not {', '.join(protocols)}")
        given[profile.protocol] = profile
    chosen = [given.get(protocol) or of_kind(USUAL[protocol], "storage") for protocol in protocols]
    for profile in chosen:
        if profile.protocol == "mqtt" and options.broker is None:
            raise points.ProfileError(f"{profile.name} speaks mqtt: name its broker, --broker mqtt://127.0.0.1:1883")
    return chosen


def of_kind(name: str, kind: str) -> Profile:
    """The profile of this name, if it describes this kind of device. Raises ProfileError."""
    profile = points.load(name)
    if profile.kind != kind:
        raise points.ProfileError(f"{profile.name} describes a {profile.kind}, not a {kind}")
    return profile


def names(options: argparse.Namespace, played: Scenario | None) -> list[str]:
    """What the batteries are called: `bess1`; of several `bess1`, `bess2`, … after the first one's name."""
    first: str = options.asset or (played.asset if played is not None else None) or "bess1"
    if options.assets == 1:
        return [first]
    stem = first.rstrip("0123456789") or first
    start = int(first[len(stem) :] or 1)
    return [f"{stem}{start + number}" for number in range(options.assets)]


def read_scenario(options: argparse.Namespace) -> Scenario | None:
    """The scenario to play: JSON is the earlier system's. Raises ScenarioError."""
    path: Path | None = options.scenario
    if path is None:
        return None
    return earlier.load(path) if path.suffix == ".json" else scenario.load(path, names(options, None))


def plants(
    options: argparse.Namespace, shown: list[Profile], played: Scenario | None, utc_s: float
) -> dict[str, Plant]:
    """The batteries by name, behind one meter."""
    left = kept_soc_pct(options.state_file)
    series = _frequency(options)
    made: dict[str, Plant] = {}
    for number, name in enumerate(names(options, played)):
        model = Model(_battery(options, shown[0], played), _site(options), series, options.speed)
        feeds = frozenset(p.watchdog.point if p.watchdog is not None else "power" for p in shown)
        soc_pct = left.get(name) or (left.get("") if number == 0 else None) or options.soc
        made[name] = Plant(model, Board(options.lively), soc_pct, utc_s, feeds, arms=bool(shown[0].arm))
    for plant in made.values():
        plant.beside = tuple(other for other in made.values() if other is not plant)
    return made


def _battery(options: argparse.Namespace, storage: Profile, played: Scenario | None) -> Battery:
    """As the scenario has it, else as the options do; it follows and reverts as the profile says."""
    response, watchdog = storage.response, storage.watchdog
    battery = Battery(
        charge_kw=options.power,
        discharge_kw=options.power,
        energy_kwh=options.capacity,
        slew_kw_per_s=max(1.0, 4.0 * options.power),
    )
    return replace(
        played.battery if played is not None and played.battery is not None else battery,
        dead_time_s=response.dead_time,
        lag_s=response.lag,
        reverts_after_s=watchdog.reverts_after if watchdog is not None and not watchdog.arm else None,
        reverts_to_kw=watchdog.reverts_to_kw if watchdog is not None else 0.0,
    )


def _site(options: argparse.Namespace) -> Site:
    return Site(load_kw=options.load, pv_kw=options.pv, seed=options.seed)


def _frequency(options: argparse.Namespace) -> Frequency:
    path = options.frequency or frequency.found()
    if path is None:
        return frequency.generated(options.seed)
    try:
        return frequency.recorded(path)
    except frequency.FrequencyError as error:
        if options.frequency is not None:
            raise
        logger.warning("{}; a generated frequency stands in", error)
        return frequency.generated(options.seed)


def kept_soc_pct(state_file: Path | None) -> dict[str, float]:
    """The states of charge (%) that an earlier process left, by battery, `""` the first; those that make sense."""
    try:
        kept = json.loads(state_file.read_text(encoding="utf-8")) if state_file is not None else {}
        found = {"": kept.get("soc_percent"), **kept.get("assets", {})}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
    return {name: float(soc) for name, soc in found.items() if isinstance(soc, int | float) and 0.0 < soc <= 100.0}


def kept(batteries: Mapping[str, Plant]) -> dict[str, Any]:
    """What is kept for the next process."""
    by_name = {
        name: 100.0 * plant.state.battery.energy_kwh / plant.model.battery.energy_kwh
        for name, plant in batteries.items()
    }
    return {"soc_percent": next(iter(by_name.values())), "assets": by_name}
