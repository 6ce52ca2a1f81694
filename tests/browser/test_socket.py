"""The client of `bess-pipeline.v1` against a server that misbehaves: gaps, silence, refusals, nonsense."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

from tests.browser.conftest import Serving
from tests.browser.plant import Plant

Obey = Callable[[WebSocketRoute, dict[str, Any]], None]


class Script:
    """A server made of a function: it greets, then `obey(socket, message)` answers each frame of the page."""

    def __init__(self, page: Page, obey: Obey, **hello: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        self.sockets: list[WebSocketRoute] = []

        def connect(socket: WebSocketRoute) -> None:
            self.sockets.append(socket)

            def message(text: str | bytes) -> None:
                frame = json.loads(text)
                self.heard.append(frame)
                obey(socket, frame)

            socket.on_message(message)
            tell(socket, t="hello", **{"hb_s": 5, **hello})

        page.route_web_socket(re.compile("/ws$"), connect)

    def subscribed(self, topic: str) -> list[int]:
        return [frame["id"] for frame in self.heard if frame["t"] == "sub" and frame["topic"] == topic]


def tell(socket: WebSocketRoute, **frame: Any) -> None:
    socket.send(json.dumps(frame))


def asset(power: float) -> dict[str, Any]:
    return {**(Plant().asset("bess1") or {}), "telemetry": {"active_power_kw": power}}


def test_deltas_merge_into_the_snapshot(page: Page, serving: Serving) -> None:
    def obey(socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if frame["t"] == "sub" and frame["topic"] == "assets.*":
            tell(socket, t="snap", id=frame["id"], topic="assets.bess1", seq=7, value=asset(10.0))
            tell(
                socket,
                t="delta",
                id=frame["id"],
                topic="assets.bess1",
                seq=8,
                value={"why": "because", "state": "idle"},
            )

    Script(page, obey)
    page.goto(serving(Plant()).url)
    expect(page.locator(".asset .why")).to_have_text("because")
    expect(page.locator(".asset .state")).to_have_text("IDLE")
    expect(page.locator(".asset .line.power .number")).to_have_text("10.0")


@pytest.mark.parametrize("broken", ["gap", "heartbeat"])
def test_a_gap_subscribes_again_and_never_shows_the_wrong_value(page: Page, serving: Serving, broken: str) -> None:
    def obey(socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if frame["t"] != "sub" or frame["topic"] != "assets.*":
            return
        number = frame["id"]
        first = len(script.subscribed("assets.*")) == 1
        tell(socket, t="snap", id=number, topic="assets.bess1", seq=1, value=asset(10.0 if first else 20.0))
        if first and broken == "gap":
            tell(socket, t="delta", id=number, topic="assets.bess1", seq=3, value={"why": "after a gap"})
            tell(socket, t="delta", id=number, topic="assets.bess1", seq=4, value={"why": "of the old subscription"})
        elif first:
            tell(socket, t="hb", at="2026-11-22T13:03:07.000Z", seqs={str(number): {"assets.bess1": 4}})

    script = Script(page, obey)
    page.goto(serving(Plant()).url)
    expect(page.locator(".asset .line.power .number")).to_have_text("20.0")
    expect(page.locator(".asset .why")).to_contain_text("follows day ahead")
    first, second = script.subscribed("assets.*")
    assert second > first
    assert {"t": "unsub", "id": first} in script.heard


def test_an_asset_that_left_the_heartbeat_leaves_the_page(page: Page, serving: Serving) -> None:
    def obey(socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if frame["t"] == "sub" and frame["topic"] == "assets.*":
            for name in ("bess1", "bess2"):
                tell(
                    socket,
                    t="snap",
                    id=frame["id"],
                    topic=f"assets.{name}",
                    seq=1,
                    value={**asset(1.0), "asset_id": name},
                )
            tell(socket, t="hb", seqs={str(frame["id"]): {"assets.bess2": 1}})

    Script(page, obey)
    page.goto(serving(Plant()).url)
    expect(page.locator(".asset .name")).to_have_text("bess2")
    expect(page.locator(".asset")).to_have_count(1)


def test_two_missed_heartbeats_are_a_lost_connection(page: Page, serving: Serving) -> None:
    script = Script(page, lambda socket, frame: None, hb_s=0.5)
    page.goto(serving(Plant()).url)
    expect(page.locator("body")).not_to_have_class(re.compile("lost"))
    expect(page.locator("body")).to_have_class(re.compile("lost"))
    expect(page.locator("body")).not_to_have_class(re.compile("lost"))
    assert len(script.sockets) >= 2


@pytest.mark.req("LH-NF-009")
def test_nonsense_starts_over_without_an_error(page: Page, serving: Serving) -> None:
    def obey(socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if len(script.sockets) == 1 and frame["t"] == "sub" and frame["topic"] == "site":
            for text in (
                "null",
                "[]",
                '{"t":"snap"}',
                '{"t":"delta","id":99,"topic":"site","seq":1,"value":{}}',
                "{not json",
            ):
                socket.send(text)
        elif frame["t"] == "sub" and frame["topic"] == "assets.*":
            tell(socket, t="snap", id=frame["id"], topic="assets.bess1", seq=1, value=asset(30.0))

    script = Script(page, obey)
    page.goto(serving(Plant()).url)
    expect(page.locator(".asset .line.power .number")).to_have_text("30.0")
    expect(page.locator("body")).not_to_have_class(re.compile("lost"))


def test_an_unknown_topic_is_asked_for_again(page: Page, serving: Serving) -> None:
    def obey(socket: WebSocketRoute, frame: dict[str, Any]) -> None:
        if frame["t"] == "sub" and frame["topic"] == "alarms":
            if len(script.subscribed("alarms")) == 1:
                tell(socket, t="err", id=frame["id"], error="unknown-topic")
            else:
                tell(
                    socket,
                    t="snap",
                    id=frame["id"],
                    topic="alarms",
                    seq=1,
                    value=[
                        {
                            "id": "a",
                            "asset_id": None,
                            "priority": 1,
                            "text": "late",
                            "active": True,
                            "acknowledged": False,
                        }
                    ],
                )

    script = Script(page, obey)
    page.goto(serving(Plant()).url)
    expect(page.locator(".alarms")).to_contain_text("late")
