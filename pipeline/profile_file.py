"""A profile that a program has made, as the file that a person goes on with: comments in its head, then its keys."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.console import fail
from pipeline.exits import Exit

_TRUTHS = frozenset({"yes", "no", "on", "off", "y", "n", "true", "false", "null", "~"})


def as_file(values: dict[str, Any], head: Sequence[str]) -> str:
    """The YAML text, the keys in the order of `values`."""
    from ruamel.yaml import YAML

    yaml, out = YAML(), io.StringIO()
    yaml.width, yaml.default_flow_style = 110, None  # what holds only plain values stands in one line
    yaml.dump(_quoted(values), out)
    return "".join(f"# {line}".rstrip() + "\n" for line in head) + out.getvalue()


def _quoted(value: Any) -> Any:
    """`yes` is a key here, `off` a state, and both a truth to some readers of YAML: they stand in quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    if isinstance(value, dict):
        return {_quoted(key): _quoted(inner) for key, inner in value.items()}
    return DoubleQuotedScalarString(value) if isinstance(value, str) and value.lower() in _TRUTHS else value


def write_file(output: Path, text: str, *, force: bool, in_json: bool) -> None:
    """Write it where it was asked for; the end of the program when that cannot be."""
    if output.exists() and not force:
        fail(f"{output} exists already; --force overwrites it", Exit.FAILED, in_json=in_json)
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}", Exit.FAILED, in_json=in_json)
