"""What is done about each deviation of each battery, and within how many seconds: computed from a checked definition.

    bess1                                      within
      power against the command                   8 s  stop
      more power than commanded                  15 s  derate

What `config.reaction` computes from the declared response, the poll and the cycle, for people and programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from config.reaction import Watched, reaction_times
from pipeline.check import Checked

Times = Mapping[str, tuple[Watched, ...]]


def reactions(checked: Checked) -> Times:
    """Per battery, in the order of the definition; nothing where there is no definition."""
    definition = checked.definition
    if definition is None:
        return {}
    command, cycle = definition.chain.command, definition.site.cycle
    return {
        name: reaction_times(checked.profiles[name], command, cycle)
        for name in definition.assets
        if name in checked.profiles
    }


def as_values(times: Times) -> dict[str, Any]:
    return {name: [asdict(watched) for watched in all_of_it] for name, all_of_it in times.items()}


def as_text(times: Times) -> str:
    lines: list[str] = []
    for name, all_of_it in times.items():
        width = max(len(one.deviation) for one in all_of_it)
        lines.append(f"{name:<{width + 2}}    within")
        lines += [f"  {one.deviation:<{width}}  {one.within_s:6g} s  {one.reaction}" for one in all_of_it]
    return "\n".join(lines)


def in_short(times: Times) -> list[str]:
    """A line for batteries that are answered alike: the soonest and the latest."""
    alike: dict[tuple[float, float], list[str]] = {}
    for name, all_of_it in times.items():
        within = [watched.within_s for watched in all_of_it]
        alike.setdefault((min(within), max(within)), []).append(name)
    return [
        f"{', '.join(names)}: what a device does wrong is answered within {least:g} to {most:g} s (show --reactions)"
        for (least, most), names in alike.items()
    ]
