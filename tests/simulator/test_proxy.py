"""The line with faults ends when it is told to, also for a connection that is just being made."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from simulator.proxy import Proxy
from tests.real.until import until

pytestmark = pytest.mark.req("LH-TEST-003")


async def test_a_line_that_comes_up_while_the_proxy_is_stopped_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    far = await asyncio.start_server(serve, "127.0.0.1", 0)
    loop, opened, go = asyncio.get_running_loop(), asyncio.open_connection, asyncio.Event()
    reached = []

    async def slowly(*where: Any) -> Any:
        reached.append(where)
        await go.wait()
        return await opened(*where)

    proxy = await Proxy("127.0.0.1", far.sockets[0].getsockname()[1], clock=loop.time, pause=asyncio.sleep).start()
    monkeypatch.setattr("simulator.proxy.asyncio.open_connection", slowly)
    async with far:
        reader, writer = await opened("127.0.0.1", proxy.port)
        await until(lambda: reached)
        stopping = asyncio.create_task(proxy.stop())
        await asyncio.sleep(0)
        go.set()
        await asyncio.wait_for(stopping, 30.0)
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await reader.readexactly(1)
        writer.close()
