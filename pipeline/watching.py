"""The verbs that look at a running process: `top`, `tap`, `health`. None of them can change anything."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import islice
from pathlib import Path
from typing import Any

import click
from rich.live import Live

from pipeline.console import as_json, endpoint, fail, say, screen, talking
from pipeline.exits import Exit
from pipeline.remote import Remote, RemoteError
from pipeline.remote import health as ask
from pipeline.terminal import tap_lines, top_view

PATIENCE_S = 30.0


@click.command()
@click.option("--once", is_flag=True, help="Print the table once; the way of things when the output is no terminal.")
@endpoint
@as_json
def top(once: bool, url: str, token_file: Path | None, in_json: bool) -> None:
    """Watch rates, last values, ages and run times of all nodes."""
    console = screen()
    with talking(url, token_file, in_json=in_json) as remote:
        values = both(remote)
        if in_json:
            for nodes, site in islice(values, 1) if once else values:
                say({"site": site, "nodes": nodes})
        elif once or not console.is_terminal:
            for nodes, site in islice(values, 1):
                console.print(top_view(nodes, site))
        else:
            with Live(console=console, auto_refresh=False, screen=True) as live:
                for nodes, site in values:
                    live.update(top_view(nodes, site), refresh=True)


def both(remote: Remote) -> Iterator[tuple[list[Any], dict[str, Any]]]:
    """Nodes and site, each time one of them is new and both are known."""
    known: dict[str, Any] = {}
    for topic, value in remote.follow(["nodes", "site"], max_hz=2.0, within_s=PATIENCE_S):
        known[topic] = value
        if len(known) == 2:
            yield known["nodes"], known["site"]


@click.command()
@click.argument("nodes", nargs=-1, required=True, metavar="NODE...")
@click.option("--for", "for_s", type=click.FloatRange(min=0.0, min_open=True), metavar="SECONDS", help="End by itself.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="End after N ticks of all nodes together.")
@endpoint
@as_json
def tap(nodes: tuple[str, ...], for_s: float | None, count: int | None, url: str, token_file: Path | None,
        in_json: bool) -> None:  # fmt: skip
    """Stream the rows of NODEs, tick by tick; `*` and `?` are wild cards."""
    console = screen()
    with talking(url, token_file, in_json=in_json) as remote:
        names = matching(remote, nodes, in_json=in_json)
        assets = assets_of(remote)
        end = time.monotonic() + for_s if for_s else None
        stream = remote.follow([f"tap.{name}" for name in names], within_s=PATIENCE_S)
        for _, value in islice(stream, count):
            if end is not None and time.monotonic() > end:
                break
            if in_json:
                say(value)
            else:
                console.print(tap_lines(value, assets))


def matching(remote: Remote, patterns: tuple[str, ...], *, in_json: bool) -> list[str]:
    """The stages that the patterns name, in the graph's order."""
    stages = [node["id"] for node in remote.once("graph").get("nodes", ()) if node.get("kind") == "stage"]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in stages):
            fail(f"there is no node `{pattern}`; there is {', '.join(stages)}", Exit.FAILED, in_json=in_json)
    return [name for name in stages if any(fnmatchcase(name, pattern) for pattern in patterns)]


def assets_of(remote: Remote) -> list[str]:
    """The ids of all assets in the order of the frame's columns, as the process says them in its hello."""
    listed = remote.hello.get("assets")
    if isinstance(listed, list):
        return [item if isinstance(item, str) else item["asset_id"] for item in listed]
    raise RemoteError("the process names no assets in its hello", Exit.FAILED)


@click.command()
@click.option("--url", default="http://127.0.0.1:8088", envvar="BESS_PIPELINE_URL", show_default=True,
              help="The address of the running process.")  # fmt: skip
@as_json
def health(url: str, in_json: bool) -> None:
    """Ask a running process for its health: 0 when it is well, 1 when it is not, 69 when nothing answers."""
    try:
        well, answer = ask(url)
    except RemoteError as error:
        fail(str(error), error.code, in_json=in_json)
    if in_json:
        say(answer)
    else:
        click.echo(answer.get("status", "ok" if well else "not well"))
    sys.exit(Exit.OK if well else Exit.FAILED)
