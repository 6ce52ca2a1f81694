"""`bess-pipeline campaign`: storms over the simulated world, seed after seed, and whether its checks find defects."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import click

from pipeline.console import as_json, fail, note, say
from pipeline.exits import Exit

SPAN = "A:B"


def span(text: str) -> tuple[int, int]:
    """`20:40` → seeds 20 to 39. Raises ValueError."""
    first, _, beyond = text.partition(":")
    if int(first) < 0 or int(beyond) <= int(first):
        raise ValueError(text)
    return int(first), int(beyond)


@click.command()
@click.option("--seeds", default="0:100000", metavar=SPAN,
              help="Seeds A to B−1.  [default: as many as there is time for]")  # fmt: skip
@click.option("--minutes", default=5.0, show_default=True, help="How long it may take.")
@click.option("--jobs", type=click.IntRange(1, 256), help="So many processes.  [default: one per core]")
@click.option("--goal", type=click.Choice(["ci", "hour"]), help="What has to be reached; ends as soon as it is.")
@click.option("--again", default=20, show_default=True, help="So many seeds are lived twice and compared.")
@click.option("--mutants", type=click.Choice(["none", "smoke", "all"]), default="none", show_default=True,
              help="Look for seeded defects of the safety core.")  # fmt: skip
@click.option("--mutant", multiple=True, metavar="NAME", help="Look for this one.")
@click.option("--mutant-seeds", default=40, show_default=True, help="So many seeds for a mutant at most.")
@click.option("--keep", type=click.Path(file_okay=False, path_type=Path), help="Minimised cases of what broke go here.")
@click.option("--seed", type=int, help="Live this seed alone.")
@click.option("--case", "case_file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Live a kept case alone.")  # fmt: skip
@click.option("--verbose", is_flag=True, help="With --seed or --case: its faults and its last 200 ticks.")
@as_json
def campaign(
    seeds: str, minutes: float, jobs: int | None, goal: str | None, again: int, mutants: str, mutant: tuple[str, ...],
    mutant_seeds: int, keep: Path | None, seed: int | None, case_file: Path | None, verbose: bool, in_json: bool,
) -> None:  # fmt: skip
    """Storm a simulated site, seed after seed, and judge every tick from the wire.

    Ends with 1 when an invariant broke, a seed was not reproducible, the canary was not reported, or something is short
    of the goal.
    """
    if seed is not None or case_file is not None:
        sys.exit(_one(seed, case_file, verbose=verbose, in_json=in_json))
    try:
        first, beyond = span(seeds)
    except ValueError:
        fail(f"--seeds {seeds}: two numbers are meant, e.g. 0:200", Exit.USAGE, in_json=in_json)
    from pipeline.campaign import runner
    from pipeline.campaign.mutation import mutants as listed
    from pipeline.campaign.progress import progress
    from pipeline.campaign.report import lines

    named = mutant or tuple(m.name for m in listed() if mutants == "all" or (mutants == "smoke" and m.smoke))
    if unknown := set(named) - {m.name for m in listed()}:
        fail(f"there is no mutant {unknown.pop()!r}", Exit.USAGE, in_json=in_json)
    aim = runner.GOALS[goal] if goal else runner.Goal()
    order = runner.Order(first, beyond, minutes, jobs or os.cpu_count() or 1, aim, again, named, mutant_seeds, keep)
    with progress(in_json=in_json) as tell:
        findings = runner.campaign(order, tell)
    told = findings.as_json()
    if in_json:
        say(told)
    else:
        click.echo("\n".join(lines(findings)))
    sys.exit(Exit.OK if told["ok"] else Exit.FAILED)


def _one(seed: int | None, file: Path | None, *, verbose: bool, in_json: bool) -> Exit:
    """One life, told in full."""
    import json

    from pipeline.campaign.hands import Hand

    request: dict[str, Any] = {"seed": seed} if file is None else {"case": json.loads(file.read_text())["case"]}
    with Hand() as hand:
        told = hand.ask(request | {"verbose": verbose})
    if in_json:
        say(told)
    else:
        _tell_one(told, verbose=verbose)
    return Exit.FAILED if told.get("breaches") or "error" in told else Exit.OK


def _tell_one(told: dict[str, Any], *, verbose: bool) -> None:
    if "error" in told:
        note(told.get("at") or told["error"])
        return
    if verbose:
        case = told["case"]
        click.echo(f"seed {case['seed']}: {case['assets']} assets at {case['cycle']}, {case['site'] or 'no limits'}")
        for strike in case["strikes"]:
            settings = " ".join(f"{name}={value}" for name, value in strike["settings"].items())
            when = f"{strike['begin_s']:9.3f} s – {strike['end_s']:9.3f} s"
            click.echo(f"  {when}  {strike['kind']} {strike['device']} {settings}")
        click.echo("\n".join(told["last"]))
    click.echo(f"seed {told['seed']}: {told['asset_ticks']} asset-ticks, digest {told['digest']}")
    for breach in told["breaches"]:
        click.echo(f"{breach['invariant']} {breach['asset']} at {breach['at_s']:.3f} s: {breach['text']}")
