"""Connections to PostgreSQL (15 or newer): every one bounded in time, none with a secret in a message.

`connect` either returns within `timeout_s` or raises; every later command is bounded by `command_s`. Time zone of a
session is UTC and its commits are synchronous, since the spool forgets a row when its commit has returned.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field
from typing import Any

import asyncpg

CONNECT_S = 5.0
COMMAND_S = 10.0
UNREACHABLE = (OSError, TimeoutError, ValueError, asyncio.IncompleteReadError, asyncpg.PostgresError,
               asyncpg.InterfaceError, asyncpg.InternalClientError)
"""What a database that is down, hung, slow, full, misconfigured or in the middle of a restart may raise."""
SESSION = {"application_name": "bess-pipeline", "timezone": "UTC", "synchronous_commit": "on"}


@dataclass(frozen=True, slots=True)
class Database:
    """Where the database is. `password` and `ca` (a file of certificates) are optional; `str()` shows no secret."""

    url: str = field(repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    connect_s: float = CONNECT_S
    command_s: float = COMMAND_S

    async def connect(self) -> Any:
        """A connection, or one of `UNREACHABLE`."""
        more: dict[str, Any] = {"user": self.user} if self.user else {}
        if self.password is not None:
            more["password"] = self.password
        if self.ca is not None:
            more["ssl"] = ssl.create_default_context(cafile=self.ca)
        async with asyncio.timeout(self.connect_s):
            return await asyncpg.connect(self.url, timeout=self.connect_s, command_timeout=self.command_s,
                                         server_settings=SESSION, **more)

    def said(self, error: BaseException) -> str:
        """What an error says, in one line and without the URL or the password in it."""
        message = str(error).replace(self.url, "(url)").splitlines()
        line = message[0] if message else ""
        if self.password:
            line = line.replace(self.password, "(password)")
        return f"{type(error).__name__}: {line}" if line else type(error).__name__
