"""One case, lived: a world on a temporary folder, all invariants, a digest of the wire, and what was reached.

The same case is the same digest in every process, whatever its hash seed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any

from pipeline.campaign.case import WARM_S, Case, Setup, setup, storms
from pipeline.campaign.coverage import Coverage, Witness
from pipeline.process import Process
from pipeline.simulation.checks import Breach, verify
from pipeline.simulation.columns import said_text
from pipeline.simulation.direct import Direct
from pipeline.simulation.net import stream
from pipeline.simulation.storm import endure
from pipeline.simulation.trace import Trace
from pipeline.simulation.ways import reached
from pipeline.simulation.world import World
from sources.modbus.connection import Connection

LAST_TICKS = 200
IDENTIFIED = 0.2  # share of the sites whose batteries say who they are
MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where there is one
ROOM_B = 64 * 2**20
Judge = Callable[[Case, Trace], Iterable[Breach]]


@dataclass(frozen=True, slots=True)
class Life:
    """What became of a case. `last` is what the newest ticks looked like, where somebody asked for it."""

    case: Case
    ticks: int
    breaches: tuple[Breach, ...]
    digest: str
    coverage: Coverage
    last: tuple[str, ...] = ()

    @property
    def asset_ticks(self) -> int:
        return self.ticks * self.case.assets

    def as_json(self) -> dict[str, Any]:
        """What a worker tells; the case only where something was found."""
        return {
            "seed": self.case.seed,
            "asset_ticks": self.asset_ticks,
            "breaches": [asdict(breach) for breach in self.breaches],
            "digest": self.digest,
            "coverage": self.coverage.as_json(),
            "case": self.case.as_json() if self.breaches or self.last else None,
            "last": list(self.last),
        }


def every_invariant(case: Case, trace: Trace) -> list[Breach]:
    """All that is judged of a case."""
    return verify(trace, None, case.not_judged)


def live(what: Case | int, *, verbose: bool = False, judge: Judge = every_invariant) -> Life:
    """Live through a case, or the case of a seed."""
    given = what if isinstance(what, Case) else setup(what)
    folder = Path(tempfile.mkdtemp(prefix="campaign-", dir=_fastest()))
    try:
        return _live(given, folder, verbose=verbose, judge=judge)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fastest() -> Path | None:
    """Where files cost least: what a disk does is simulated. None: where files of a moment always go."""
    there = MEMORY.is_dir() and os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > ROOM_B
    return MEMORY if there else None


def _live(given: Case | Setup, folder: Path, *, verbose: bool, judge: Judge) -> Life:
    identified = stream(given.seed, "identified").random() < IDENTIFIED
    world = reached(given.way, folder, assets=given.assets, cycle=given.cycle, site=given.site, seed=given.seed,
                    identified=identified,
                    soc_pct=given.soc_pct, link=Connection if given.client else Direct)  # fmt: skip
    witness = Witness(LAST_TICKS if verbose else 0)

    def watch(process: Process) -> None:
        """Look at every sealed frame: for the coverage, never for an invariant."""
        process.finished.append(lambda: witness.saw(process.view.frame, world.loop.time()))

    world.booted.append(watch)
    with world:
        case = given if isinstance(given, Case) else _case(given, world)
        began = world.loop.time() + WARM_S
        endure(world, case.strikes, quiet_s=case.quiet_s, lead_s=WARM_S)
        trace = world.trace
        breaches = tuple(judge(case, trace))
        coverage = witness.coverage(case.strikes, began, trace.boots)
        return Life(case, len(trace.ticks), breaches, digest(trace), coverage, tuple(witness.last))


def _case(given: Setup, world: World) -> Case:
    drawn = storms(given, world)
    return Case(given.seed, given.assets, given.cycle, given.site, given.soc_pct, given.client, drawn, given.quiet_s,
                given.way)  # fmt: skip


def digest(trace: Trace) -> str:
    """Everything that was on the wire, every tick and every start, as one word."""
    word = blake2b(digest_size=16)
    for name, station in sorted(trace.stations.items()):
        word.update(f"{name}{station.heard}{said_text(station.said)}".encode())
    word.update(f"{trace.ticks}{trace.boots}".encode())
    return word.hexdigest()
