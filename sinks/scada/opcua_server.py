"""The process behind `sinks.scada.opcua`: `python -m sinks.scada.opcua_server`, fed with JSON lines.

    {"host": …, "port": …, "blocks": {"site": {"poc_kw": -12.5, …}, "assets.bess1": {…}, "alarms": {…}}}    first line
    {"site": {"poc_kw": -12.0, …}, …}                                                                       every other

Each block is an object below `Objects`, each value a variable `ns=2;s=<block>.<value>`: a Double, read-only; an unknown
value is `BadNoData`, never 0. Source time stamps are those of the line. Ends when its input ends.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

NAMESPACE = "urn:bess-pipeline:scada"
LONGEST = 16 * 1024 * 1024


async def serve(reader: asyncio.StreamReader) -> None:
    """Build what the first line names, listen, and follow the lines."""
    from asyncua import Server, ua

    logging.getLogger("asyncua").setLevel(logging.CRITICAL + 1)
    first = json.loads(await reader.readline())
    server = Server()
    await server.init()
    server.set_server_name("bess-pipeline")
    server.set_endpoint(f"opc.tcp://{first['host']}:{first['port']}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    server.allow_remote_admin(False)  # else whoever calls himself `admin` may write and delete, with any password
    space = await server.register_namespace(NAMESPACE)
    for block, values in first["blocks"].items():
        parent = await server.nodes.objects.add_object(_node(block, space), f"{space}:{block}")
        for name in values:
            node = _node(f"{block}.{name}", space)
            await parent.add_variable(node, f"{space}:{name}", 0.0, ua.VariantType.Double)
    await _show(server, space, first["blocks"])
    async with server:
        gc.collect()
        gc.freeze()  # the standard's address space stays: no collection has to walk it again
        told = server.bserver._server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        sys.stdout.write(json.dumps({"port": told}) + "\n")
        sys.stdout.flush()
        while line := await reader.readline():
            await _show(server, space, json.loads(line))


async def _show(server: Any, space: int, blocks: Mapping[str, Mapping[str, Any]]) -> None:
    from asyncua import ua

    now = datetime.now(UTC)
    for block, values in blocks.items():
        for name, value in values.items():
            known = isinstance(value, int | float)
            said = ua.DataValue(
                ua.Variant(float(value), ua.VariantType.Double) if known else None,
                ua.StatusCode(ua.UInt32(ua.StatusCodes.Good if known else ua.StatusCodes.BadNoData)),
                now,  # type: ignore[arg-type]
            )
            await server.write_attribute_value(_node(f"{block}.{name}", space), said)


def _node(name: str, space: int) -> Any:
    from asyncua import ua

    return ua.NodeId.from_string(f"ns={space};s={name}")


async def main() -> int:
    """1 and a line with the reason when it cannot listen."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=LONGEST)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    try:
        await serve(reader)
    except OSError as error:
        sys.stdout.write(json.dumps({"error": error.strerror or str(error)}) + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
