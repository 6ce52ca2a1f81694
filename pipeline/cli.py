"""`bess-pipeline`: one verb, a definition, and the same flags with the same meaning everywhere.

    bess-pipeline check site.yaml            bess-pipeline site.yaml check       both are right
    bess-pipeline run site.yaml --arm        bess-pipeline why bess1 --json

Guarantees: every verb has `--json`, one JSON value (streams: one per line) on standard output and nothing else there;
messages for people go to standard error; the exit codes are those of `pipeline.exits`. A verb imports what it needs and
no more: kernels are compiled by `run` and `graph` alone.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipeline.campaign.verb import campaign
from pipeline.commissioning.commission import commission
from pipeline.console import (
    as_json,
    checked,
    chosen,
    definition_file,
    fail,
    note,
    say,
    screen,
    secrets_folder,
    show,
    slow,
)
from pipeline.exits import MEANING, Exit
from pipeline.explaining import why
from pipeline.first import init
from pipeline.language import listing, schema
from pipeline.language import show as show_verb
from pipeline.memory import only_growing
from pipeline.profiles import profile
from pipeline.record import record
from pipeline.rehearsal.verb import test
from pipeline.replay.verb import replay
from pipeline.watching import health, tap, top

if TYPE_CHECKING:
    from pipeline.demo import Options, Place

EPILOG = "\b\nExit codes:\n" + "\n".join(f"  {code:>3}  {text}" for code, text in MEANING.items())


def verb_first(arguments: Sequence[str], verbs: Sequence[str]) -> list[str]:
    """`site.yaml check --json` → `check site.yaml --json`. Nothing is moved past an option."""
    for place, argument in enumerate(arguments):
        if argument in verbs:
            return [argument, *arguments[:place], *arguments[place + 1 :]]
        if argument.startswith("-"):
            break
    return list(arguments)


class Verbs(click.Group):
    """Takes the file before or after the verb, and lists the verbs in the order of their use."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, verb_first(args, tuple(self.commands)))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  # click's signature
        return list(self.commands)


SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(cls=Verbs, context_settings=SETTINGS, epilog=EPILOG)
@click.version_option(version("bess-pipeline"), prog_name="bess-pipeline")
def main() -> None:
    """An energy management system for battery storage, as a dataflow pipeline.

    Write a definition, check it, run it in shadow, look at the page, then arm it.
    """


@main.command()
@click.option("--state", type=click.Path(file_okay=False, path_type=Path), default=Path("var/demo"), show_default=True,
              help="Where everything is kept between starts.")  # fmt: skip
@click.option("--battery", type=click.Choice(["modbus", "mqtt", "opcua"]), default="modbus", show_default=True,
              help="How the simulated battery is commanded.")  # fmt: skip
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the page.  [default: 8088 if it is free]")
@click.option("--frequency", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="Grid frequency, 1-s values.  [default: $BESS_PIPELINE_DATA, else generated]")  # fmt: skip
@as_json
def demo(state: Path, battery: str, port: int | None, frequency: Path | None, in_json: bool) -> None:
    """Start a battery plant, a database and the pipeline; print one address. Ctrl-C ends at 0 kW."""
    from pipeline.demo import DemoError, Options

    try:
        code = asyncio.run(_demo(Options(state, battery, port, frequency), in_json=in_json))
    except DemoError as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    sys.exit(code)


async def _demo(options: Options, *, in_json: bool) -> Exit:
    from pipeline.demo import run as run_demo

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)

    def ready(place: Place) -> None:
        if in_json:
            say({"url": place.url, "simulator_url": place.simulator_url, "secrets": str(place.secrets),
                 "state": str(place.state)})  # fmt: skip
            return
        click.echo(f"\n  page       {place.url}\n"
                   f"  operator   the token is in {place.secrets / 'operator_token'}\n"
                   f"  simulator  {place.simulator_url} (faults on demand)\n"
                   f"  logs       {place.state}/*.log\n\n  Ctrl-C ends at 0 kW.\n")  # fmt: skip

    return await run_demo(options, lambda line: note(f"demo: {line}"), ready, stop)


@main.command()
@definition_file
@click.option("--arm/--shadow", default=False, help="Write to the devices / only compute.  [default: --shadow]")
@secrets_folder
@click.option("--log", type=click.Choice(["human", "json"]), help="Form of the log.  [default: json unless a terminal]")
@click.option("--traces", metavar="URL", envvar="OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", show_envvar=True,
              help="Export spans of ticks and writes to this OTLP collector (HTTP).  [default: off]")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="WHERE:KIND@BEGIN+LASTS",
              help="Insert a fault on an edge, shadow only: bess1:freeze@30s+60s, bess1.soc:jump=20@2min.")  # fmt: skip
@as_json
def run(file: Path | None, arm: bool, secrets_dir: Path, log: str | None, traces: str | None,
        faults: tuple[str, ...], in_json: bool) -> None:  # fmt: skip
    """Run a definition until SIGTERM or Ctrl-C, which write 0 kW first. Shadow unless armed. SIGHUP reloads exports."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # it would end the process until there is one that reloads
    in_text = log == "human" or (log is None and sys.stderr.isatty() and not in_json)
    with only_growing():
        path = chosen(file, in_json=in_json)
        found = checked(path, secrets_dir, to_run=True, in_json=in_json)
        with slow("kernels are compiled, once; this can take a minute", json_log=not in_text):
            from pipeline.check import check as check_file
            from pipeline.run import run as run_process

    sys.exit(run_process(found, arm=arm, json_log=not in_text, faults=faults,
                         again=lambda: check_file(path, secrets_dir=secrets_dir), traces=traces,
                         simulator_url=os.environ.get("BESS_PIPELINE_SIMULATOR_URL")))  # fmt: skip


@main.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), metavar="[FILE]...")
@click.option("--deny-warnings", is_flag=True, help="Warnings fail too (exit code 1).")
@click.option("--env-stub", is_flag=True, help="Do without environment variables and secrets, e.g. in CI.")
@click.option("--live", is_flag=True, help="Also listen to the devices, and write nothing: values, signs, limits.")
@click.option("--seconds", type=click.FloatRange(1, 86_400), default=15.0, show_default=True,
              help="With --live: how long to listen.")  # fmt: skip
@secrets_folder
@as_json
def check(
    files: tuple[Path, ...], deny_warnings: bool, env_stub: bool, live: bool, seconds: float, secrets_dir: Path,
    in_json: bool,
) -> None:  # fmt: skip
    """Check definitions: syntax, units, references, safety rules. Without --live no network, no device."""
    from pipeline.check import check as check_file
    from pipeline.reactions import in_short, reactions

    if live:
        from pipeline.commissioning.verb import check_live

        found = checked(chosen(files[0] if files else None, in_json=in_json), secrets_dir, in_json=in_json)
        sys.exit(check_live(found, seconds, deny_warnings=deny_warnings, in_json=in_json))
    named = files or (chosen(None, in_json=in_json),)
    results = [check_file(file, secrets_dir=secrets_dir, env_stub=env_stub) for file in named]
    diagnostics = [diagnostic for result in results for diagnostic in result.diagnostics]
    if in_json or diagnostics:
        show(diagnostics, in_json=in_json)
    for file, result in zip(named, results, strict=True):
        if result.ok and not in_json:
            assets = ", ".join(result.definition.assets) if result.definition else ""
            click.echo("\n  ".join([f"{file}: ok ({assets})", *in_short(reactions(result))]))
    if not all(result.ok for result in results):
        sys.exit(Exit.INVALID)
    sys.exit(Exit.FAILED if deny_warnings and diagnostics else Exit.OK)


@main.command()
@definition_file
@click.option("--format", "form", type=click.Choice(["text", "mermaid", "dot", "json"]), default="text")
@secrets_folder
@as_json
def graph(file: Path | None, form: str, secrets_dir: Path, in_json: bool) -> None:
    """Show the compiled graph of a definition; ■ marks the guards before every writer."""
    from pipeline import terminal

    found = checked(chosen(file, in_json=in_json), secrets_dir, env_stub=True, in_json=in_json)
    from pipeline.run import graph_of

    value = graph_of(found)
    match "json" if in_json else form:
        case "json":
            say(value)
        case "mermaid":
            click.echo(terminal.mermaid(value))
        case "dot":
            click.echo(terminal.dot(value))
        case _:
            screen(160).print(terminal.graph_view(value))


main.add_command(init)
main.add_command(show_verb)
main.add_command(test)
main.add_command(record)
main.add_command(replay)
main.add_command(tap)
main.add_command(top)
main.add_command(why)
main.add_command(health)
main.add_command(campaign)
main.add_command(commission)
main.add_command(profile)
main.add_command(schema)
main.add_command(listing)


@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def simulator(arguments: tuple[str, ...]) -> None:
    """Run the battery plant alone; `simulator --help` lists its options."""
    from simulator.cli import main as simulate

    sys.exit(simulate(list(arguments)))


@main.command()
@click.argument("page", required=False)
@as_json
def docs(page: str | None, in_json: bool) -> None:
    """Read about a stage, a device profile or the exit codes; without PAGE, list what there is."""
    from pipeline import manual

    if page is None:
        listed = manual.pages()
        if in_json:
            say(listed)
        else:
            width = max(map(len, listed))
            click.echo("\n".join(f"{name:<{width}}  {line}" for name, line in listed.items()))
        return
    try:
        text = manual.page(page)
    except manual.NoSuchPageError as error:
        fail(str(error), Exit.FAILED, in_json=in_json)
    if in_json:
        say({"page": page, "text": text})
    else:
        click.echo(text)
