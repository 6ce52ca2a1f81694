"""What `why`, `top`, `tap` and `graph` show in a terminal: JSON values of the endpoint in, rich tables out.

    bess1   command 37.0 kW discharge   2026-11-22T13:03:07.000Z   tick 48211
    37 kW discharge, limited by the BMS (asked 80 kW discharge by day ahead)

      resolve     +80.0 kW  ████████████████        day-ahead   slot 14:00-14:15
      ancillary   +30.0     ██████████████████████  fcr
      constrain   -73.0     ███████                 bms discharge
      ramp          0.0     ███████                 at once
      command     =37.0 kW  ███████

Nothing here computes: unknown is `–`, a sign is always said in words as well (+ is discharge, − is charge).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from rich.console import Group
from rich.markup import escape
from rich.table import Table
from rich.text import Text

BAR = 16
LEAST_KW = 0.05  # less is not shown
WRAPPED = {"why", "last", "reads", "writes"}
Json = Mapping[str, Any]


def number(value: Any, digits: int = 1, unit: str = "", *, signed: bool = False) -> str:
    """`37.0 kW`; unknown is `–`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return "–"
    value = round(value, digits) + 0.0  # no `-0.0`
    text = f"{value:+.{digits}f}" if signed else f"{value:.{digits}f}"
    return f"{text} {unit}".rstrip()


def spoken(power_kw: Any) -> str:
    """`37.0 kW discharge`."""
    if not isinstance(power_kw, int | float):
        return "nothing is written"
    word = "discharge" if power_kw > 0 else "charge" if power_kw < 0 else ""
    return f"{abs(power_kw):.1f} kW {word}".rstrip()


def bar(value: Any, full: float) -> Text:
    """A bar as long as |value| of `full`; charging is drawn lighter."""
    if not isinstance(value, int | float) or full <= 0.0:
        return Text()
    length = min(BAR, round(BAR * abs(value) / full))
    return Text(("█" if value >= 0 else "▒") * length)


def plain_table(*headers: str, right: Iterable[str] = ()) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold", pad_edge=False)
    numbers = set(right)
    for header in headers:
        justify: Literal["right", "left"] = "right" if header in numbers else "left"
        table.add_column(header, justify=justify, no_wrap=header not in WRAPPED, overflow="fold")
    return table


def why_view(decision: Json) -> Group:
    """The decision trace of one asset."""
    steps: Sequence[Json] = decision.get("steps") or ()
    table = plain_table("", "Δ kW", "kW", " ", "by", "why", right=("Δ kW", "kW"))
    full = max((abs(step["out_kw"]) for step in steps if isinstance(step.get("out_kw"), int | float)), default=0.0)
    for step in steps:
        out = step.get("out_kw")
        table.add_row(
            str(step.get("stage", "")),
            number(step.get("delta_kw"), signed=True),
            number(out, signed=True),
            bar(out, full),
            escape(str(step.get("by") or "–")),
            escape("; ".join(filter(None, (step.get("why"), step.get("detail"))))),
        )
    sentence = [escape(str(decision["why"]))] if decision.get("why") else []
    return Group(_why_title(decision), *sentence, "", table, "", *_why_foot(decision))


def _why_title(decision: Json) -> Text:
    return Text.assemble(
        (str(decision.get("asset_id", "")), "bold"),
        f"   command {spoken(decision.get('command_kw'))}",
        (f"   {decision.get('at', '')}   tick {decision.get('tick', '')}", "dim"),
        (_config(decision), "dim"),
    )


def _config(decision: Json) -> str:
    generation = f" (generation {decision['generation']})" if decision.get("generation") else ""
    return f"   config {decision['config']}{generation}" if decision.get("config") else ""


def _why_foot(decision: Json) -> Iterable[str]:
    for step in decision.get("reactive") or ():
        out, change = number(step.get("out_kvar"), signed=True), number(step.get("delta_kvar"), signed=True)
        yield escape(f"reactive {step['stage']:<10} {change:>8} {out:>8} kvar  {step.get('by')}  {step.get('why')}")
    binding, following = decision.get("binding"), decision.get("next_limit")
    if binding:
        yield f"limited by {escape(str(binding.get('by')))} at {number(binding.get('kw'), unit='kW')}"
    if following:
        said = "next limit if this one lifts" if binding else "next limit"
        yield f"{said}: {escape(str(following.get('by')))} (room {number(following.get('room_kw'), unit='kW')})"
    yield from _missing(decision.get("shortfall") or {})
    unused: Sequence[Json] = decision.get("not_used") or ()
    if unused:
        yield f"not used: {escape(', '.join(map(_unused, unused)))}"


def _missing(shortfall: Json) -> Iterable[str]:
    """What was wished and is not given."""
    short, service = shortfall.get("kw") or 0.0, shortfall.get("service_kw") or 0.0
    if short >= LEAST_KW or service >= LEAST_KW:
        of = f", of which reserve services {number(service, unit='kW')}" if service >= LEAST_KW else ""
        yield f"shortfall: {number(short, unit='kW')}{of}"
    for sold in shortfall.get("reserve") or ():
        yield f"reserve without room: {escape(str(sold.get('by')))} {number(sold.get('kw'), unit='kW')}"


def _unused(request: Json) -> str:
    asked = request.get("asked_kw", request.get("asked_site_kw"))
    where = " for the site" if request.get("asked_kw") is None else ""
    wish = f", asks {spoken(asked)}{where}" if isinstance(asked, int | float) else ""
    return f"{request.get('by')} ({request.get('why')}{wish})"


def top_view(nodes: Sequence[Json], site: Json) -> Group:
    """Rates, last values, ages and run times of all nodes."""
    table = plain_table("node", "rate", "last", "age", "p50", "p95", "errors", "dropped",
                        right=("rate", "age", "p50", "p95", "errors", "dropped"))  # fmt: skip
    for node in nodes:
        table.add_row(
            escape(str(node.get("id", ""))),
            number(node.get("rate_hz"), unit="/s"),
            escape(str(node.get("last") if node.get("last") is not None else "–")),
            number(node.get("age_s"), unit="s"),
            number(node.get("p50_us"), 0, "µs"),
            number(node.get("p95_us"), 0, "µs"),
            str(node.get("errors") or 0),
            str(node.get("dropped") or 0),
            style="bold" if node.get("errors") else None,
        )
    return Group(site_line(site), "", table)


def site_line(site: Json) -> Text:
    ticks = site.get("ticks") or {}
    return Text.assemble(
        (str(site.get("name", "")), "bold"),
        f"   {site.get('mode', '–')}   tick {site.get('tick', '–')}   in control: {site.get('in_control') or '–'}",
        f"   point of connection {number(site.get('poc_kw'), unit='kW', signed=True)}",
        f"   {number(site.get('frequency_hz'), 3, 'Hz')}",
        f"   late {number(ticks.get('lateness_ms'), unit='ms')}, missed {ticks.get('missed', '–')}",
    )


def tap_lines(tap: Json, assets: Sequence[str]) -> Text:
    """One tick of one node: its rows, a value per asset."""
    head = Text.assemble((str(tap.get("at", "")), "dim"), "  ", (str(tap.get("node", "")), "bold"))
    head.append(f"  tick {tap.get('tick', '–')}")
    rows: Json = tap.get("rows") or {}
    for name, values in rows.items():
        listed = values if isinstance(values, list) else [values]
        labels = assets if len(listed) == len(assets) > 1 else [""] * len(listed)
        shown = "  ".join(f"{label} {_cell(value)}".strip() for label, value in zip(labels, listed, strict=True))
        head.append(f"\n    {name:<18} {shown}")
    return head


def _cell(value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return "–" if value is None else str(value)


def graph_view(graph: Json) -> Table:
    """The compiled graph in order, what flows into each node, how many rows it reads and writes; guards are marked.

    `before` counts the rows that are read of the previous frame; `--format json` names them all.
    """
    table = plain_table("node", "kind", "", "from", "stream", "reads", "before", "writes", "in the definition")
    for node in graph.get("nodes") or ():
        streams = dict.fromkeys(stream for carried in node.get("streams") or () for stream in carried)
        table.add_row(
            escape(str(node.get("id", ""))),
            str(node.get("kind", "")),
            "■" if node.get("guard") else "",
            escape(_listed(node.get("inputs"))),
            ", ".join(streams),
            *(str(len(node.get(key) or ()) or "") for key in ("reads", "before", "writes")),
            escape(str(node.get("path") or "")),
        )
    return table


def _edges(node: Json) -> Iterable[tuple[str, str]]:
    """Where each edge into a node comes from, and what flows along it."""
    inputs: Sequence[str] = node.get("inputs") or ()
    streams: Sequence[Sequence[str]] = node.get("streams") or [()] * len(inputs)
    return zip(inputs, (", ".join(carried) for carried in streams), strict=True)


def _listed(names: Any, most: int = 2) -> str:
    listed = [str(name) for name in names or ()]
    more = f" +{len(listed) - most}" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def mermaid(graph: Json) -> str:
    """The graph as a Mermaid flow chart; guards have double borders, writers are rounded."""
    lines = ["flowchart LR"]
    nodes: Sequence[Json] = graph.get("nodes") or ()
    names = {node["id"]: f"n{place}" for place, node in enumerate(nodes)}
    for node in nodes:
        left, right = ("[[", "]]") if node.get("guard") else ("([", "])") if node["kind"] == "writer" else ("[", "]")
        lines.append(f'    {names[node["id"]]}{left}"{node["id"]}"{right}')
    for node in nodes:
        for source, stream in _edges(node):
            lines.append(f"    {names[source]} -->{f'|{stream}|' if stream else ''} {names[node['id']]}")
    return "\n".join(lines)


def dot(graph: Json) -> str:
    """The graph for Graphviz."""
    lines = ["digraph pipeline {", "    rankdir=LR; node [shape=box, fontname=sans];"]
    nodes: Sequence[Json] = graph.get("nodes") or ()
    for node in nodes:
        more = ", peripheries=2" if node.get("guard") else ", style=rounded" if node.get("kind") == "writer" else ""
        lines.append(f'    "{node["id"]}" [label="{node["id"]}"{more}];')
        for source, stream in _edges(node):
            label = f' [label="{stream}"]' if stream else ""
            lines.append(f'    "{source}" -> "{node["id"]}"{label};')
    return "\n".join([*lines, "}"])
