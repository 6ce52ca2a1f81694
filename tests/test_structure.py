"""The house's rules that a linter does not know: sizes, names, clocks, packages, what may be imported where."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROOT

LAYERS = ("config", "jit", "sources", "operators", "sinks", "pipeline")
PRODUCT = (*LAYERS, "simulator")
NO_SUCH_WORD = re.compile(r"(?<![a-z])(manager|helper|util|utils|handler|data|info)(?![a-z])", re.IGNORECASE)
TOP_LEVEL = {*PRODUCT, "tests", "docs", "deploy", "requirements", "var", "build", "dist"}

# Time and chance enter here, at the outermost shell, and nowhere else.
SHELL = {
    "pipeline/run.py": "the process: starts the loop and hands its clock to everybody",
    "pipeline/awake.py": "the process: the clock of its loop",
    "pipeline/process.py": "the process: makes its boot id and stamps what arrives from outside",
    "pipeline/options.py": "the process: which clock and which chance it is given unless somebody brings others",
    "pipeline/ticker.py": "the scheduler: the one place where ticks take their time from",
    "pipeline/tasks.py": "jobs that failed start again after a while",
    "pipeline/demo.py": "a process that supervises others",
    "pipeline/supervise.py": "a process that supervises others",
    "pipeline/embedded.py": "starts a database server and waits for it",
    "pipeline/commissioning/commission.py": "a person's tool that starts a process and waits for it",
    "pipeline/watching.py": "a terminal that looks at a running process",
    "pipeline/replay/verb.py": "a terminal that shows a recording at its pace",
    "pipeline/simulation/world.py": "tasks of the simulated plant, which sleep in virtual time",
    "pipeline/watchdog.py": "a thread that must see real time pass",
    "pipeline/campaign/runner.py": "a process that has so many minutes for its workers",
    "sinks/scada/opcua_server.py": "a process of its own that stamps what it shows",
    "simulator/shell.py": "the plant's process",
}
CLOCKS = re.compile(
    # random.Random(seed) is a plain function of its seed
    r"\b(time\.(time|time_ns|monotonic|monotonic_ns|perf_counter|perf_counter_ns|clock_gettime|sleep)"
    r"|datetime\.(now|utcnow|today)|date\.today|random\.(?!Random\b)\w+|secrets\.\w+|uuid\.uuid\w*|asyncio\.sleep)$"
)


def tracked(*suffixes: str) -> list[Path]:
    """Files of the checkout, as git knows them and those about to be added."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    paths = [Path(name) for name in listed]
    return [path for path in paths if path.suffix in suffixes and (ROOT / path).is_file()]


def product() -> list[Path]:
    return [path for path in tracked(".py") if path.parts[0] in PRODUCT]


def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), str(path))


def names(module: ast.Module) -> Iterator[tuple[int, str]]:
    """What the file itself names: functions, classes, arguments, variables."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.lineno, node.name
        elif isinstance(node, ast.arg):
            yield node.lineno, node.arg
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.lineno, node.id


def words(name: str) -> str:
    """`RowManager` and `row_manager` → `row manager`. A reason code (`VALUES_LOST`) is a sentence, not a name."""
    if name.isupper() and "_" in name:
        return ""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", " ", name)


def calls(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Attribute):
            yield node.lineno, ast.unparse(node)


def imported(module: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_file_is_longer_than_400_lines() -> None:
    long = {str(path): count for path in tracked(".py") if (count := len((ROOT / path).read_text().splitlines())) > 400}
    assert long == {}


def test_functions_fit_in_one_look() -> None:
    long = [
        f"{path}:{node.lineno} {node.name}"
        for path in tracked(".py")
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and (node.end_lineno or 0) - node.lineno >= 60
    ]
    assert long == []


def test_names_are_the_trades_own() -> None:
    """No manager, helper, util, handler, data, info: in files, classes, functions, arguments or variables."""
    files = [str(path) for path in product() if NO_SUCH_WORD.search(words(path.stem))]
    inside = [
        f"{path}:{line} {name}"
        for path in product()
        for line, name in names(tree(path))
        if NO_SUCH_WORD.search(words(name))
    ]
    assert files + inside == []


def test_time_and_chance_enter_only_at_the_shell() -> None:
    found = [
        f"{path}:{line} {name}"
        for path in product()
        if str(path) not in SHELL
        for line, name in calls(tree(path))
        if CLOCKS.search(name)
    ]
    assert found == []


def test_every_folder_with_python_is_a_package() -> None:
    folders = {path.parent for path in tracked(".py") if path.parts[0] in {*PRODUCT, "tests"}}
    folders |= {above for folder in folders for above in folder.parents if above != Path()}
    assert [str(folder) for folder in sorted(folders) if not (ROOT / folder / "__init__.py").is_file()] == []


def test_the_top_level_holds_the_architecture_and_nothing_else() -> None:
    folders = {path.parts[0] for path in tracked(".py", ".yaml", ".md", ".txt", ".sh", ".sql") if len(path.parts) > 1}
    assert {name for name in folders if not name.startswith(".")} <= TOP_LEVEL


def test_kernels_import_numbers_only() -> None:
    allowed = {"numpy", "numba", "jit", "config", *sys.stdlib_module_names} - {"asyncio", "socket", "threading", "time"}
    kernels = [path for path in product() if path.parts[0] == "jit"]
    assert {str(path): extra for path in kernels if (extra := imported(tree(path)) - allowed)} == {}


@pytest.mark.req("LH-ARCH-001", "LH-ARCH-002", "LH-ZIEL-001")
def test_imports_follow_the_flow_of_values() -> None:
    """Config <- jit <- sources <- operators <- sinks <- pipeline; the simulator knows config alone."""
    broken = []
    for path in product():
        own = path.parts[0]
        right = {"config", "simulator"} if own == "simulator" else set(LAYERS[: LAYERS.index(own) + 1])
        right |= {"simulator"} if own == "pipeline" else set()
        broken += [f"{path} imports {name}" for name in imported(tree(path)) & set(PRODUCT) - right]
    assert broken == []


def test_the_project_names_no_registry_and_no_machine() -> None:
    text = (".py", ".md", ".txt", ".yaml", ".toml", ".sh", ".in", ".json", ".conf", ".yml", "")
    hosts = re.compile(r"pypi[.]org|pythonhosted[.]org|npmjs[.]|deb[.]debian|/work/[m]ain")
    named = [str(path) for path in tracked(*text) if hosts.search((ROOT / path).read_text(errors="replace"))]
    assert named == []
