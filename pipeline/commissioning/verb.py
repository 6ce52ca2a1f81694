"""`check --live`: what every device of a definition says, in words, and what of it cannot be right."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import click

from pipeline.check import Checked
from pipeline.commissioning.findings import Finding, findings
from pipeline.commissioning.listening import Heard, listen
from pipeline.console import say
from pipeline.exits import Exit
from pipeline.options import Options
from pipeline.trying import Seen, seen


def check_live(found: Checked, seconds: float, *, deny_warnings: bool, in_json: bool) -> Exit:
    """Listen, tell, and judge: 0, or 1 when something is wrong, or 69 when no device said anything."""
    definition = found.definition
    if definition is None:
        return Exit.INVALID

    async def both() -> tuple[dict[str, Heard], list[Finding]]:
        heard = await listen(definition, found.profiles, seconds)
        return heard, findings(definition, heard, Options().utc_ns(), asyncio.get_running_loop().time())

    heard, judged = asyncio.run(both())
    told = {name: seen(device.profile, device.readings[-1]) for name, device in heard.items() if device.usable}
    if in_json:
        say(_json(told, heard, judged))
    else:
        _tell(told, heard, judged, seconds)
    if not told:
        return Exit.UNREACHABLE
    wrong = {"error", "warning"} if deny_warnings else {"error"}
    return Exit.FAILED if any(finding.severity in wrong for finding in judged) else Exit.OK


def _json(
    told: Mapping[str, tuple[Seen, ...]], heard: Mapping[str, Heard], judged: list[Finding]
) -> dict[str, Any]:
    devices = {name: {point.name: {"value": None if point.value != point.value else point.value, "shown": point.shown,
                                   "quality": point.quality} for point in points}
               for name, points in told.items()}  # fmt: skip
    texts = {name: {text["name"]: text["text"] for text in heard[name].texts} for name in told if heard[name].texts}
    found = [{"severity": f.severity, "device": f.device, "text": f.text} for f in judged]
    return {"devices": devices, "texts": texts, "findings": found}


def _tell(
    told: Mapping[str, tuple[Seen, ...]], heard: Mapping[str, Heard], judged: list[Finding], seconds: float
) -> None:
    for name, points in told.items():
        click.echo(name)
        width = max(len(point.name) for point in points)
        for point in points:
            line = f"  {point.name:<{width}}  {point.shown:<26} {point.quality:<10} {point.label}"
            click.echo(line.rstrip())
        for text in heard[name].texts:
            click.echo(f"  {text['name']:<{width}}  {text['text'] or 'nothing'}")
    for finding in judged:
        click.echo(f"{finding.severity}: {finding.device}: {finding.text}")
    worst = "nothing is wrong as far as it can be seen" if not judged else f"{len(judged)} to look at"
    click.echo(f"listened for {seconds:g} s, nothing was written: {worst}")
