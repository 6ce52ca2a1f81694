"""What each test of the safety core takes and runs through: CPU seconds and branches, kept between runs.

A test is measured again when its file or a file of the core has changed. What imports alone run through is under "".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import coverage

from tests.mutation.mutants import ROOT

KEPT = ROOT / "var" / "mutation" / "measured.json"
#: From line to line, as `coverage` counts; negative at the ends of a function.
Arc = tuple[int, int]


@dataclass(slots=True)
class Measured:
    """One test: the stamp of its sources, CPU seconds, and what it runs through of each file."""

    stamp: str
    seconds: float
    arcs: dict[str, list[Arc]] = field(default_factory=dict)


def stamp_of(files: Iterable[Path]) -> str:
    digest = sha256()
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def load() -> dict[str, Measured]:
    """What was measured up to now."""
    if not KEPT.is_file():
        return {}
    return {name: Measured(**kept) for name, kept in json.loads(KEPT.read_text()).items()}


def save(tests: dict[str, Measured]) -> None:
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    kept = {name: {"stamp": one.stamp, "seconds": one.seconds, "arcs": one.arcs} for name, one in tests.items()}
    KEPT.write_text(json.dumps(kept))


def watcher(files: Iterable[str]) -> coverage.Coverage:
    """Measures the branches of these files; not started."""
    include = [str(ROOT / file) for file in files]
    return coverage.Coverage(data_file=None, config_file=False, branch=True, include=include)


def arcs_of(cover: coverage.Coverage, context: str, files: Iterable[str]) -> dict[str, list[Arc]]:
    """What ran while `context` was set."""
    found = cover.get_data()
    found.set_query_context(context)
    return {file: arcs for file in files if (arcs := sorted(found.arcs(str(ROOT / file)) or ()))}


def branches(tests: Iterable[Measured], files: Iterable[str], folder: Path) -> dict[str, tuple[int, int, list[Any]]]:
    """Per file: branches, those that some test takes, and the others from line to line."""
    names, cover = list(files), watcher(files)
    arcs: dict[str, set[Arc]] = {str(ROOT / name): set() for name in names}
    for test in tests:
        for name, taken in test.arcs.items():
            arcs.setdefault(str(ROOT / name), set()).update((a, b) for a, b in taken)
    cover.get_data().add_arcs(arcs)
    out = folder / "branches.json"
    cover.json_report(outfile=str(out), include=list(arcs), ignore_errors=True)
    report = {str((ROOT / name).resolve()): told for name, told in json.loads(out.read_text())["files"].items()}
    return {
        name: (told["summary"]["num_branches"], told["summary"]["covered_branches"], told["missing_branches"])
        for name in names
        if (told := report.get(str(ROOT / name))) is not None
    }
