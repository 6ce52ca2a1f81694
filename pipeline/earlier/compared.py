"""What the chain says beside what the earlier system said, member by member, and where a difference is meant.

A difference is either *stated* (the chain is different on purpose, for a reason that stands here) or it is not, and
then the replay has failed. Powers in kW and kvar.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

#: Where the chain differs from the earlier system on purpose, and why.
STATED = {
    "silent": "nothing is written to a device from which no values have come, not even a stop: its own reversion holds",
    "fresh_first": "after a start, and after lost values, power waits until values have been fresh for `fresh_for`",
    "limit_beats_ramp": "at a bound of SoC or temperature power is 0 in the same tick; earlier it was ramped down",
    "bound_of_temperature": "a temperature at its bound allows no power; earlier it was still allowed",
    "no_sense": "values without sense are no values: 0 kW and no permission",
    "pause_earns_no_ramp": "after a pause values are as old as the pause, and a ramp gets two cycles of time at most",
    "refused": "options without sense are refused with the definition; earlier they were computed with",
    "zero_not_stop": "without fit values the command is 0 kW, `Idle`; `Stop` is an operator's or a latched fault's",
}

#: What a set in mode `tolerance` judges.
NUMBERS = ("mode", "active_power_kw", "reactive_power_kvar")


@dataclass(frozen=True, slots=True)
class Difference:
    """One member that is not the same. `because`: a key of `STATED`, or empty when nobody meant it."""

    member: str
    theirs: Any
    ours: Any
    because: str = ""

    def json(self) -> dict[str, Any]:
        return {"member": self.member, "theirs": self.theirs, "ours": self.ours, "because": self.because or None}


@dataclass(frozen=True, slots=True)
class Compared:
    """One command or one call. `why`: our sentence; `differences`: empty when all is the same."""

    name: str
    differences: tuple[Difference, ...]
    why: str

    @property
    def meant(self) -> bool:
        return all(difference.because for difference in self.differences)

    def json(self) -> dict[str, Any]:
        return {"name": self.name, "same": not self.differences, "why": self.why,
                "differences": [difference.json() for difference in self.differences]}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outcome:
    """A replayed set."""

    dataset: str
    kind: str
    mode: str
    compared: tuple[Compared, ...]

    @property
    def passed(self) -> bool:
        return all(one.meant for one in self.compared)

    def json(self) -> dict[str, Any]:
        reasons = {d.because for one in self.compared for d in one.differences if d.because}
        return {
            "dataset_id": self.dataset,
            "kind": self.kind,
            "mode": self.mode,
            "passed": self.passed,
            "same": sum(not one.differences for one in self.compared),
            "stated": sum(bool(one.differences) and one.meant for one in self.compared),
            "different": sum(not one.meant for one in self.compared),
            "reasons": {key: text for key, text in STATED.items() if key in reasons},
            "commands": [one.json() for one in self.compared],
        }


def differs(member: str, theirs: Any, ours: Any, tolerance: float = 0.0) -> bool:
    """Numbers within `tolerance`; an absent member is equal to an absent one, and to 0 kvar."""
    if member == "reactive_power_kvar":
        theirs = 0.0 if theirs is None else theirs
    if isinstance(theirs, float) and isinstance(ours, float):
        return not abs(theirs - ours) <= tolerance
    return bool(theirs != ours)


def text(outcome: Outcome) -> str:
    """For people: a line for the set, one per difference, the reasons that were given."""
    told = outcome.json()
    counted = f"{told['same']} the same, {told['stated']} different as stated, {told['different']} different"
    lines = [f"{outcome.dataset}: {counted}"]
    for one in outcome.compared:
        for difference in one.differences:
            mark = difference.because or "NOT STATED"
            lines.append(f"  {one.name}: {difference.member} {difference.theirs} → {difference.ours} ({mark})")
        if one.differences:
            lines.append(f"    {one.why}")
    return "\n".join([*lines, *(f"  {key}: {reason}" for key, reason in told["reasons"].items())])
