"""What a campaign found, for people: findings first, then figures, mutants and coverage."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from pipeline.campaign.coverage import NAMED, STATES, Coverage
from pipeline.campaign.runner import Findings
from pipeline.simulation.kinds import KINDS

MOST_MISSES = 12


def lines(findings: Findings) -> Iterator[str]:
    """The report, line by line."""
    rate = findings.asset_ticks / findings.seconds if findings.seconds else 0.0
    yield (f"{findings.seeds:,} seeds, {findings.asset_ticks:,} asset-ticks, {findings.seconds:,.0f} s "
           f"({rate:,.0f} asset-ticks/s)")  # fmt: skip
    yield f"canary {'reported' if findings.canary else 'NOT REPORTED'}; {len(findings.breaches)} seeds with a finding"
    yield f"{findings.again} seeds lived twice, {len(findings.mismatches)} with another digest"
    yield from _mutants(findings.mutants)
    yield from _coverage(findings.coverage)
    for failure in findings.failures():
        yield f"FAILED  {failure}"
    for shortfall in findings.shortfalls():
        yield f"SHORT   {shortfall}"


def _mutants(mutants: list[dict[str, Any]]) -> Iterator[str]:
    if not mutants:
        return
    found = [mutant for mutant in mutants if mutant["found"]]
    middle = f", median {median(m['seeds'] for m in found):g} seeds" if found else ""
    yield f"{len(found)} of {len(mutants)} mutants found{middle}"
    for mutant in mutants:
        by = f"{mutant['invariant']:<4} after {mutant['seeds']} seeds" if mutant["found"] else "not found"
        yield f"    {mutant['name']:<44} {by}, {mutant['seconds']:.0f} s"


def _coverage(coverage: Coverage) -> Iterator[str]:
    yield "fault × state of its battery when it began"
    yield f"    {'':<14}" + "".join(f"{state[:9]:>10}" for state in STATES)
    for kind in sorted(KINDS):
        yield f"    {kind:<14}" + "".join(f"{coverage.struck[kind, state] or '·':>10}" for state in STATES)
    together = sum(1 for count in coverage.pairs.values() if count)
    yield f"{together} pairs of faults overlapped; reached: " + ", ".join(
        f"{sum(1 for (of, _), count in coverage.reached.items() if of == unit and count)} of {len(names)} {unit}"
        for unit, names in NAMED.items()
    )
    for what, missed in coverage.missed().items():
        if missed:
            more = f" and {len(missed) - MOST_MISSES} more" if len(missed) > MOST_MISSES else ""
            yield f"never {what}: {', '.join(missed[:MOST_MISSES])}{more}"
