"""Mutants of a file of the safety core: one small change each, addressed by what it changes.

    x < y → x <= y, x >= y     a + b → a - b     a and b → a or b     not x → x     min → max     0.0 → 1.0
    if f(x) → if not f(x)      a statement → nothing     at the top of the file too: a row of a table → nothing

A mutant's key is `file:function:line text → new text#n`; it names the code and not a line number, so that the list of
equivalent mutants survives an edit elsewhere in the file.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
NAMED = {"min": "max", "max": "min"}
NOTHING = (ast.Pass(), ast.Starred(ast.Tuple([], ast.Load())))  # in place of a statement, of the row of a table


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change. `source` is the changed function, or the changed file when `function` is empty."""

    key: str
    file: str
    function: str
    line: int
    source: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").replace("/", ".")


def mutants(path: Path) -> Iterator[Mutant]:
    """Every mutant of a file: of its functions, then of what stands at its top.

    A function that the top of the file calls has done its work when it is swapped: it counts as a part of the top.
    """
    tree, file = ast.parse(path.read_text()), str(path.relative_to(ROOT))
    seen: dict[str, int] = {}
    top = [node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign)]
    called = {node.id for statement in top for node in ast.walk(statement) if isinstance(node, ast.Name)}
    for function in [node for node in tree.body if isinstance(node, ast.FunctionDef)]:
        inside = function.name not in called
        for change, line in _changed(function, function.body[ast.get_docstring(function) is not None :]):
            key = _once(f"{path.name}:{function.name}: {change}", seen)
            yield Mutant(key, file, function.name if inside else "", line, _source(function if inside else tree))
    for key, line in _changed(tree, top):
        yield Mutant(_once(f"{path.name}: {key}", seen), file, "", line, ast.unparse(tree))


def _source(node: ast.FunctionDef | ast.Module) -> str:
    """Of a function without its decorators."""
    if isinstance(node, ast.Module):
        return ast.unparse(node)
    return ast.unparse(ast.FunctionDef(node.name, node.args, node.body, [], node.returns, lineno=node.lineno))


def _once(key: str, seen: dict[str, int]) -> str:
    seen[key] = seen.get(key, 0) + 1
    return key if seen[key] == 1 else f"{key} #{seen[key]}"


def _changed(whole: ast.FunctionDef | ast.Module, statements: list[Any]) -> Iterator[tuple[str, int]]:
    """Carry out one change after the other in place; its key and line. The next one finds everything as it was."""
    top = isinstance(whole, ast.Module)
    for parent, name, index, statement in list(_places(whole, statements)):
        node = getattr(parent, name) if index is None else getattr(parent, name)[index]
        old = _line(statement)
        for other in _variants(node, top=top, table=top and isinstance(parent, ast.Tuple)):
            _put(parent, name, index, other)
            new = "(deleted)" if other in NOTHING else _line(other if node is statement else statement)
            if old == new:  # the change is in a later line
                new = f"{ast.unparse(node)} → {ast.unparse(other)}"
            yield f"{old} → {new}", statement.lineno
            _put(parent, name, index, node)


def _places(parent: ast.AST, found: list[Any], at: Any = None) -> Iterator[tuple[ast.AST, str, int | None, Any]]:
    """Every node below `found` as field and place of its parent, and the statement or row of a table that holds it."""
    for name, value in ast.iter_fields(parent):
        for index, node in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(node, ast.AST) or (at is None and node not in found):
                continue
            row = isinstance(parent, ast.Tuple) and isinstance(node, ast.Tuple | ast.Starred)
            statement = node if row or isinstance(node, ast.stmt) else at
            yield parent, name, index, statement
            yield from _places(node, found, statement)


def _put(parent: ast.AST, name: str, index: int | None, node: ast.AST) -> None:
    if index is None:
        setattr(parent, name, node)
    else:
        getattr(parent, name)[index] = node


def _line(statement: ast.AST) -> str:
    return ast.unparse(statement).splitlines()[0]


def _variants(node: ast.AST, *, top: bool, table: bool) -> Iterator[ast.AST]:
    """What a node is changed into. At the top of a file no statement is deleted: everything would fail."""
    match node:
        case ast.Compare():
            for i, old in enumerate(node.ops):
                for operator in COMPARED.get(type(old), ()):
                    yield ast.Compare(node.left, [*node.ops[:i], operator(), *node.ops[i + 1 :]], node.comparators)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
        case ast.BinOp() if type(node.op) in COMPUTED:
            yield ast.BinOp(node.left, COMPUTED[type(node.op)](), node.right)
        case ast.Constant(value=bool()):
            yield ast.Constant(not node.value)
        case ast.Constant(value=int() | float() as number):
            yield ast.Constant(number + 1)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Name() if node.id in NAMED:
            yield ast.Name(NAMED[node.id], node.ctx)
        case ast.IfExp(test=ast.Name() | ast.Call()):
            yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.If(test=ast.Name() | ast.Call()):
            yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.Tuple() | ast.Starred() if table:
            yield NOTHING[1]
        case ast.AugAssign() | ast.Assign() | ast.Continue() | ast.Break() | ast.Expr() | ast.Return(value=None):
            if isinstance(node, ast.AugAssign) and type(node.op) in COMPUTED:
                yield ast.AugAssign(node.target, COMPUTED[type(node.op)](), node.value)
            if not top:
                yield NOTHING[0]
