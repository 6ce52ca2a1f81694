"""Prints requirement → design section → modules → tests → last result, and what has no test yet.

    make trace                         the whole table
    python -m tests.trace LH-SAFE      only the requirements that begin so
    python -m tests.trace --safety     writes the generated part of docs/safety.md instead

The tests are asked for their markers by collecting them; the results are those of the last run of each test on this
machine (var/trace/results.json). Ends with 1 when a requirement's test failed.
"""

from __future__ import annotations

import json
import sys
from collections import Counter, defaultdict
from contextlib import redirect_stdout
from io import StringIO

import pytest

from tests.conftest import RESULTS, ROOT
from tests.trace import safety
from tests.trace.table import Requirement, read_requirements


class Markers:
    """A pytest plug-in that keeps which test names which requirement."""

    def __init__(self) -> None:
        self.tests: dict[str, list[str]] = defaultdict(list)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            for mark in item.iter_markers("req"):
                for requirement in mark.args:
                    self.tests[requirement].append(item.nodeid)


def collect() -> dict[str, list[str]]:
    """Requirement → node ids. A collection error ends the program with pytest's own message."""
    markers, said = Markers(), StringIO()
    with redirect_stdout(said):
        code = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", str(ROOT / "tests")], plugins=[markers])
    if code not in {pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED}:
        sys.exit(f"{said.getvalue()}\nthe tests could not be collected")
    return markers.tests


def result(nodes: list[str], outcomes: dict[str, str]) -> str:
    """One word for all tests of a requirement, the worst first."""
    seen = Counter(outcomes.get(node, "not run") for node in nodes)
    for word in ("failed", "not run", "skipped"):
        if seen[word]:
            return f"{word} ({seen[word]} of {len(nodes)})"
    return "passed" if nodes else "no test"


def functions(nodes: list[str]) -> list[str]:
    """Parametrised cases folded into their function, with their number."""
    folded = Counter(node.split("[")[0] for node in nodes)
    return [f"{name} ×{count}" if count > 1 else name for name, count in folded.items()]


def entry(row: Requirement, nodes: list[str], outcomes: dict[str, str]) -> str:
    absent = [module for module in row.modules if not (ROOT / module).exists()]
    lines = [f"{row.id}  {result(nodes, outcomes)}", f"    {row.text}", f"    design {row.design or '-'}"]
    lines += [f"    module {module}{'  (absent)' if module in absent else ''}" for module in row.modules]
    lines += [f"    test   {name}" for name in functions(nodes)]
    return "\n".join(lines)


def main(prefixes: list[str]) -> int:
    if prefixes == ["--safety"]:
        safety.write(ROOT)
        return 0
    rows = [
        row
        for row in read_requirements(ROOT / "docs" / "requirements.md")
        if not prefixes or row.id.startswith(tuple(prefixes))
    ]
    tests = collect()
    outcomes = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    words: Counter[str] = Counter()
    for row in rows:
        nodes = tests.get(row.id, [])
        words[result(nodes, outcomes).split(" (")[0]] += 1
        print(entry(row, nodes, outcomes), end="\n\n")
    print(f"{len(rows)} requirements: " + ", ".join(f"{count} {word}" for word, count in words.most_common()))
    return 1 if words["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
