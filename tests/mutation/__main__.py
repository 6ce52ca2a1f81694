"""How many mutants of the safety core the tests find, and which branches they take.

    python -m tests.mutation [FILE …] [--jobs N] [--sample N] [--survivors] [--branches]

Kernels run as their plain twins; nothing is written into the tree but `var/mutation/`: what found which mutant, so that
the next run asks the likeliest test first. Equivalent mutants are in `equivalent.txt`, each with its reason. Exit code
1 when the score is below 95 % or a branch is not taken.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

os.environ["BESS_PIPELINE_PLAIN"] = "1"

import pytest

from tests.mutation import measured
from tests.mutation.judging import OPTIONS, Judging, imported, silent
from tests.mutation.mutants import ROOT, Mutant, mutants

WANTED = 95.0
#: The safety core: `limits`, `constrain`, `ramp`, `command`, `state_machine` and every kernel file they consist of.
CORE = (
    *(f"jit/{name}.py" for name in ("limits", "terms", "joint", "ceilings", "transformers", "project", "reactive")),
    *(f"jit/{name}.py" for name in ("grid", "states", "sequence", "relief", "means", "sharing", "timers")),
    *(f"operators/{name}.py" for name in ("limits", "constrain", "ramp", "command", "state_machine")),
)
JUDGES = ("tests/jit", "tests/operators", "tests/safety")
#: What starts processes or a compiler of its own judges nothing here.
ELSEWHERE = ("jit/test_build.py", "safety/test_process_gone.py", "safety/test_attack_process.py")
FOUND = ROOT / "var" / "mutation" / "found.json"
EQUIVALENT = Path(__file__).parent / "equivalent.txt"


class Record:
    """What became of each mutant, kept after each; one line for each survivor, a dot line for every 50."""

    def __init__(self) -> None:
        self.found: dict[str, str | None] = json.loads(FOUND.read_text()) if FOUND.is_file() else {}
        self.judged: dict[str, list[tuple[str, str | None]]] = {}
        self.out = os.fdopen(os.dup(1), "w", buffering=1)

    def say(self, text: str) -> None:
        print(text, file=self.out)

    def tell(self, mutant: Mutant, by: str | None) -> None:
        self.found[mutant.key] = by
        judged = self.judged.setdefault(mutant.file, [])
        judged.append((mutant.key, by))
        if by is None:
            self.say(f"  survives  {mutant.key}")
        if len(judged) % 10 == 0 or by is None:
            FOUND.parent.mkdir(parents=True, exist_ok=True)
            FOUND.write_text(json.dumps(self.found, indent=0))
        if len(judged) % 50 == 0:
            self.say(f"  {mutant.file}: {len(judged)} judged")


def known() -> set[str]:
    """Keys of the equivalent mutants."""
    return {line.split("  # ")[0].strip() for line in EQUIVALENT.read_text().splitlines()}


def chosen(file: str, record: Record, asked: argparse.Namespace) -> list[Mutant]:
    """The mutants of a file that are to be judged."""
    found = [mutant for mutant in mutants(ROOT / file) if mutant.key not in known()]
    random.Random(1).shuffle(found)  # a larger sample contains every smaller one
    found = found[: asked.sample]
    if asked.survivors or asked.new:
        again = ({None} if asked.survivors else set()) | ({""} if asked.new else set())
        found = [mutant for mutant in found if record.found.get(mutant.key, "") in again]
    return found


def judged(wanted: list[Mutant], record: Record, asked: argparse.Namespace) -> Judging:
    """First what is swapped in, then, with what is known by then, what has to be imported."""
    inside = [mutant for mutant in wanted if mutant.function]
    judging = Judging(CORE, inside, asked.jobs, asked.budget, record.tell, record.say)
    for mutant in (mutant for file in CORE for mutant in mutants(ROOT / file)):
        if by := record.found.get(mutant.key):
            judging.killers.setdefault((mutant.file, mutant.function), Counter())[by] += 1
    ignored = [f"--ignore={ROOT}/tests/{file}" for file in ELSEWHERE]
    judging.cover.start()
    if pytest.main([*OPTIONS, *ignored, *(asked.tests or JUDGES)], plugins=[judging]) != 0:
        raise SystemExit("the tests fail without any change: nothing can be judged")
    with ThreadPoolExecutor(asked.jobs) as pool:
        outside = [mutant for mutant in wanted if not mutant.function]
        found = pool.map(lambda mutant: imported(mutant, judging.suited(mutant), 5 * asked.budget), outside)
        for mutant, by in zip(outside, found, strict=True):
            record.tell(mutant, by)
    return judging


def told(judging: Judging, record: Record) -> bool:
    """Print the scores and the branches; whether both suffice."""
    total = alive = 0
    for file, judged in record.judged.items():
        survivors = sum(by is None for _, by in judged)
        total, alive = total + len(judged), alive + survivors
        record.say(f"{file}: {len(judged) - survivors} of {len(judged)} mutants found")
    score = 100.0 * (total - alive) / total if total else 100.0
    record.say(f"mutation score {score:.1f} % of {total} (wanted ≥ {WANTED:g} %)")
    all_taken = True
    for file, (number, taken, missing) in measured.branches(judging.tests.values(), CORE, FOUND.parent).items():
        all_taken = all_taken and taken == number
        lines = ", ".join(f"{a} → {b}" for a, b in missing)
        record.say(f"{file}: {taken} of {number} branches{lines and ' without '}{lines}")
    return score >= WANTED and all_taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", default=CORE, help="default: the safety core")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--budget", type=float, default=30.0, help="CPU seconds of tests for one mutant")
    parser.add_argument("--sample", type=int, help="judge only so many mutants per file, always the same ones")
    parser.add_argument("--survivors", action="store_true", help="only those that nothing has found so far")
    parser.add_argument("--new", action="store_true", help="only those that were not judged so far")
    parser.add_argument("--tests", nargs="*", help="other tests as judges")
    parser.add_argument("--branches", action="store_true", help="no mutants")
    asked = parser.parse_args()
    record = Record()
    silent()
    wanted = [] if asked.branches else [mutant for file in asked.files for mutant in chosen(file, record, asked)]
    return int(not told(judged(wanted, record, asked), record))


if __name__ == "__main__":
    sys.exit(main())
