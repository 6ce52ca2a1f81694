"""Which test proves what: the markers `hazard` of every test, read from the source without running it.

    @pytest.mark.hazard("row 24", "S13", "peer 14")          on a function, or in a module's `pytestmark`
"""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path


def proofs(root: Path) -> dict[str, list[str]]:
    """Identifier → tests as `tests/safety/test_limits.py::test_…`, in the order of files and lines."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in sorted((root / "tests").rglob("test_*.py")):
        text = file.read_text(encoding="utf-8")
        if "hazard" not in text:
            continue
        for name, ids in _of(ast.parse(text)):
            for one in ids:
                found[one].append(f"{file.relative_to(root).as_posix()}::{name}")
    return dict(found)


def _of(tree: ast.Module) -> Iterator[tuple[str, list[str]]]:
    shared = [
        one
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for one in _ids(node.value)
    ]
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            yield node.name, [*shared, *(one for decorator in node.decorator_list for one in _ids(decorator))]


def _ids(node: ast.AST) -> list[str]:
    """The arguments of every `pytest.mark.hazard(…)` below a node."""
    return [
        argument.value
        for call in ast.walk(node)
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "hazard"
        for argument in call.args
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
    ]
