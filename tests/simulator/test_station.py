"""What a station notes as said is what the process took for an answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.simulation.site import definition
from pipeline.simulation.world import World
from simulator.station import Station


def test_a_reply_counts_once_and_only_until_something_else_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requests: list[bytes] = []
    answer = Station.answer

    def noted(self: Station, octets: bytes, sent_s: float, meant: bytes | None = None) -> bytes | None:
        requests.append(octets)
        return answer(self, octets, sent_s, meant)

    with World(definition(), tmp_path) as world:
        world.schedule(100.0)
        with monkeypatch.context() as patch:
            patch.setattr(Station, "answer", noted)
            world.run(12.0)
        read, write = (next(octets for octets in requests if octets[7] == code) for code in (3, 16))
        station, now_s = world.stations["b1"], world.loop.time()
        before = len(station.said)
        reply = station.answer(read, now_s)
        assert reply is not None
        station.delivered(reply)
        station.delivered(reply)
        assert len(station.said) == before + 1, "it came twice"
        reply = station.answer(read, now_s)
        assert reply is not None
        assert station.answer(write, now_s + 0.1) is not None
        station.delivered(reply)
        assert len(station.said) == before + 1, "it came after the next request had left"
