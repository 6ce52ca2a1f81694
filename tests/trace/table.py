"""Reads `docs/requirements.md`: one table row per requirement.

    | id | holds when | design | modules |
    |---|---|---|---|
    | LH-RT-003 | maximum age configurable, 3 s by default | §3.12 | `operators/snapshot.py` `config/definition.py` |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROW = re.compile(r"^\|\s*(LH-[A-Z]+-\d{3})\s*\|(.*)\|\s*$")


@dataclass(frozen=True, slots=True)
class Requirement:
    id: str
    text: str
    design: str
    modules: tuple[str, ...]


def read_requirements(path: Path) -> tuple[Requirement, ...]:
    """All rows in the file's order. Raises ValueError for a row without four cells or an id that appears twice."""
    rows: dict[str, Requirement] = {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = ROW.match(line)
        if match is None:
            continue
        cells = [cell.strip() for cell in match[2].split("|")]
        if len(cells) != 3:
            raise ValueError(f"{path}:{number}: expected id, text, design and modules")
        if match[1] in rows:
            raise ValueError(f"{path}:{number}: {match[1]} appears twice")
        rows[match[1]] = Requirement(match[1], cells[0], cells[1], tuple(re.findall(r"`([^`]+)`", cells[2])))
    return tuple(rows.values())
