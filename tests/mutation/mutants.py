"""Mutants of a kernel file: one small change each, inside the functions only, addressed by what it changes.

    x < y → x <= y, x >= y     a + b → a - b     a and b → a or b     not x → x     min → max     0.0 → 1.0     delete

A mutant's key is `file:function:line text → new text#n`; it names the code and not a line number, so that the list of
equivalent mutants survives an edit elsewhere in the file.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
COMPARED: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
}
COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
NAMED = {"min": "max", "max": "min"}
DELETED = ast.Assign | ast.AugAssign | ast.Continue | ast.Break


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed file. `key` says what was changed into what."""

    key: str
    module: str
    source: str


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of the functions of a file."""
    tree = ast.parse(path.read_text())
    seen: dict[str, int] = {}
    module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        places = [node for statement in _body(function) for node in ast.walk(statement)]
        for place, node in enumerate(places):
            for number in range(_variants(node)):
                changed = copy.deepcopy(tree)
                twin = next(n for n in changed.body if isinstance(n, ast.FunctionDef) and n.name == function.name)
                nodes = [n for statement in _body(twin) for n in ast.walk(statement)]
                statement = _statement_of(twin, nodes[place])
                old = _line(statement)
                _change(twin, nodes[place], number)
                new = "(deleted)" if isinstance(node, DELETED) and number == 0 else _line(statement)
                key = f"{path.name}:{function.name}: {old} → {new}"
                seen[key] = seen.get(key, 0) + 1
                yield Mutant(key if seen[key] == 1 else f"{key} #{seen[key]}", module, ast.unparse(changed))


def _body(function: ast.FunctionDef) -> list[ast.stmt]:
    """What stands behind the docstring."""
    return function.body[1:] if ast.get_docstring(function) is not None else function.body


def _line(statement: ast.stmt) -> str:
    return ast.unparse(statement).splitlines()[0]


def _statement_of(function: ast.FunctionDef, node: ast.AST) -> ast.stmt:
    """The innermost statement that holds a node."""
    found = [
        statement
        for statement in ast.walk(function)
        if isinstance(statement, ast.stmt) and any(inner is node for inner in ast.walk(statement))
    ]
    return found[-1]


def _variants(node: ast.AST) -> int:
    if isinstance(node, ast.Compare):
        return sum(len(COMPARED.get(type(op), ())) for op in node.ops)
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in COMPUTED:
        return 2 if isinstance(node, ast.AugAssign) else 1
    if isinstance(node, ast.Constant):
        return int(isinstance(node.value, int | float) and not isinstance(node.value, bool))
    if isinstance(node, ast.UnaryOp):
        return int(isinstance(node.op, ast.Not | ast.USub))
    if isinstance(node, ast.Name):
        return int(node.id in NAMED)
    return int(isinstance(node, ast.BoolOp | DELETED))


def _change(function: ast.FunctionDef, node: ast.AST, number: int) -> None:
    """Carry out change `number` of a node."""
    if isinstance(node, ast.Compare):
        choices = [(i, op) for i, old in enumerate(node.ops) for op in COMPARED.get(type(old), ())]
        index, operator = choices[number]
        node.ops[index] = operator()
    elif isinstance(node, ast.BoolOp):
        node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    elif isinstance(node, ast.BinOp) or (isinstance(node, ast.AugAssign) and number == 1):
        node.op = COMPUTED[type(node.op)]()
    elif isinstance(node, ast.Constant):
        value = node.value
        assert isinstance(value, int | float)
        node.value = value + 1
    elif isinstance(node, ast.Name):
        node.id = NAMED[node.id]
    elif isinstance(node, ast.UnaryOp):
        _replace(function, node, node.operand)
    else:
        _replace(function, node, ast.Pass())


def _replace(function: ast.FunctionDef, node: ast.AST, other: ast.AST) -> None:
    class Swap(ast.NodeTransformer):
        def visit(self, at: ast.AST) -> ast.AST:
            return other if at is node else self.generic_visit(at)

    Swap().visit(function)
