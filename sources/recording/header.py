"""The header of a recording: what was run, whole enough to be compiled again from the file alone.

It holds the version of the program and of its kernels, the definition with its profiles in the chain's units (secrets
left out), the rows of the frame with their digest, the boot, and what came before: the file it continues, if any.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from config.definition import Definition
from config.profile import Profile
from config.quantity import Secret
from jit.layout import Layout, Row, Step

SCHEMA = 1
HIDDEN = "•••"
_ROWS = ("values", "codes", "site_values", "site_codes")
_NAMES = ("assets", "points", "requests", "services", "limits", "transformers")


@dataclass(frozen=True)
class Header:
    """`values` is the JSON of the header. KeyError, TypeError or ValueError for what is none."""

    values: Mapping[str, Any]

    @cached_property
    def layout(self) -> Layout:
        """The rows and columns of the recorded frames. ValueError when they do not have the digest they claim."""
        written = self.values["layout"]
        parts: dict[str, Any] = {name: tuple(written[name]) for name in _NAMES}
        parts |= {block: tuple(Row(**row) for row in written[block]) for block in _ROWS}
        layout = Layout(
            **parts,
            devices={name: (first, last) for name, (first, last) in written["devices"].items()},
            ring=written["ring"],
            steps=tuple(tuple(Step(**step) for step in steps) for steps in written["steps"]),
        )
        if layout.digest != self.values["layout_digest"]:
            raise ValueError("the rows do not have the digest that stands beside them")
        return layout

    @cached_property
    def definition(self) -> tuple[Definition, dict[str, Profile]]:
        """The definition and its profiles by device. Secrets are empty: nothing can be connected with it."""
        definition = Definition.model_validate(_without_secrets(self.values["definition"]))
        profiles = {name: Profile.model_validate(profile) for name, profile in self.values["profiles"].items()}
        return definition, profiles

    @property
    def site(self) -> str:
        return str(self.values["site"])

    @property
    def boot(self) -> str:
        return str(self.values["boot"])

    @property
    def version(self) -> str:
        return str(self.values["version"])

    @property
    def kernels(self) -> str:
        return str(self.values["kernels"])

    @property
    def definition_hash(self) -> str:
        return str(self.values["definition_hash"])

    def to_bytes(self) -> bytes:
        return zlib.compress(json.dumps(self.values, separators=(",", ":")).encode(), 9)


def describe(
    definition: Definition,
    profiles: Mapping[str, Profile],
    layout: Layout,
    *,
    version: str,
    kernels: str,
    boot: str,
) -> Header:
    """The header of what is about to run."""
    written = definition.model_dump_json()
    return Header(
        {
            "schema": SCHEMA,
            "version": version,
            "kernels": kernels,
            "boot": boot,
            "site": definition.site.name,
            "definition_hash": sha256(written.encode()).hexdigest(),
            "definition": json.loads(written),
            "profiles": {name: json.loads(profile.model_dump_json()) for name, profile in profiles.items()},
            "layout_digest": layout.digest,
            "layout": asdict(layout),
        }
    )


def from_bytes(raw: bytes) -> Header:
    """Raises ValueError or zlib.error for what is no header of this schema."""
    values = json.loads(zlib.decompress(raw))
    if not isinstance(values, dict) or values.get("schema") != SCHEMA:
        found = values.get("schema") if isinstance(values, dict) else None
        raise ValueError(f"it was written with schema {found}, and this version reads schema {SCHEMA}")
    return Header(values)


def _without_secrets(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_secrets(below) for key, below in value.items()}
    if isinstance(value, list):
        return [_without_secrets(below) for below in value]
    return Secret("recorded") if value == HIDDEN else value
