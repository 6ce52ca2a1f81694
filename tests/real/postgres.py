"""Real PostgreSQL servers for tests: the embedded one and, where it is installed, Debian's 15.

    async def test_…(postgres):                 # runs once per server
        database = Database(postgres.url)       # an empty database: each test gets its own
        postgres.kill(); postgres.start()       # kill -9 and recovery, same data
        postgres.freeze(); postgres.resume()    # hung, sockets open

One server per kind is started for the whole session; a test that kills it leaves it running. `proxy` is a TCP proxy
that can swallow bytes without closing (a black hole).
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from pipeline.embedded import PostgresServer, embedded
from sinks.postgres.connection import Database

DEBIAN = Path("/usr/lib/postgresql/15/bin")


class TestServer:
    """A running server with one fresh database in it."""

    __test__ = False

    def __init__(self, server: PostgresServer, name: str) -> None:
        self._server, self.name = server, name
        self.start, self.stop, self.kill = server.start, server.stop, server.kill
        self.freeze, self.resume = server.freeze, server.resume

    @property
    def url(self) -> str:
        return self._named(self._server.url)

    @property
    def tcp_port(self) -> int:
        return self._server.port

    @property
    def password(self) -> str:
        return self._server.password

    def database(self, port: int | None = None, connect_s: float = 2.0, command_s: float = 2.0) -> Database:
        """As a client sees it; with `port`, over TCP with the password."""
        if port is None:
            return Database(self.url, connect_s=connect_s, command_s=command_s)
        return Database(f"postgresql://127.0.0.1:{port}/{self.name}?sslmode=disable", user="postgres",
                        password=self.password, connect_s=connect_s, command_s=command_s)

    async def connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(self.url)

    async def count(self, table: str) -> int:
        connection = await self.connect()
        try:
            return int(await connection.fetchval(f"select count(*) from {table}"))  # noqa: S608
        finally:
            await connection.close()

    async def admin(self, sql: str) -> None:
        connection = await asyncpg.connect(self._server.url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()

    def _named(self, url: str) -> str:
        return urlunsplit(urlsplit(url)._replace(path=f"/{self.name}")) if "://" in url else url


def _servers() -> list[str]:
    return ["embedded", *(["debian15"] if (DEBIAN / "postgres").exists() else [])]


@pytest.fixture(scope="session", params=_servers())
def postgres_server(request: pytest.FixtureRequest) -> Iterator[PostgresServer]:
    """A running server with TCP, one per kind and session."""
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    folder.chmod(0o755)
    server = embedded(folder / "server", tcp=True)
    if request.param == "debian15":
        server = PostgresServer(folder / "server", DEBIAN, server._user, tcp=True)
    try:
        server.start()
        yield server
    finally:
        server.resume()
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def postgres(postgres_server: PostgresServer) -> AsyncIterator[TestServer]:
    """A fresh database on a running server, dropped afterwards; the server runs again whatever the test did to it."""
    server = TestServer(postgres_server, f"t{re.sub('-', '', str(uuid.uuid4()))[:12]}")
    postgres_server.start()
    await server.admin(f"create database {server.name}")
    yield server
    postgres_server.resume()
    postgres_server.start()
    await server.admin(f"drop database {server.name} with (force)")


class BlackHole:
    """A TCP proxy in front of a port. `open`: bytes pass; not open: they are swallowed and nothing is closed."""

    def __init__(self, target: int) -> None:
        self.target, self.port, self.open = target, 0, True
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with suppress(OSError):
            other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self.target)
            self._writers.add(other_writer)
            await asyncio.gather(self._pump(reader, other_writer), self._pump(other_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await reader.read(65536):
                if self.open:
                    writer.write(chunk)
                    await writer.drain()
        writer.close()
