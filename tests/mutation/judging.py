"""Judges mutants by the tests that run through them, each in a process forked from one that has collected them all.

    collect once ─► measure each test ─► per mutant: fork ─► swap the code of one function ─► its tests, likeliest first

Whoever has taken a function by reference calls the mutant, too, since its code is swapped in place. What stands at the
top of a file is otherwise bound at import: such a mutant gets a process that imports everything anew. A mutant is found
when a test fails or takes ten times its CPU time; machines differ and are shared, so nothing is judged by a clock.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import resource
import signal
import sys
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from types import FunctionType, ModuleType
from typing import Any

import hypothesis
import pytest

from tests.mutation import measured
from tests.mutation.measured import Measured
from tests.mutation.mutants import ROOT, Mutant

#: pytest as it is used here: nothing beside the tests, no clock on the wall.
OPTIONS = ("-q", "-s", "-p", "no:cacheprovider", "-p", "no:xdist", "--timeout=0", "--no-cov", "-W", "ignore")
EXAMPLES = 12  # of a property test; the oracles find in few what they find in many
GRACE_S = 3.0
OURS = ("config", "jit", "sources", "operators", "sinks", "pipeline", "simulator", "tests")
Told = Callable[[Mutant, str | None], None]


class Brief:
    """A plugin: property tests try few examples, a test of both cycles runs at 1 s."""

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if "100 ms" not in item.name and "plain kernels" not in item.name]
        for item in items:
            test = getattr(item, "obj", None)
            asked = getattr(test, "_hypothesis_internal_use_settings", None)
            if asked is not None:
                brief = hypothesis.settings(asked, max_examples=min(EXAMPLES, asked.max_examples), database=None)
                test._hypothesis_internal_use_settings = brief  # type: ignore[union-attr]


@dataclass
class Judging(Brief):
    """A plugin that runs, in place of the tests, the tests on every mutant."""

    files: Sequence[str]
    mutants: Sequence[Mutant]
    jobs: int
    budget_s: float
    tell: Told
    say: Callable[[str], None]
    killers: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)  # by file and function
    tests: dict[str, Measured] = field(default_factory=dict)
    items: dict[str, pytest.Item] = field(default_factory=dict)
    through: dict[tuple[str, int], list[str]] = field(default_factory=dict)  # the tests that run through a line

    def __post_init__(self) -> None:
        self.cover = measured.watcher(self.files)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        self._measure(session)
        running: dict[int, tuple[Mutant, int]] = {}
        for mutant in self.mutants:
            if len(running) >= self.jobs:
                self._one(running)
            order = self.order(mutant)
            ear, mouth = os.pipe()
            child = os.fork()
            if child == 0:
                self._child(session, mutant, order, mouth)
            os.close(mouth)
            running[child] = mutant, ear
        while running:
            self._one(running)
        return True

    def _measure(self, session: pytest.Session) -> None:
        """Run every test whose sources changed, once and without any mutant."""
        core, kept = [ROOT / file for file in self.files], measured.load()
        new: dict[str, Measured] = {}
        for number, (name, item) in enumerate(self.items.items()):
            if number % 200 == 0:
                self.say(f"measuring tests: {number} of {len(self.items)}")
            stamp = measured.stamp_of([*core, item.path])
            if name in kept and kept[name].stamp == stamp:
                self.tests[name] = kept[name]
                continue
            failed, begin = session.testsfailed, time.process_time()
            self.cover.switch_context(name)
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            new[name] = Measured(stamp, time.process_time() - begin)
            if session.testsfailed > failed:
                raise pytest.UsageError(f"{name} fails without any change: nothing can be judged")
        self.cover.stop()
        for name, test in [*new.items(), ("", Measured("", 0.0))]:
            test.arcs = measured.arcs_of(self.cover, name, self.files)
            self.tests[name] = test
        measured.save(kept | self.tests)
        for name in self.items:
            for file, arcs in self.tests[name].arcs.items():
                for line in {line for arc in arcs for line in arc}:
                    self.through.setdefault((file, line), []).append(name)

    def order(self, mutant: Mutant) -> list[str]:
        """The tests that run through a mutant: first what found others of the same function, then the quickest."""
        near = self.killers.get((mutant.file, mutant.function), Counter())
        far = sum((found for (file, _), found in self.killers.items() if file == mutant.file), Counter())
        variants: Counter[str] = Counter()

        def cost(name: str) -> float:
            """Seconds for what is likely: a test of the kernels is, the tenth case of one test is not."""
            test = name.partition("[")[0]
            variants[test] += 1
            seconds = (self.tests[name].seconds + 0.05) * (0.2 if name.startswith("tests/jit/") else 1.0)
            return seconds * variants[test] / (1 + 20 * near[name] + 2 * far[name])

        return sorted(self.through.get((mutant.file, mutant.line), ()), key=cost)

    def suited(self, mutant: Mutant) -> list[str]:
        """Tests for what stands at the top of a file: what found most in it, then the quickest, up to the budget."""
        far = sum((found for (file, _), found in self.killers.items() if file == mutant.file), Counter())
        names = [name for name, test in self.tests.items() if name in self.items and mutant.file in test.arcs]
        names.sort(key=lambda name: (self.tests[name].seconds + 0.05) / (1 + far[name]))
        spent = list(accumulate(self.tests[name].seconds for name in names))
        return names[: bisect_right(spent, self.budget_s)]

    def _child(self, session: pytest.Session, mutant: Mutant, order: Sequence[str], mouth: int) -> None:
        """Swap, test, say which test failed, end."""
        swap(mutant)
        os.environ["BESS_PIPELINE_MUTANT"] = "1"
        failed, begin = session.testsfailed, time.process_time()
        for name in order:
            os.write(mouth, f"\n{name}".encode())
            signal.setitimer(signal.ITIMER_PROF, GRACE_S + 10.0 * self.tests[name].seconds)  # ends the process
            item = self.items[name]
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
            if session.testsfailed > failed:
                os._exit(1)
            if time.process_time() - begin > self.budget_s:
                break
        os._exit(0)

    def _one(self, running: dict[int, tuple[Mutant, int]]) -> None:
        """Wait for one child and tell what became of its mutant."""
        child, status = os.wait()
        mutant, ear = running.pop(child)
        with os.fdopen(ear) as told:
            last = told.read().rpartition("\n")[2]
        if status != 0:
            self.killers.setdefault((mutant.file, mutant.function), Counter())[last] += 1
        self.tell(mutant, last if status != 0 else None)


def swap(mutant: Mutant) -> None:
    """Give a function the code of the mutant, in place."""
    module = importlib.import_module(mutant.module)
    scope = dict(vars(module))
    exec(compile(mutant.source, str(module.__file__), "exec"), scope)  # noqa: S102  # that is the point
    changed, function = scope[mutant.function], _function(vars(module)[mutant.function], mutant.function)
    function.__code__, function.__defaults__ = changed.__code__, changed.__defaults__


def _function(found: Any, name: str) -> FunctionType:
    """The function itself, or the one that a decorator has kept."""
    if found.__code__.co_name != name:
        found = next(cell.cell_contents for cell in found.__closure__ if _is(cell.cell_contents, name))
    assert isinstance(found, FunctionType)
    return found


def _is(value: object, name: str) -> bool:
    return isinstance(value, FunctionType) and value.__code__.co_name == name


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives one module another source when it is imported."""

    def __init__(self, mutant: Mutant) -> None:
        self.mutant = mutant

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        return importlib.util.spec_from_loader(name, self) if name == self.mutant.module else None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = str(ROOT / self.mutant.file)
        exec(compile(self.mutant.source, module.__file__, "exec"), vars(module))  # noqa: S102  # that is the point


class First:
    """A plugin: the first failure says its name and ends the process."""

    def __init__(self, mouth: int) -> None:
        self.mouth = mouth

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os.write(self.mouth, report.nodeid.encode())
            os._exit(1)


def imported(mutant: Mutant, tests: Sequence[str], limit_s: float) -> str | None:
    """What finds a mutant in a process that imports everything of ours anew; None when nothing does."""
    ear, mouth = os.pipe()
    child = os.fork()
    if child == 0:
        for name in [name for name in sys.modules if name.partition(".")[0] in OURS]:
            del sys.modules[name]
        os.environ["BESS_PIPELINE_MUTANT"] = "1"
        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s), int(limit_s)))
        sys.meta_path.insert(0, Changed(mutant))
        os._exit(int(pytest.main([*OPTIONS, *tests], plugins=[Brief(), First(mouth)]) != 0))
    os.close(mouth)
    _, status = os.waitpid(child, 0)
    with os.fdopen(ear) as told:
        return (told.read() or "import") if status != 0 else None


def silent() -> None:
    """Whatever this process and the tests print from here on goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)

