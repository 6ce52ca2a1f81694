"""Spans: none when off, one per call when on."""

from __future__ import annotations

import builtins
import subprocess
import sys
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sinks.tracing import RUN, TICK, WRITE, Tracing, TracingError


def add(one: int, two: int = 1) -> int:
    return one + two


async def write(asset: str) -> str:
    return asset


@pytest.mark.req("LH-MON-003")
def test_off_is_nothing_at_all() -> None:
    tracing = Tracing.off()
    assert not tracing.on
    assert tracing.wrap(TICK, add) is add
    assert tracing.wrap_async(WRITE, write) is write
    with tracing.span(RUN):
        pass
    tracing.stop()
    seen = subprocess.run([sys.executable, "-c", "import sys, sinks.tracing; print('opentelemetry' in sys.modules)"],
                          capture_output=True, text=True, check=True)
    assert seen.stdout.strip() == "False"


@pytest.mark.req("LH-MON-003")
async def test_on_is_one_span_per_call_with_bounded_attributes() -> None:
    exporter = InMemorySpanExporter()
    tracing = Tracing.start("http://127.0.0.1:9", site="nordhafen", version="1", exporter=exporter)
    traced = tracing.wrap_async(WRITE, write, lambda asset: {"bess.asset_id": asset})
    with tracing.span(RUN, {"bess.mode": "shadow"}):
        assert tracing.wrap(TICK, add)(1, two=2) == 3
        assert await traced("bess1") == "bess1"
    with pytest.raises(ZeroDivisionError):
        tracing.wrap(TICK, lambda: 1 // 0)()
    tracing.stop()
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == [TICK, WRITE, RUN, TICK]
    assert spans[1].attributes == {"bess.asset_id": "bess1"}
    assert spans[0].parent is not None
    assert spans[3].status.is_ok is False
    assert spans[0].resource.attributes["bess.site"] == "nordhafen"


def test_missing_packages_are_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("opentelemetry"):
            raise ImportError(name=name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(TracingError, match="tracing needs"):
        Tracing.start("http://127.0.0.1:9", site="x")
