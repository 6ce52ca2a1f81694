from __future__ import annotations

from pathlib import Path

import pytest

from config.diagnostics import Diagnostic
from config.document import MAX_BYTES, Mapping, Scalar, compose, read
from config.source import Source
from tests.config.marked import marked

pytestmark = pytest.mark.req("LH-CONF-003")

AMBIGUOUS = """
    010 0755 00 -01 on On OFF off yes Yes no NO y N True FALSE 1:30 22:00 12:30:45 -1:30 .nan .NaN .inf -.INF nan inf
    1e3 1E+5 1.5e-3 1_000 0o17 0b11 +3 .5 5. 2024-01-01 2024-1-1 NULL Null 12345678901234567890123
"""

TRAPS = [
    ("E004", "a: 1\n«a»: 2\n"),
    ("E004", "a: { b: 1, «b»: 2 }\n"),
    ("E004", "a: 1\n«'a'»: 2\n"),
    *(("E005", f"a: «{text}»\n") for text in AMBIGUOUS.split()),
    ("E005", "a: «2024-01-01 10:00:00»\n"),
    ("E005", "a: [ 1, «on» ]\n"),
    ("E005", "«on»: 1\n"),
    ("E005", "«<<»: { a: 1 }\n"),
    ("E006", "a: " + "[" * 23 + "«[»" + "[]" + "]" * 24 + "\n"),
    ("E006", "a: " + "[" * 23 + "«[»" + "[" * 5000),
    ("E007", "a: &a [ «*a» ]\n"),
    ("E007", "a: «*nothing»\n"),
    ("E008", "a: «!!str» 3\n"),
    ("E008", "a: «!!python/object:os.system» x\n"),
    ("E008", "a: «!env» X\n"),
    ("E008", "«!!map» { a: 1 }\n"),
    ("E009", "a: 1\n«---»\nb: 2\n"),
    ("E009", "«%YAML» 1.1\n---\na: 1\n"),
    ("E010", "? «[a]»\n: 1\n"),
    ("E010", "«1.5»: 1\n"),
    ("E010", "«true»: 1\n"),
    ("E010", "? «{ a: 1 }»\n: 1\n"),
    ("E002", "a: «[»1, 2\n"),
    ("E002", "a: «'»never closed\n"),
    ("E002", "a: b«:» c\n"),
    ("E002", "a:\n«\t»b: 1\n"),
    ("E002", "a: «@»b\n"),
    ("E002", "a: «\x07»\n"),
    ("E002", "# a comment«\u2028»import_limit: 9 MW\n"),
    ("E002", "a: x«\u202e»y\n"),
    ("E002", "- a\n«b»: 1\n"),
]


@pytest.mark.parametrize(("code", "text"), TRAPS, ids=[repr(text[:30]) for _, text in TRAPS])
def test_a_trap_is_refused_at_its_place(code: str, text: str) -> None:
    source, (line, column, _) = marked(text)
    found = compose(source).diagnostics
    assert [(problem.code, problem.span and (problem.span.line, problem.span.column)) for problem in found] == [
        (code, (line, column))
    ]


def test_an_alias_bomb_is_refused() -> None:
    levels = [f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]" for level in range(1, 12)]
    found = compose(Source("bomb.yaml", "l0: &l0 [1, 2, 3]\n" + "\n".join(levels))).diagnostics
    assert [problem.code for problem in found] == ["E007"]


def test_a_key_written_twice_shows_both_places() -> None:
    (problem,) = compose(Source("x.yaml", "a: 1\nb: 2\na: 3\n")).diagnostics
    assert problem.span is not None
    assert (problem.span.line, problem.related[0].span.line) == (3, 1)


@pytest.mark.parametrize("text", ["", "# only a comment\n", "\n\n"])
def test_an_empty_file_is_said_to_be_empty(text: str) -> None:
    document = compose(Source("x.yaml", text))
    assert document.root is None
    assert [problem.code for problem in document.diagnostics] == ["E009"]


def test_plain_scalars_mean_one_thing() -> None:
    text = "a: [true, false, 0, -7, 0xFF, 2.5, -0.125, 250 kW, 'on', \"010\", null, ~]\n"
    root = compose(Source("x.yaml", text)).root
    assert isinstance(root, Mapping)
    items = root.entries["a"].value
    values = [item.value for item in items.items if isinstance(item, Scalar)]  # type: ignore[union-attr]
    assert values == [True, False, 0, -7, 255, 2.5, -0.125, "250 kW", "on", "010", None, None]


def test_every_node_knows_its_place() -> None:
    root = compose(Source("x.yaml", "a:\n  b: { c: 'x' }\n")).root
    assert isinstance(root, Mapping)
    b = root.entries["a"].value.entries["b"]  # type: ignore[union-attr]
    assert (b.key.line, b.key.column, b.key.width) == (2, 3, 1)
    assert (b.value.span.line, b.value.span.column, b.value.span.width) == (2, 6, 1)
    c = b.value.entries["c"]  # type: ignore[union-attr]
    assert (c.value.span.line, c.value.span.column, c.value.span.width) == (2, 11, 3)


def test_line_ends_of_other_systems_and_wide_characters_keep_places() -> None:
    document = compose(Source("x.yaml", "# ü\r\na: '电池'\r\nb: on\r\n"))
    (problem,) = document.diagnostics
    assert problem.span is not None
    assert (problem.span.line, problem.span.column) == (3, 4)


def test_a_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    large.write_bytes(b"#" * (MAX_BYTES + 1))
    latin = tmp_path / "latin.yaml"
    latin.write_bytes("a: 1\nb: grün\n".encode("latin-1"))
    found = {name: read(tmp_path / name) for name in ("missing.yaml", "large.yaml", "latin.yaml", ".")}
    problems = {name: problem for name, problem in found.items() if isinstance(problem, Diagnostic)}
    codes = {name: problem.code for name, problem in problems.items()}
    assert codes == {"missing.yaml": "E001", "large.yaml": "E003", "latin.yaml": "E001", ".": "E001"}
    span = problems["latin.yaml"].span
    assert span is not None
    assert (span.line, span.column) == (2, 6)


def test_a_byte_order_mark_is_no_content(tmp_path: Path) -> None:
    path = tmp_path / "bom.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: on\n")
    source = read(path)
    assert isinstance(source, Source)
    (problem,) = compose(source).diagnostics
    assert problem.span is not None
    assert problem.span.column == 4
