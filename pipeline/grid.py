"""What reactive power and the grid functions are compiled to: ratings per asset, parameters of the site.

An asset has reactive power when its profile has the write point `reactive_power` and there is an apparent rating, its
own or its profile's; any other has none, and 0 kvar is its rating.
"""

from __future__ import annotations

from config.asset import Asset
from config.profile import Profile


def apparent_kva(asset: Asset, profile: Profile) -> float:
    """The radius of the asset's circle (kVA); 0: neither it nor its profile says one."""
    declared = profile.ratings.apparent if profile.ratings else None
    return asset.rated.apparent or declared or 0.0


def reactive_ratings(asset: Asset, profile: Profile) -> dict[str, float]:
    """Rows of `jit.constants` about reactive power."""
    apparent = apparent_kva(asset, profile)
    able = "reactive_power" in profile.write and apparent > 0.0
    return {
        "apparent_kva": apparent,
        "reactive_kvar": min(asset.rated.reactive or apparent, apparent) if able else 0.0,
        "ramp_kvar_s": asset.ramp.reactive or asset.ramp.up,
        "resolution_kvar": profile.resolution_kvar,
    }
