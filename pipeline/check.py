"""The one checker behind `check`, `test`, `reload` and `run`: nothing that it could have known may fail later.

    file ──load──► Definition + places ──profiles──► Subject ──rules──► diagnostics, sorted by place

A file with errors is checked as far as it can be read, so that everything is reported at once. `Checked.definition` is
there only when nothing is wrong. No network is used, nothing is compiled, and nothing is raised for what a file holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from config.catalogue import Catalogue
from config.definition import Definition
from config.diagnostics import Diagnostic, errors, ordered
from config.load import Loaded, load
from config.profile import Profile
from config.signal import input_profile
from config.source import Span
from pipeline.rehearsal.reading import meanings
from pipeline.rules import devices, doors, files, grid, names, opcua, plugins, requests, reserve, site, support
from pipeline.rules.subject import Rule, Subject

RULES: tuple[Rule, ...] = (
    site.cycle,
    site.observed,
    site.connections,
    site.required,
    grid.voltage,
    grid.frequency,
    grid.carried,
    devices.connects,
    devices.apart,
    devices.bands,
    devices.ratings,
    devices.freshness,
    devices.reversion,
    devices.identities,
    devices.found,
    devices.logins,
    requests.order,
    requests.origins,
    requests.controllers,
    plugins.operators,
    plugins.ends,
    reserve.services,
    doors.outputs,
    doors.request_topics,
    doors.endpoint,
    files.certificates,
    files.state,
    names.assets,
    names.named,
    names.inputs,
    opcua.nodes,
    opcua.security,
    names.alarms,
    names.start_up,
    names.tests,
    meanings,
    support.later,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of a file. `profiles` by node id: `bess1`, `site.poc`."""

    definition: Definition | None
    profiles: Mapping[str, Profile]
    diagnostics: tuple[Diagnostic, ...]
    loaded: Loaded

    @property
    def ok(self) -> bool:
        """No errors; warnings may be there."""
        return self.definition is not None

    @property
    def later(self) -> tuple[Diagnostic, ...]:
        """What this version does not act on: warnings here, reasons of `run` to refuse the file."""
        return tuple(problem for problem in self.diagnostics if problem.code == support.CODE)

    @property
    def refused_to_run(self) -> tuple[Diagnostic, ...]:
        """All diagnostics, with what this version does not act on as errors."""
        later = set(map(id, self.later))
        return tuple(replace(p, severity="error") if id(p) in later else p for p in self.diagnostics)


def check(
    path: Path | str,
    *,
    environment: Mapping[str, str] | None = None,
    secrets_dir: Path | None = None,
    env_stub: bool = False,
) -> Checked:
    """Everything that is wrong with the definition in a file. Arguments as for `config.load.load`."""
    loaded = load(path, environment=environment, secrets_dir=secrets_dir, env_stub=env_stub)
    return check_loaded(loaded, stub=env_stub)


def check_loaded(loaded: Loaded, *, stub: bool = False) -> Checked:
    """The same for a definition that is loaded already."""
    draft = loaded.definition or loaded.draft
    if draft is None:
        return Checked(None, {}, loaded.diagnostics, loaded)
    catalogue = Catalogue(loaded, draft.profiles)
    profiles = _profiles(draft, catalogue)
    subject = Subject(draft, profiles, loaded, stub)
    found = [problem for rule in RULES for problem in rule(subject)]
    known = {diagnostic.span for diagnostic in loaded.diagnostics} | _follow_on(loaded)
    fresh = (problem for problem in (*catalogue.problems, *found) if problem.span not in known)
    diagnostics = ordered((*loaded.diagnostics, *fresh))
    return Checked(None if errors(diagnostics) else loaded.definition, profiles, diagnostics, loaded)


def _follow_on(loaded: Loaded) -> set[Span]:
    """Where a rule only repeats an error: at a value that was refused, and at what holds it and now lacks it."""
    places = [loaded.spans.get(at[:length]) for at in loaded.refused for length in (len(at), len(at) - 1) if length > 0]
    return {span for place in places if place is not None for span in (place.key, place.value)}


def _profiles(definition: Definition, catalogue: Catalogue) -> dict[str, Profile]:
    for name in definition.profiles:
        catalogue.own(name)
    found: dict[str, Profile | None] = {}
    for name, asset in definition.assets.items():
        found[name] = catalogue.find(asset.profile, "assets", name, "profile")
    for name, meter in definition.site.meters.items():
        found[f"site.{name}"] = catalogue.find(meter.profile, "site", "meters", name, "profile")
    found |= {f"inputs.{name}": input_profile(name, signal) for name, signal in definition.inputs.items()}
    return {node: profile for node, profile in found.items() if profile is not None}
