"""What commissioning proved of an asset, kept in the state directory: who saw what, when, with which profile.

    commissioned-bess1.json: asset, profile, version, connect, identity, at, by, steps, passed

It counts for the device it was taken from: another profile, version, address or identity, and it is void. An armed
process says at its start what is not proven; it runs all the same, attended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from config.asset import Asset
from config.definition import Definition
from config.profile import Profile
from sinks.checkpoint import store


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was to be shown, whether it was, and what was seen."""

    name: str
    passed: bool
    seen: str


def device(asset: Asset, profile: Profile) -> dict[str, Any]:
    """What the evidence is about."""
    return {"profile": profile.name, "version": profile.version, "connect": asset.connect, "topic": asset.topic,
            "node": asset.node, "identity": asset.identity.model_dump() if asset.identity else None}  # fmt: skip


def keep(directory: Path, name: str, of: Mapping[str, Any], at: str, by: str, steps: list[Step]) -> Path:
    """Write it durably, replacing what was there. Raises OSError."""
    path = _path(directory, name)
    passed = bool(steps) and all(step.passed for step in steps)
    told = {"asset": name, "device": dict(of), "at": at, "by": by, "passed": passed, "steps": [*map(asdict, steps)]}
    directory.mkdir(parents=True, exist_ok=True)
    store(path, (json.dumps(told, ensure_ascii=False, indent=2) + "\n").encode())
    return path


def lacking(definition: Definition, profiles: Mapping[str, Profile], directory: Path) -> Iterator[str]:
    """One sentence per asset that may not be left alone, with the reason."""
    for name, asset in definition.assets.items():
        why = _lacks(_path(directory, name), device(asset, profiles[name]))
        if why:
            yield f"{name}: {why}: attended operation only (`bess-pipeline commission {name}`)"


def _path(directory: Path, name: str) -> Path:
    return directory / f"commissioned-{name}.json"


def _lacks(path: Path, of: Mapping[str, Any]) -> str:
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return "never commissioned"
    except (OSError, ValueError):
        return "its evidence of commissioning cannot be read"
    if not isinstance(told, dict) or told.get("device") != of:
        return "commissioned as another device than it is now"
    return "" if told.get("passed") is True else "a step of its commissioning failed"
