"""What became of tests: text for people, JSON for programs, JUnit for build servers.

    FAIL  a BMS limit that drops beats the ramp
       --> site.yaml:134:37
        |
    134 |       - { at: 30 s, bess_a.command: 34 kW }
        |                                     ^^^^^
        = at 30 s: expected bess_a.command 34 kW, got 33 kW (ramp/down)

    and below it the decision of the asset at that tick and the marbles of the ticks around it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from config.diagnostics import excerpt
from config.source import printable
from config.units import format_number
from pipeline.rehearsal import marbles
from pipeline.rehearsal.expectation import Failure
from pipeline.rehearsal.runner import Outcome

_INDENT = "    "


@dataclass(frozen=True, slots=True)
class Result:
    """One test of one file."""

    file: str
    outcome: Outcome

    @property
    def name(self) -> str:
        return printable(self.outcome.script.name)


def text(results: Sequence[Result]) -> str:
    """Every test in a line, failures with everything that explains them, and the count."""
    return "\n".join([*(_test(result) for result in results), summary(results)])


def summary(results: Sequence[Result]) -> str:
    failed = sum(not result.outcome.passed for result in results)
    return f"{len(results) - failed} passed" + (f", {failed} failed" if failed else "")


def _test(result: Result) -> str:
    outcome = result.outcome
    if outcome.passed:
        return f"ok    {result.name}   {result.file}:{outcome.script.span.line}   {_lasted(outcome)}"
    lines = [f"FAIL  {result.name}"]
    if outcome.problem:
        lines += excerpt(outcome.script.span)
        lines.append(f"{_gutter(outcome.script.span.line)} = {outcome.problem}")
    for failure in outcome.failures:
        lines += [*_failure(outcome, failure), ""]
    return "\n".join(lines).rstrip() + "\n"


def _lasted(outcome: Outcome) -> str:
    return f"{format_number((outcome.ticks - 1) * outcome.cycle_s)} s, {outcome.ticks} ticks"


def _gutter(line: int) -> str:
    return " " * len(str(line))


def _failure(outcome: Outcome, failure: Failure) -> list[str]:
    lines = [*excerpt(failure.span), f"{_gutter(failure.span.line)} = {said(failure)}"]
    for decision in failure.decisions:
        lines += ["", f"{_INDENT}{decision['asset_id']} at {_at(failure)}: {decision['why']}"]
        lines += [f"{_INDENT}  {line}" for line in _decision(decision)]
    strip = marbles.strip(outcome, failure)
    return [*lines, "", *(f"{_INDENT}{line}" for line in strip)] if strip else lines


def said(failure: Failure) -> str:
    """`at 30 s: expected bess1.command 37 kW, got 33 kW (ramp/down)`."""
    because = f" ({failure.reason})" if failure.reason and failure.reason != failure.got else ""
    more = f"; {failure.ticks} ticks until {format_number(failure.last_s)} s" if failure.ticks > 1 else ""
    return f"at {_at(failure)}: expected {failure.expected}, got {failure.got}{because}{more}"


def _at(failure: Failure) -> str:
    return f"{format_number(failure.at_s)} s"


def _decision(decision: dict[str, Any]) -> list[str]:
    lines = []
    for step in decision["steps"]:
        out, delta = step["out_kw"], step["delta_kw"]
        change = f"{delta:+.1f}" if abs(delta or 0.0) >= 0.05 and step["stage"] != "asked" else ""
        power = "unknown" if out is None else f"{out:.1f} kW"
        by = step["by"] if step["stage"] in ("asked", "ancillary", "constrain") and step["by"] != "none" else ""
        why = step["why"] if step["stage"] != "asked" else ""
        lines.append(f"{step['stage']:<10} {power:>11} {change:>8}   {', '.join(filter(None, (by, why)))}".rstrip())
    return lines


# --- for programs -----------------------------------------------------------------------------------------------------


def as_json(results: Sequence[Result]) -> dict[str, Any]:
    """`tests`, each with its failures, and the counts."""
    failed = sum(not result.outcome.passed for result in results)
    return {
        "passed": len(results) - failed,
        "failed": failed,
        "tests": [_test_json(result) for result in results],
    }


def _test_json(result: Result) -> dict[str, Any]:
    outcome = result.outcome
    return {
        "name": outcome.script.name,
        "file": result.file,
        "line": outcome.script.span.line,
        "passed": outcome.passed,
        "simulated_s": round(max(0, outcome.ticks - 1) * outcome.cycle_s, 3),
        "ticks": outcome.ticks,
        "problem": outcome.problem,
        "failures": [_failure_json(outcome, failure) for failure in outcome.failures],
    }


def _failure_json(outcome: Outcome, failure: Failure) -> dict[str, Any]:
    return {
        "file": failure.span.source.name,
        "line": failure.span.line,
        "column": failure.span.column,
        "at_s": round(failure.at_s, 3),
        "expected": failure.expected,
        "got": failure.got,
        "reason": failure.reason,
        "ticks": failure.ticks,
        "last_s": round(failure.last_s, 3),
        "decisions": list(failure.decisions),
        "marbles": marbles.as_json(outcome, failure),
    }


def junit(results: Sequence[Result]) -> bytes:
    """JUnit XML: one suite per file, one case per test, all of a test's failures in one `failure`."""
    root = ET.Element("testsuites", {"name": "bess-pipeline", **_counts(results)})
    for file in dict.fromkeys(result.file for result in results):
        own = [result for result in results if result.file == file]
        suite = ET.SubElement(root, "testsuite", {"name": file, **_counts(own)})
        for result in own:
            line = str(result.outcome.script.span.line)
            case = ET.SubElement(suite, "testcase", classname=file, name=result.name, file=file, line=line)
            if not result.outcome.passed:
                first = result.outcome.problem or said(result.outcome.failures[0])
                failure = ET.SubElement(case, "failure", message=printable(first), type="expectation")
                failure.text = "\n".join(map(printable, _test(result).splitlines()))
    ET.indent(root)
    text: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return text + b"\n"


def _counts(results: Sequence[Result]) -> dict[str, str]:
    failed = sum(not result.outcome.passed for result in results)
    return {"tests": str(len(results)), "failures": str(failed), "errors": "0"}
