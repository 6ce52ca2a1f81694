"""The limiter, the ramp and the rounded command against exact arithmetic, on as many random batteries as one likes.

    make oracle                                          1,000,000 batteries
    python -m tests.jit.oracle_long --cases 20000 --seed 7

One case is one battery in one tick: its limits and its band against the oracle, and then what would be sent. The
kernels are the production's, in the order of the chain: band, constrain, ramp, command, each with its reactive part.
Every inequality on what is sent is decided in rational numbers: no tolerance on ratings, limits of the battery,
permissions, the bands of the point of connection and of transformers, P² + Q² ≤ S² of batteries and transformers.
Limits that are computed (tapers, energy, rooms, the ramp) may differ from the rational ones by 1e-9 of their size.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from math import isfinite
from typing import Any

import numpy as np

from jit import project, reactive
from jit import rows as r
from jit.codes import Authority
from tests.jit import oracle
from tests.jit.limiter_case import Case, close
from tests.jit.oracle import exact
from tests.jit.oracle_draws import Draws
from tests.jit.oracle_narrow import met

EXACT = ("rating", "configuration", "bms", "permission", "remote", "availability")
APPARENT = r.LIMITS.index("apparent")
SHOWN, EVERY = 20, 100_000


class Chain(Case):
    """A case that goes on to the command, as the operators do."""

    def run(self) -> None:
        self.codes[r.AUTHORITY] = Authority.ARMED
        self.codes[r.FAULT] = [int(b["fault"]) for b in self.batteries]
        for array in (self.past, self.past_codes, self.past_site):
            array.flags.writeable = False
        values, codes, site, ratings, shared = (
            self.values, self.codes, self.site, self.constants.ratings, self.constants.shared,
        )  # fmt: skip
        where = (shared.starts, shared.members, self.band_row)
        row, dt = self.first + 2 * APPARENT, self.given["dt"]
        reactive.apparent(values, codes, self.past, self.past_codes, ratings, self.constants.site, row)
        self.band()
        project.constrain(values, codes, site, self.site_codes, *where)
        reactive.constrain_kvar(values, codes, ratings)
        project.ramp(values, codes, site, self.site_codes, self.past, self.past_codes, ratings, *where, dt)
        reactive.ramp_kvar(values, codes, self.past, self.past_codes, ratings, dt)
        project.command(values, codes, site, self.site_codes, self.past_codes, ratings, *where)
        reactive.command_kvar(values, codes, site, ratings)


def judge(case: Chain) -> Iterator[str]:
    """What is wrong with a case that has run: nothing, one hopes."""
    named = case.oracle_terms()
    sent = case.values[r.COMMAND_KW].tolist()
    for column, terms in enumerate(named):
        low, high = (float(case.values[case.first + 2 * APPARENT + side, column]) for side in (0, 1))
        terms["apparent"] = (oracle.exact(low), oracle.exact(high))
        for what in (*_band(case, terms, column), *_sent(case, terms, column, sent[column]), *_ramp(case, column)):
            yield f"battery {column}: {what}"
    yield from _together(case, sent)
    yield from _projection(case)


def _band(case: Chain, terms: dict[str, oracle.Interval], column: int) -> Iterator[str]:
    for number, name in enumerate(r.LIMITS):
        found = case.values[case.first + 2 * number, column], case.values[case.first + 2 * number + 1, column]
        if not (close(found[0], terms[name][0]) and close(found[1], terms[name][1])):
            yield f"limit {name} is {found}, not {terms[name]}"
    low, high = oracle.meet(list(terms.values()))
    found = case.values[r.LOW_KW, column], case.values[r.HIGH_KW, column]
    if not (close(found[0], low) and close(found[1], high) and found[0] <= 0.0 <= found[1]):
        yield f"band is {found}, not {(low, high)}"


def _sent(case: Chain, terms: dict[str, oracle.Interval], column: int, sent: float) -> Iterator[str]:
    """The rounded command of one battery, as the rational number that it is."""
    b, kvar = case.batteries[column], float(case.values[r.COMMAND_KVAR, column])
    if not (isfinite(sent) and isfinite(kvar)):
        yield f"{sent} kW, {kvar} kvar"
        return
    power, step = Fraction(sent), Fraction(str(b["resolution_kw"]))
    for name in EXACT:
        low, high = terms[name]
        if (low is not None and power < low) or (high is not None and power > high):
            yield f"{sent} kW is beyond {name} {terms[name]}"
    if not case.values[r.LOW_KW, column] <= sent <= case.values[r.HIGH_KW, column]:
        yield f"{sent} kW is out of its band"
    if abs(power) > abs(Fraction(float(case.values[r.RAMPED_KW, column]))):
        yield f"{sent} kW is more than ramped"
    if abs(power - round(power / step) * step) > abs(power) / 2**50:  # the float next to the multiple
        yield f"{sent} kW is no multiple of {b['resolution_kw']}"
    if 0 < abs(sent) < (b["min_discharge_kw"] if sent > 0.0 else b["min_charge_kw"]) or (b["fault"] and sent != 0.0):
        yield f"{sent} kW is below the minimum, or given after a fault"
    yield from _circle(b, power, Fraction(kvar))


def _circle(b: dict[str, Any], power: Fraction, kvar: Fraction) -> Iterator[str]:
    s = Fraction(b["apparent_kva"])
    if power**2 + kvar**2 > s**2:
        yield f"{float(power)} kW and {float(kvar)} kvar are out of the circle of {float(s)} kVA"
    if abs(kvar) > Fraction(b["reactive_kvar"]) or (b["fault"] and kvar != 0):
        yield f"{float(kvar)} kvar of {b['reactive_kvar']}"


def _ramp(case: Chain, column: int) -> Iterator[str]:
    """No further from where it stood, projected onto today's band, than the ramp allows; exactly but for rounding."""
    b = case.batteries[column]
    low, high = Fraction(float(case.values[r.LOW_KW, column])), Fraction(float(case.values[r.HIGH_KW, column]))
    if b["fault"]:
        low = high = Fraction(0)
    start = min(max(oracle.bounded(b["ramped"]), low), high)
    rates = Fraction(b["ramp_up"]), Fraction(b["ramp_down"])
    dt = Fraction(case.given["dt"])
    upper, lower = oracle.rise(start, *rates, dt), -oracle.rise(-start, *rates, dt)
    ramped = Fraction(float(case.values[r.RAMPED_KW, column]))
    slack = Fraction(1, 10**9) * max(Fraction(1), abs(start), abs(upper), abs(lower))
    none = Fraction(0)
    # the joint projection may take it further toward 0, never further away
    if ramped > max(upper, none) + slack or ramped < min(lower, none) - slack:
        yield f"ramped to {float(ramped)} from {float(start)}, beyond {float(lower)} … {float(upper)}"


def _together(case: Chain, sent: list[float]) -> Iterator[str]:
    shared, sure = case.constants.shared, case.proven
    if max(sent) > 0.0 > min(sent):
        yield "one charges while another discharges"
    bands = [(float(case.site[r.SITE_LOW_KW]), float(case.site[r.SITE_HIGH_KW]))]
    bands += [tuple(case.site[row : row + 2].tolist()) for row in range(case.band_row, len(case.site), 2)]
    for g, (low, high) in enumerate(bands):
        members = shared.members[shared.starts[g] : shared.starts[g + 1]].tolist()
        total = sum((Fraction(sent[member]) for member in members if sure[member]), Fraction(0))
        if (isfinite(low) and total < Fraction(low)) or (isfinite(high) and total > Fraction(high)):
            yield f"group {g}: {float(total)} kW is out of {(low, high)}"
        kvar = sum((Fraction(float(case.values[r.COMMAND_KVAR, member])) for member in members), Fraction(0))
        if g > 0 and total != 0 and total**2 + kvar**2 > Fraction(float(shared.kva[g])) ** 2:
            yield f"transformer {g}: {float(total)} kW and {float(kvar)} kvar are beyond {shared.kva[g]} kVA"
    for members, (least, most) in case.joint:
        total = sum((Fraction(sent[member]) for member in members if sure[member]), Fraction(0))
        slack = Fraction(1, 10**9) * max(Fraction(1), abs(total))
        if (least is not None and total < least - slack) or (most is not None and total > most + slack):
            yield f"{float(total)} kW of {len(members)} are out of {(least, most)}"
        bound = most if total > 0 else None if least is None else -least
        if bound is not None and _risen(case, [member for member in members if sure[member]], sent, bound) > slack:
            yield f"some of {len(members)} rise into room that others may still hold, of {float(bound)} kW"


def _risen(case: Chain, members: list[int], sent: list[float], bound: Fraction) -> Fraction:
    """What is sent beyond what may be held already, as far as it does not fit beside all that may be held."""
    out, none = any(sent[member] > 0.0 for member in members), Fraction(0)
    sizes = [abs(Fraction(sent[member])) for member in members]
    ends = [exact(case.batteries[member]["unconfirmed"][1 if out else 0]) for member in members]
    held = [max(none, none if end is None else end if out else -end) for end in ends]
    rising = sum((max(none, size - kept) for size, kept in zip(sizes, held, strict=True)), none)
    return min(rising, max(none, sum(map(max, sizes, held), none) - bound))


def _projection(case: Chain) -> Iterator[str]:
    """limited_kw is what the oracle projects, where its direction is not decided by the last bit."""
    bands = [(Fraction(a), Fraction(b)) for a, b in zip(*case.values[[r.LOW_KW, r.HIGH_KW]].tolist(), strict=True)]
    desired = [Fraction(0) if b["fault"] else oracle.bounded(b["desired"]) for b in case.batteries]
    each = [min(max(power, low), high) for power, (low, high) in zip(desired, bands, strict=True)]
    if abs(sum(each, Fraction(0))) <= Fraction(1, 10**9) * (1 + sum(map(abs, each), Fraction(0))):
        return
    expected = oracle.project(desired, bands, case.joint, case.proven)
    for column, (found, wanted) in enumerate(zip(case.values[r.LIMITED_KW].tolist(), expected, strict=True)):
        if not close(found, wanted):
            yield f"battery {column}: limited to {found}, not {float(wanted)}"


def compare(
    cases: int, seed: int, said: list[str], seen: Counter[str] | None = None, every: int = 0
) -> tuple[int, int]:
    """Judge at least so many batteries; complaints go to `said`. Returns the batteries and the sites.

    `seen`: in how many sites what was in the way and left something (`oracle_narrow.met`). How far it is is printed
    after every so many batteries.
    """
    draws, judged, sites, told = Draws(seed), 0, 0, 0
    with np.errstate(all="ignore"):
        while judged < cases:
            batteries, site = draws.case()
            case = Chain(batteries, site)
            case.run()
            said += [f"site {sites} of seed {seed}, {what}" for what in judge(case)]
            judged, sites = judged + len(batteries), sites + 1
            if seen is not None:
                seen.update(met(case))
            if every and judged - told >= every:
                told = judged
                print(f"{judged} batteries of {sites} sites: {len(said)} violations", flush=True)
    return judged, sites


def main() -> int:
    parser = argparse.ArgumentParser(description="The limiter against exact arithmetic.")
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    said: list[str] = []
    seen: Counter[str] = Counter()
    began = time.monotonic()
    judged, sites = compare(asked.cases, asked.seed, said, seen, EVERY)
    print(*said[:SHOWN], sep="\n", end="\n" if said else "")
    print("in the way in so many of the sites:", ", ".join(f"{what} {n / sites:.0%}" for what, n in seen.most_common()))
    print(f"{judged} batteries of {sites} sites in {time.monotonic() - began:.0f} s, seed {asked.seed}: "
          f"{len(said)} violations")  # fmt: skip
    return 1 if said else 0


if __name__ == "__main__":
    sys.exit(main())
