"""The battery of a replay set, compiled: the documented one (`asset.yaml`) or that of a definition of yours.

`limited` gives a copy with other limits, as each call of the control core brought its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from config.definition import Asset, Definition
from config.profile import Profile
from pipeline.check import check
from pipeline.compile import Compiled, compile_definition
from pipeline.earlier.manifest import Limits

FILE = Path(__file__).with_name("asset.yaml")
ASSET = "asset-1"


@dataclass(frozen=True, slots=True)
class Site:
    """A checked definition and its profiles by device."""

    definition: Definition
    profiles: Mapping[str, Profile]

    def compiled(self, cycle: float | None = None) -> Compiled:
        """`cycle` (s): another than the definition's."""
        site = self.definition.site.model_copy(update={} if cycle is None else {"cycle": cycle})
        return compile_definition(self.definition.model_copy(update={"site": site}), self.profiles)

    def named(self, asset: str) -> Site:
        """The documented battery under this name."""
        assets, profiles = {asset: self.definition.assets[ASSET]}, {asset: self.profiles[ASSET]}
        return Site(self.definition.model_copy(update={"assets": assets}), profiles)

    def limited(self, limits: Limits) -> Site:
        """The documented battery within these limits. Raises `ValidationError` for limits without sense."""
        written = self.definition.assets[ASSET].model_dump(by_alias=True, exclude_none=True)
        ramp = limits.max_ramp_kw_per_second
        written["rated"] |= {"charge": limits.max_charge_power_kw, "discharge": limits.max_discharge_power_kw}
        written["soc"] |= {"min": limits.min_soc_percent, "max": limits.max_soc_percent}
        written["ramp"] |= {"up": ramp, "down": ramp}
        written["temperature"] |= {"min": limits.min_temperature_celsius, "max": limits.max_temperature_celsius}
        assets = {ASSET: Asset.model_validate(written)}
        return Site(self.definition.model_copy(update={"assets": assets}), self.profiles)


def documented() -> Site:
    """The battery that the earlier system's documentation gives its sets."""
    found = check(FILE, env_stub=True)
    if found.definition is None:
        raise RuntimeError(f"{FILE} is shipped and must be right: {found.diagnostics}")
    return Site(found.definition, found.profiles)
