"""A replay set of the earlier system through our chain: `replayed(path)` reads, feeds, compares.

Kinds: `telemetry-control-cycle` and `native-control-parity`. The two kinds that compare solvers are read and checked,
and refused: their expectations are about an optimiser, which is not part of the chain.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.earlier.asset import Site, documented
from pipeline.earlier.compared import Outcome
from pipeline.earlier.core import called
from pipeline.earlier.cycle import replayed as cycles
from pipeline.earlier.manifest import (
    NATIVE,
    TELEMETRY,
    GoldenCommands,
    Manifest,
    ManifestError,
    NativeCases,
    TelemetryFixture,
    load,
    manifest,
    named,
)


def replayed(path: Path, site: Site | None = None) -> Outcome:
    """`site`: a definition of yours instead of the documented battery. Raises `ManifestError`."""
    read = manifest(path)
    fixture, golden = named(path, read.fixture, "fixture"), named(path, read.golden, "golden")
    if read.kind == TELEMETRY:
        records, commands = load(fixture, TelemetryFixture), load(golden, GoldenCommands)
        asset = commands.commands[0].asset_id if commands.commands else ""
        compared = cycles(read, path, records, commands, _site(path, site, asset), asset)
    elif read.kind == NATIVE:
        if site is not None:
            raise ManifestError(path, "$.kind", "every call of the core brings its own limits: no definition applies")
        calls = load(fixture, NativeCases)
        compared = tuple(called(case, documented(), _tolerance(read, calls)) for case in calls.cases)
    else:
        what = f"{read.kind} compares an optimiser's plans; what is replayed here is the chain"
        raise ManifestError(path, "$.kind", what)
    return Outcome(read.dataset_id, read.kind, read.determinism.mode, compared)


def _site(path: Path, site: Site | None, asset: str) -> Site:
    if site is None:
        return documented().named(asset)
    if asset not in site.definition.assets:
        raise ManifestError(path, "$.golden", f"the definition has no asset `{asset}`")
    return site


def _tolerance(read: Manifest, calls: NativeCases) -> float:
    return max(read.tolerances.active_power_kw_abs, calls.tolerance_active_power_kw)
