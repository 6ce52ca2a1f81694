"""What a definition's outputs become in a process: a push is seen in health, metrics and alarms."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from config.definition import HttpOutput
from pipeline import northbound
from pipeline.northbound import conditions, device_hosts
from pipeline.options import Options
from pipeline.process import Process
from sources.tick import Tick
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked
from tests.real.collector import Collector
from tests.real.until import until
from tests.rig import METER, START_NS, site, storage


@pytest.mark.req("LH-ZIEL-002")
def test_the_addresses_of_devices_are_known_and_a_broker_is_none() -> None:
    definition = checked(PLANT.replace("10.0.0.1", "10.1")).definition
    assert definition is not None
    assert device_hosts(definition) == {"10.0.0.1"}


@pytest.mark.integration
@pytest.mark.req("LH-CONF-004", "LH-RISK-001")
async def test_what_a_process_pushes_is_seen_in_health_metrics_and_alarms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server answers nothing: the ticks go on, and one document waits."""
    with Collector() as server:
        server.script += [400, lambda _request: server.ending.wait()]  # type: ignore[list-item]
        output = HttpOutput.model_validate(
            {"type": "http", "url": server.url, "every": "0.05 s",
             "points": {"b1.soc": "1 min", "site.poc.power": "1 min"}}
        )  # fmt: skip
        definition = site().model_copy(update={"outputs": {"cloud": output}})
        made = Process(definition, {"b1": storage(), "site.poc": METER}, Options(state_dir=tmp_path))
        made.subscribe()
        pushing = asyncio.ensure_future(made.states["cloud"].run())
        made.tick(Tick(0, 100.0, START_NS, 1.0))
        await until(lambda: made.components()["outputs.cloud"]["rejected"])
        for index in (1, 2):
            made.tick(Tick(index, 100.0 + index, START_NS + index * 10**9, 1.0))
        await until(lambda: len(server.posted) == 2)
        assert made.components()["outputs.cloud"]["waiting"]
        assert [c.id for c in conditions(made.states, None)] == ["site.outputs.cloud.dropped"]
        monkeypatch.setattr(northbound, "AWAY_S", 0.0)
        assert [c.id for c in conditions(made.states, None)][1:] == ["site.outputs.cloud.waiting"]
        assert 'bess_push_rejected{output="cloud"} 1.0' in made.metrics.render().decode()
        pushing.cancel()
        await asyncio.wait([pushing])
        await made.states["cloud"].close()
    document = server.posted[0].document
    assert (document["site"], document["boot"], document["seq"]) == ("rig", made.boot_id, 1)
    assert set(document) == {"site", "boot", "seq", "state", "snapshot", "decision", "command", "alarms", "points"}
    assert document["points"]["b1.soc"]["unit"]
    meter = document["points"]["site.poc.power"]
    assert (meter["unit"], meter["valid"], meter["value"]) == ("kW", False, None)
    await made.journal.close()
