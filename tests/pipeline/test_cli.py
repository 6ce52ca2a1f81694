"""The command line: verbs, both places of the file, JSON, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pipeline import manual
from pipeline.cli import main, verb_first
from pipeline.exits import MEANING, Exit
from sinks.web.ports import Role
from tests.browser.plant import Plant
from tests.browser.served import TOKENS, Site, serve

EXAMPLES = Path("config/examples").resolve()
DEMO = str(EXAMPLES / "demo.yaml")


def call(*arguments: str, **environment: str) -> Result:
    surroundings: dict[str, str | None] = {"BESS_PIPELINE_TOKEN": None, "BESS_PIPELINE_TOKEN_FILE": None, **environment}
    return CliRunner().invoke(main, arguments, env=surroundings)


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with serve(Plant(names=("bess1", "bess2"))) as running:
        yield running


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["check", "a.yaml"], ["check", "a.yaml"]),
        (["a.yaml", "check", "--json"], ["check", "a.yaml", "--json"]),
        (["a.yaml", "b.yaml", "check"], ["check", "a.yaml", "b.yaml"]),
        (["--help"], ["--help"]),
        (["a.yaml"], ["a.yaml"]),
        ([], []),
    ],
)
def test_the_file_stands_before_or_after_the_verb(given: list[str], meant: list[str]) -> None:
    assert verb_first(given, ("check", "run")) == meant


def test_help_names_every_verb_and_exit_code() -> None:
    text = call("--help").output
    for verb in ("demo", "run", "check", "graph", "tap", "top", "why", "simulator", "docs"):
        assert f"\n  {verb} " in text
    assert all(f"{code:>3}  " in text for code in MEANING)


@pytest.mark.parametrize("verb", ["demo", "run", "check", "graph", "tap", "top", "why", "health", "docs"])
def test_every_verb_has_json(verb: str) -> None:
    assert "--json" in call(verb, "--help").output


def test_check_of_a_good_file() -> None:
    assert call("check", DEMO, "--env-stub").exit_code == Exit.OK
    result = call(DEMO, "check", "--env-stub", "--json")
    assert (result.exit_code, json.loads(result.stdout)) == (Exit.OK, {"diagnostics": []})


@pytest.mark.req("LH-CONF-003")
def test_check_and_run_refuse_the_same_file_at_the_same_place(tmp_path: Path) -> None:
    broken = tmp_path / "site.yaml"
    broken.write_text(Path(DEMO).read_text().replace("import_limit: 300 kW", "import_limit: 300"))
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    for name in ("viewer", "operator", "engineer"):
        (secrets / f"{name}_token").write_text(f"a-long-token-of-the-{name}")
    checked = call("check", str(broken), "--secrets-dir", str(secrets))
    ran = call("run", str(broken), "--secrets-dir", str(secrets))
    assert checked.exit_code == ran.exit_code == Exit.INVALID
    assert checked.stderr == ran.stderr
    assert "error[E203]" in checked.stderr
    assert f"{broken}:" in checked.stderr
    plain = json.loads(call("run", str(broken), "--secrets-dir", str(secrets), "--json").stdout)
    assert [problem["code"] for problem in plain["diagnostics"]] == ["E203"]


def test_without_a_file_the_command_line_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert call("check").exit_code == Exit.USAGE
    (tmp_path / "site.yaml").write_text(Path(DEMO).read_text())
    assert call("check", "--env-stub").exit_code == Exit.OK


@pytest.mark.integration
def test_the_simulator_is_a_verb_with_its_own_options() -> None:
    command = [sys.executable, "-P", "-m", "pipeline", "simulator", "--json", "--soc", "40"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        process.terminate()
    assert (process.returncode, ready["pid"]) == (Exit.OK, process.pid)
    assert ready["modbus_port"] > 0


@pytest.mark.integration
def test_why_of_one_and_of_all(site: Site) -> None:
    assert "bess1   command" in call("why", "bess1", "--url", site.url).stdout
    both = json.loads(call("why", "--json", "--url", site.url).stdout)
    assert [decision["asset_id"] for decision in both] == ["bess1", "bess2"]
    wrong = call("why", "bess3", "--url", site.url)
    assert wrong.exit_code == Exit.FAILED
    assert "there is bess1, bess2" in wrong.stderr


@pytest.mark.integration
def test_top_once_and_as_json(site: Site) -> None:
    assert "ramp" in call("top", BESS_PIPELINE_URL=site.url).stdout
    value = json.loads(call("top", "--once", "--json", BESS_PIPELINE_URL=site.url).stdout)
    assert {"site", "nodes"} == set(value)


@pytest.mark.integration
def test_tap_follows_what_a_pattern_names(site: Site) -> None:
    lines = call("tap", "ra*", "--count", "2", "--json", "--url", site.url).stdout.splitlines()
    assert [json.loads(line)["node"] for line in lines] == ["ramp", "ramp"]
    text = call("tap", "ramp", "--for", "0.3", "--url", site.url)
    assert (text.exit_code, "tick" in text.stdout) == (Exit.OK, True)
    wrong = call("tap", "ramp", "nothing*", "--url", site.url)
    assert (wrong.exit_code, "no node `nothing*`" in wrong.stderr) == (Exit.FAILED, True)


@pytest.mark.integration
@pytest.mark.req("LH-API-007")
def test_tokens_come_from_a_file_or_the_environment(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text(TOKENS[Role.VIEWER] + "\n")
    with serve(Plant(anonymous=False)) as closed:
        assert call("why", "--url", closed.url).exit_code == Exit.REFUSED
        assert call("why", "--url", closed.url, "--token-file", str(tmp_path / "none")).exit_code == Exit.REFUSED
        assert call("why", "--url", closed.url, "--token-file", str(token)).exit_code == Exit.OK
        assert call("why", "--url", closed.url, BESS_PIPELINE_TOKEN=TOKENS[Role.VIEWER]).exit_code == Exit.OK


@pytest.mark.integration
def test_health_of_a_process_and_of_nothing(site: Site) -> None:
    assert call("health", "--url", site.url).exit_code == Exit.OK
    assert json.loads(call("health", "--url", site.url, "--json").stdout)["status"] == "ok"
    nothing = call("health", "--url", "http://127.0.0.1:1", "--json")
    assert nothing.exit_code == json.loads(nothing.stdout)["exit"] == Exit.UNREACHABLE


def test_docs_lists_its_pages_and_shows_each() -> None:
    listed = json.loads(call("docs", "--json").stdout)
    assert {"exit-codes", "ramp", "sunspec-storage"} <= set(listed)
    for name in listed:
        assert manual.page(name)
    assert "exit-codes" in call("docs").stdout
    assert "holding 40080" in call("docs", "sunspec-storage").stdout
    assert json.loads(call("docs", "ramp", "--json").stdout)["page"] == "ramp"
    wrong = call("docs", "rmap")
    assert (wrong.exit_code, "did you mean `ramp`?" in wrong.stderr) == (Exit.FAILED, True)


@pytest.mark.integration
def test_a_state_directory_that_cannot_be_is_one_line(tmp_path: Path) -> None:
    """A process of its own: `run` configures logs and signals."""
    state = "/proc/state"  # looks possible; only the kernel knows that it is not
    environment = {**os.environ, "PORT": "0", "DEMO_STATE": state, "BESS_PIPELINE_PLAIN": "1"}
    for role in ("viewer", "operator", "engineer"):
        (tmp_path / f"{role}_token").write_text(f"{role}-0123456789abcdef")
    command = [sys.executable, "-m", "pipeline", "run", DEMO, "--secrets-dir", str(tmp_path), "--log", "json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60.0, check=False)
    assert done.returncode == Exit.FAILED
    (line,) = [line for line in done.stderr.splitlines() if "once" not in line]
    assert "cannot make the state directory" in json.loads(line)["message"]
