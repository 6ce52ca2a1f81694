"""How many mutants of the safety core the tests find: `python -m tests.mutation [FILE …] [--jobs N] [--sample N]`.

Every mutant runs in a process of its own, forked from one that has imported what never changes; the mutated source is
handed to the import system, nothing is written into the tree. Kernels run as their plain twins. A mutant is killed when
a test fails or nothing ends within `LIMIT_S`. Equivalent ones are listed in `equivalent.txt`, each with its reason.
Exit code 1 when the score is below 95 %.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import importlib.util
import os
import random
import signal
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

os.environ["BESS_PIPELINE_PLAIN"] = "1"

import hypothesis
import numpy as np
import pydantic
import pytest
import reactivex

from tests.mutation.mutants import ROOT, Mutant, mutants

PRELOADED = (hypothesis, np, pydantic, reactivex)
#: A mutant that loops for ever is found, too.
LIMIT_S = 90
WANTED = 95.0
#: Which tests judge a file: the fastest and sharpest first.
JUDGES: dict[str, tuple[str, ...]] = {
    "jit/limits.py": ("tests/jit/test_limiter.py",),
    "jit/terms.py": ("tests/jit/test_limiter.py", "tests/safety/test_limits.py"),
    "jit/joint.py": ("tests/jit/test_limiter.py", "tests/safety/test_joint.py", "tests/safety/test_site.py"),
    "jit/ceilings.py": ("tests/jit/test_limiter.py", "tests/safety/test_grid_operator.py"),
    "jit/transformers.py": ("tests/jit/test_limiter.py", "tests/safety/test_joint.py"),
    "jit/project.py": ("tests/jit/test_limiter.py", "tests/safety/test_ramp.py", "tests/safety/test_site.py"),
    "jit/reactive.py": ("tests/jit/test_reactive.py", "tests/safety/test_grid.py"),
    "jit/grid.py": ("tests/jit/test_grid.py", "tests/safety/test_grid.py"),
    "jit/states.py": ("tests/jit/test_states.py", "tests/safety/test_states.py", "tests/safety/test_operator.py"),
    "jit/sequence.py": ("tests/safety/test_sequence.py",),
}
COMMON = (
    "tests/operators/test_laws.py",
    "tests/safety/test_any_sequence.py",
    "tests/safety/test_degrading.py",
    "tests/safety/test_faults.py",
    "tests/safety/test_device.py",
    "tests/safety/test_effect.py",
)


class _Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != self.mutant.module:
            return None
        return importlib.util.spec_from_loader(name, self)

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / (self.mutant.module.replace(".", "/") + ".py"))
        exec(compile(self.mutant.source, module.__file__, "exec"), vars(module))  # noqa: S102  # that is the point


class _Brief:
    """A plugin: property tests try few examples. Most mutants die of them; the others get the whole."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            test = getattr(item, "obj", None)
            asked = getattr(test, "_hypothesis_internal_use_settings", None)
            if asked is not None:
                brief = hypothesis.settings(asked, max_examples=min(12, asked.max_examples))
                test._hypothesis_internal_use_settings = brief  # type: ignore[union-attr]


def survives(mutant: Mutant, tests: Sequence[str], plugins: Sequence[object] = ()) -> bool:
    """Whether all tests pass on a mutant."""
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_S)  # its default action ends the process
        os.environ["BESS_PIPELINE_MUTANT"] = "1"
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123  # a file descriptor to put in place of 1 and 2
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        sys.meta_path.insert(0, _Changed(mutant))
        options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--no-cov", "-W", "ignore"]
        os._exit(int(pytest.main([*options, *tests], plugins=plugins) != 0))
    _, status = os.waitpid(child, 0)
    return status == 0


def judged(path: Path, jobs: int, sample: int | None) -> tuple[int, list[str]]:
    """How many mutants of a file count, and the keys of those that survive."""
    listed = (Path(__file__).parent / "equivalent.txt").read_text().splitlines()
    known = {line.split("  # ")[0].strip() for line in listed}
    found = [mutant for mutant in mutants(path) if mutant.key not in known]
    if sample is not None and sample < len(found):
        found = random.Random(1).sample(found, sample)
    own = [test for test in JUDGES.get(str(path.relative_to(ROOT)), ()) if (ROOT / test).exists()]
    whole = Mutant("", ".".join(path.relative_to(ROOT).with_suffix("").parts), path.read_text())
    if not survives(whole, own, [_Brief()]):
        raise SystemExit(f"{path.name}: its tests fail without any change: nothing can be judged")
    with ThreadPoolExecutor(jobs) as pool:
        lives = pool.map(lambda mutant: survives(mutant, own, [_Brief()]), found)
        tough = [mutant for mutant, alive in zip(found, lives, strict=True) if alive]
        lives = pool.map(lambda mutant: survives(mutant, [*own, *COMMON]), tough)
        return len(found), [mutant.key for mutant, alive in zip(tough, lives, strict=True) if alive]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", default=list(JUDGES), help="kernel files (default: the safety core)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--sample", type=int, help="judge only so many mutants per file, always the same ones")
    asked = parser.parse_args()
    total = alive = 0
    for name in asked.files:
        count, survivors = judged((ROOT / name).resolve(), asked.jobs, asked.sample)
        total, alive = total + count, alive + len(survivors)
        print(f"{name}: {count - len(survivors)} of {count} mutants found ({_percent(count, len(survivors)):.1f} %)")
        for key in survivors:
            print(f"  survives  {key}")
    score = _percent(total, alive)
    print(f"mutation score {score:.1f} % (wanted ≥ {WANTED:g} %)")
    return int(score < WANTED)


def _percent(count: int, alive: int) -> float:
    return 100.0 * (count - alive) / count if count else 100.0


if __name__ == "__main__":
    sys.exit(main())
