"""Plug-ins that other packages bring, found by name through their entry points. Nothing is loaded that is not named.

    [project.entry-points."bess_pipeline.operators"]        night-charge = "acme_bess:night_charge"
    [project.entry-points."bess_pipeline.profiles"]         acme-rack-3  = "acme_bess:rack_3"
    [project.entry-points."bess_pipeline.sources"]          acme-market  = "acme_bess:market"
    [project.entry-points."bess_pipeline.sinks"]            acme-cloud   = "acme_bess:cloud"

A name that two packages bring is nobody's. Loading runs the package's code: whatever it raises is a `PluginError`.
"""

from __future__ import annotations

import re
from importlib.metadata import EntryPoint, entry_points
from typing import Literal

Group = Literal["operators", "sources", "sinks", "profiles"]
NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")


class PluginError(Exception):
    """A plug-in that cannot be used: its name and what is wrong, in one sentence."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(f"the plug-in `{name}` {what}")
        self.name = name


def installed(group: Group) -> dict[str, list[EntryPoint]]:
    """Every plug-in of a group that is installed, by name; more than one where packages clash."""
    found: dict[str, list[EntryPoint]] = {}
    for entry in entry_points(group=f"bess_pipeline.{group}"):
        found.setdefault(entry.name, []).append(entry)
    return found


def load(group: Group, name: str) -> object:
    """What the entry point names. Raises `LookupError` when there is none, `PluginError` when it cannot be used."""
    found = installed(group).get(name, [])
    if not found:
        raise LookupError(name)
    if not NAME.fullmatch(name):
        raise PluginError(name, "has no name that can be written here: a small letter, then letters, digits, `_`, `-`")
    brought = sorted({entry.value for entry in found})
    if len(brought) > 1:
        raise PluginError(name, f"is brought by two packages: {brought[0]} and {brought[1]}")
    try:
        return found[0].load()
    except BaseException as error:  # it is somebody else's code: even an exit is no reason to end
        raise PluginError(name, f"cannot be loaded: {type(error).__name__}: {error}") from error
