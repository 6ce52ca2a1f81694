"""The campaign: many seeds at once, the canary, the same seeds again, the mutants, and what is short of the goal.

    canary ─► seeds A:B ──► breaches ─► minimised ─► kept
                   └► 20 of them again, in processes with other hash seeds ─► the same digests?
              mutants ──► seed after seed, until an invariant breaks

Everything that is missing of the goal is a shortfall, a finding is a failure, and nothing is skipped in silence.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from pipeline.campaign.case import Case
from pipeline.campaign.coverage import Coverage
from pipeline.campaign.hands import Hand, Told, asked, each
from pipeline.campaign.minimise import minimised
from pipeline.campaign.mutation import Mutant, mutants

Tell = Callable[[str, int, int, str], None]  # phase, done, of how many, what is worth saying
MUTANT_PATIENCE_S = 120.0
MOST_KEPT = 20
STORMS = 0.78  # of the time, where mutants are looked for besides


@dataclass(frozen=True, slots=True)
class Goal:
    """What a campaign has to reach."""

    seeds: int = 0
    asset_ticks: int = 0
    again: int = 0
    mutants: int = 0

    def reached(self, seeds: int, asset_ticks: int) -> bool:
        return seeds >= self.seeds and asset_ticks >= self.asset_ticks


GOALS = {"ci": Goal(200, 300_000, 20, 10), "hour": Goal(2_000, 5_000_000, 20, 40)}


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for. `goal`: the seeds end as soon as it is reached. `named`: the mutants to look for."""

    first: int
    beyond: int
    minutes: float = 60.0
    jobs: int = 2
    goal: Goal = Goal()
    again: int = 20
    named: tuple[str, ...] = ()
    mutant_seeds: int = 40
    keep: Path | None = None


@dataclass
class Findings:
    """What a campaign found. `failures` and `shortfalls` are sentences; with any of them it has failed."""

    order: Order
    seeds: int = 0
    asset_ticks: int = 0
    seconds: float = 0.0
    canary: bool = False
    digests: dict[int, str] = field(default_factory=dict)
    breaches: list[dict[str, Any]] = field(default_factory=list)
    again: int = 0
    mismatches: list[int] = field(default_factory=list)
    mutants: list[dict[str, Any]] = field(default_factory=list)
    coverage: Coverage = field(default_factory=Coverage)

    def failures(self) -> list[str]:
        said = [] if self.canary else ["the canary was not reported: no finding of this campaign can be trusted"]
        said += [f"seed {b['seed']}: {b['text']}" for b in self.breaches]
        return said + [f"seed {seed}: another digest in another process" for seed in self.mismatches]

    def shortfalls(self) -> list[str]:
        goal, found = self.order.goal, sum(mutant["found"] for mutant in self.mutants)
        numbers = (
            ("seeds", self.seeds, goal.seeds),
            ("asset-ticks", self.asset_ticks, goal.asset_ticks),
            ("seeds lived twice", self.again, min(goal.again, self.order.beyond - self.order.first)),
            ("mutants found", found, goal.mutants),
        )
        short = [f"{has:,} {what}, {wanted:,} are wanted" for what, has, wanted in numbers if has < wanted]
        lost = [m for m in self.mutants if not m["found"]] if found < (goal.mutants or len(self.mutants)) else []
        return short + [f"mutant not found: {m['name']} {m['text']}".rstrip() for m in lost]

    def as_json(self) -> dict[str, Any]:
        found = [m["seeds"] for m in self.mutants if m["found"]]
        return {
            "ok": not (self.failures() or self.shortfalls()),
            "seeds": self.seeds,
            "asset_ticks": self.asset_ticks,
            "seconds": round(self.seconds, 1),
            "canary_reported": self.canary,
            "breaches": self.breaches,
            "lived_twice": self.again,
            "digest_mismatches": self.mismatches,
            "mutants": {"found": len(found), "of": len(self.mutants), "each": self.mutants,
                        "median_seeds": median(found) if found else None},
            "coverage": self.coverage.as_json(),
            "missed": self.coverage.missed(),
            "failures": self.failures(),
            "shortfalls": self.shortfalls(),
        }  # fmt: skip


def campaign(order: Order, tell: Tell) -> Findings:
    """Run it. `tell` hears how far it is."""
    began = time.monotonic()
    end = began + 60.0 * order.minutes
    findings = Findings(order)
    with Hand() as hand:
        findings.canary = bool(hand.ask({"canary": order.first}).get("breaches"))
    storm_end = end if not order.named else began + 60.0 * order.minutes * STORMS
    _seeds(order, findings, lambda: time.monotonic() < storm_end, tell)
    _again(order, findings, tell)
    _keep(order, findings, tell)
    if order.named:
        _mutants(order, findings, lambda: time.monotonic() < end, tell)
    findings.seconds = time.monotonic() - began
    return findings


def _seeds(order: Order, findings: Findings, in_time: Callable[[], bool], tell: Tell) -> None:
    def requests() -> Iterator[dict[str, Any]]:
        for seed in range(order.first, order.beyond):
            goal = order.goal
            if not in_time() or (goal.seeds and goal.reached(findings.seeds, findings.asset_ticks)):
                return
            yield {"seed": seed}

    for told in asked(requests(), order.jobs):
        findings.seeds += 1
        findings.asset_ticks += told["asset_ticks"]
        findings.digests[told["seed"]] = told["digest"]
        if "coverage" in told:
            findings.coverage += Coverage.from_json(told["coverage"])
        breach = _breach(told)
        if breach is not None:
            findings.breaches.append(breach)
        said = f"seed {told['seed']}: {breach['text']}" if breach else ""
        tell("seeds", findings.seeds, order.beyond - order.first, said)


def _breach(told: Told) -> dict[str, Any] | None:
    """The first finding of a life, with what is needed to live it again."""
    if "error" in told:
        return {"seed": told["seed"], "invariant": "end", "text": told["error"], "at": told.get("at", ""), "case": None}
    if not told["breaches"]:
        return None
    first = min(told["breaches"], key=lambda breach: breach["at_s"])
    text = f"{first['invariant']} {first['asset']} at {first['at_s']:.3f} s: {first['text']}"
    return {"seed": told["seed"], "invariant": first["invariant"], "text": text, "count": len(told["breaches"]),
            "case": told["case"]}  # fmt: skip


def _again(order: Order, findings: Findings, tell: Tell) -> None:
    """The same seeds in other processes, with other hash seeds: the same bytes on the wire?"""
    chosen = [seed for seed in sorted(findings.digests) if findings.digests[seed]][: order.again]
    for told in asked(({"seed": seed} for seed in chosen), order.jobs, hash_seeds=("1", "2", "3")):
        findings.again += 1
        if told["digest"] != findings.digests[told["seed"]]:
            findings.mismatches.append(told["seed"])
        tell("again", findings.again, len(chosen), "")


def _keep(order: Order, findings: Findings, tell: Tell) -> None:
    """Minimise what broke, and write it down."""
    if order.keep is None:
        return
    order.keep.mkdir(parents=True, exist_ok=True)
    for breach in [breach for breach in findings.breaches if breach["case"]][:MOST_KEPT]:
        with Hand() as hand:
            least = minimised(Case.from_json(breach["case"]), lambda case, h=hand, b=breach: _breaks(h, case, b))  # type: ignore[misc]
        breach["case"] = least.as_json()
        kept = {"invariant": breach["invariant"], "found": breach["text"], "case": breach["case"]}
        file = order.keep / f"{breach['invariant']}-{breach['seed']}.json"
        file.write_text(json.dumps(kept, indent=1) + "\n")
        tell("minimised", 1, 1, f"seed {breach['seed']}: {len(least.strikes)} faults, {file}")


def _breaks(hand: Hand, case: Case, breach: dict[str, Any]) -> bool:
    told = hand.ask({"case": case.as_json()})
    return any(found["invariant"] == breach["invariant"] for found in told.get("breaches", ()))


def _mutants(order: Order, findings: Findings, in_time: Callable[[], bool], tell: Tell) -> None:
    wanted = [mutant for mutant in mutants() if mutant.name in order.named]
    for found in each(order.jobs, wanted, lambda mutant: hunted(order, mutant, in_time)):
        findings.mutants.append(found)
        where = f"{found['invariant']} after {found['seeds']} seeds" if found["found"] else "NOT FOUND"
        tell("mutants", len(findings.mutants), len(wanted), f"{found['name']}: {where}")
    findings.mutants.sort(key=lambda found: order.named.index(found["name"]))


def hunted(order: Order, mutant: Mutant, in_time: Callable[[], bool]) -> dict[str, Any]:
    """Seed after seed, until an invariant breaks or there is no time left."""
    began = time.monotonic()
    result = {"name": mutant.name, "found": False, "seeds": 0, "seed": None, "invariant": "", "text": ""}
    with Hand(mutant.name, patience_s=MUTANT_PATIENCE_S) as hand:
        for seed in range(order.first, order.first + order.mutant_seeds):
            if not in_time():
                break
            result["seeds"] = seed - order.first + 1
            breach = _breach(hand.ask({"seed": seed}))
            if breach is not None:  # only an invariant finds a mutant: one that cannot run proves nothing
                found = breach["invariant"] != "end"
                result |= {"found": found, "seed": seed, "invariant": breach["invariant"], "text": breach["text"]}
                break
    return result | {"seconds": round(time.monotonic() - began, 1)}
