"""`bess-pipeline docs`: what the program knows about itself, offline and without importing what is described.

    docs                  the list of pages
    docs exit-codes       what the exit codes mean
    docs ramp             a stage of the chain: its module's own text
    docs test             tests of a definition: what can be set, what can be expected, the reasons
    docs sunspec-storage  a device profile: its points, units and registers
    docs site             keys of a section, e.g. `assets.ramp` or `requests.day_ahead`; `definition` is the whole file
    docs E203             an error of `check`: why it is refused, and how to write it
"""

from __future__ import annotations

import ast
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import operators
from config import catalogue, reference
from config.catalogue import names
from config.codes import EXPLANATIONS, explain
from config.profile import Profile
from pipeline.exits import MEANING

STAGES = ("validate", "snapshot", "state_machine", "limits", "resolve", "ancillary", "constrain", "ramp", "command")
FOLDER = Path(operators.__file__).parent
TESTS = Path(__file__).parent / "rehearsal"


class NoSuchPageError(LookupError):
    """There is no page of this name; the message names the nearest."""

    def __init__(self, name: str) -> None:
        nearest = get_close_matches(name, pages(), n=1)
        super().__init__(f"no page `{name}`" + (f"; did you mean `{nearest[0]}`?" if nearest else ""))


def pages() -> dict[str, str]:
    """Every page with its first line."""
    found = {"exit-codes": "what the exit codes mean"}
    found |= {stage: _first(_stage(stage)) for stage in STAGES}
    found["test"] = "how a definition tests itself"
    found |= {profile: catalogue.profile(profile).title for profile in names()}
    found |= {name: f"keys: {text}" for name, text in reference.sections().items() if name not in found}
    return found | {code: explanation.title for code, explanation in EXPLANATIONS.items()}


def page(name: str) -> str:
    """The text of one page. Raises NoSuchPageError."""
    if name == "exit-codes":
        return "\n".join(f"{code:>4}  {text}" for code, text in MEANING.items())
    keys = reference.section_page(name)
    if name in STAGES:
        return f"{_stage(name)}\n\n{keys}" if keys else _stage(name)
    if keys is not None:
        return keys
    if name == "test":
        return "\n\n".join(_text(TESTS / f"{part}.py") for part in ("script", "vocabulary", "plant", "reason"))
    if name in names():
        return of_profile(catalogue.profile(name))
    explained = explain(name)
    if explained is not None:
        return explained.rstrip()
    raise NoSuchPageError(name)


def _stage(name: str) -> str:
    return _text(FOLDER / f"{name}.py")


def _text(module: Path) -> str:
    return ast.get_docstring(ast.parse(module.read_text(encoding="utf-8"))) or ""


def _first(text: str) -> str:
    return text.split("\n", 1)[0]


def of_profile(profile: Profile) -> str:
    """A device profile on one page."""
    lines = [f"{profile.title} ({profile.kind}, {profile.protocol})", f"sign: {profile.sign}", "", "reads:"]
    lines += [_point(key, point) for key, point in profile.read.items()]
    if profile.write:
        lines += ["", "writes:", *(_point(key, point) for key, point in profile.write.items())]
    if profile.alarms:
        lines += ["", "alarms:"]
        for bit, alarm in profile.alarms.items():
            lines.append(f"  {bit:<3} {alarm.text}{' (latches FAULT)' if alarm.critical else ''}")
    if profile.watchdog:
        guard = profile.watchdog
        lines += ["", f"goes to {guard.reverts_to_kw:g} kW {guard.reverts_after:g} s after the last {guard.point}"]
    return "\n".join(lines)


def _point(name: str, point: Any) -> str:
    where = point.register or point.path or point.node or ""
    return f"  {name:<16} {where:<20} {point.type:<8} {point.unit or '-':<5} {point.label}".rstrip()
