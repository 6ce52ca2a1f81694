"""`!include file.yaml`: another file's tree in place of a value, with its own places.

The file stands in the folder of the definition or below it, at most eight files deep; anything else is E012.
"""

from __future__ import annotations

from pathlib import Path

from config.diagnostics import Diagnostic
from config.document import Entry, Mapping, Node, Scalar, Sequence, compose, read

_MAX_DEPTH = 8


def include(node: Node, folder: Path, problems: list[Diagnostic], above: tuple[Path, ...] = ()) -> Node:
    """`node` with every `!include` below it replaced. What cannot be included becomes a refused scalar."""
    if isinstance(node, Scalar):
        return _file(node, folder, problems, above) if node.tag == "!include" else node
    if isinstance(node, Sequence):
        return Sequence(node.span, tuple(include(item, folder, problems, above) for item in node.items), node.size)
    entries = {
        name: Entry(entry.key, include(entry.value, folder, problems, above)) for name, entry in node.entries.items()
    }
    return Mapping(node.span, entries, node.size)


def _file(node: Scalar, folder: Path, problems: list[Diagnostic], above: tuple[Path, ...]) -> Node:
    refused = Scalar(node.span, None, node.text, refused=True)
    path = folder / node.text
    reason = _reason(path, folder, above)
    if reason is not None:
        problems.append(
            Diagnostic("E012", f"cannot include `{node.text}`: {reason}", node.span, "name a file beside this one")
        )
        return refused
    source = read(path)
    if isinstance(source, Diagnostic):
        problems.append(Diagnostic("E012", source.message, source.span or node.span, source.help))
        return refused
    document = compose(source)
    problems.extend(document.diagnostics)
    return refused if document.root is None else include(document.root, folder, problems, (*above, path.resolve()))


def _reason(path: Path, folder: Path, above: tuple[Path, ...]) -> str | None:
    try:
        target = path.resolve()
        inside = target.is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return "this is not a file name"
    if not inside:
        return "it is outside the definition's folder"
    if target in above:
        return "it includes itself"
    return f"files are nested deeper than {_MAX_DEPTH}" if len(above) >= _MAX_DEPTH else None
