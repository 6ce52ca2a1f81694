"""OpenTelemetry spans for a run, a tick and a write. Off by default, and then it costs nothing.

    Tracing.off().wrap("bess.control_cycle.execute", chain) is chain         nothing is imported, nothing is called
    Tracing.on(endpoint).wrap(…)                                             one span per call, exported by a thread

Spans are per tick and per write, never per item: a span costs 16 µs, five times the whole chain. Names and attributes
follow the prior system (`bess.asset_id`, `bess.command_mode`, …). Exporting is batched in a thread of its own with a
bounded queue; a collector that is away costs spans and nothing else.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

TICK = "bess.control_cycle.execute"
WRITE = "bess.command_dispatch.write"
RUN = "bess.run"

P = ParamSpec("P")
R = TypeVar("R")
Attributes = Mapping[str, str | int | float | bool]


class TracingError(RuntimeError):
    """Tracing was asked for and its packages are not installed."""


class Tracing:
    """`on` is False for the one that does nothing."""

    def __init__(self, provider: TracerProvider | None = None) -> None:
        self._provider = provider
        self._tracer = None if provider is None else provider.get_tracer("bess-pipeline")

    @classmethod
    def off(cls) -> Tracing:
        return cls()

    @classmethod
    def start(cls, endpoint: str, *, site: str, version: str = "", exporter: SpanExporter | None = None) -> Tracing:
        """Export to an OTLP collector over HTTP (`http://host:4318/v1/traces`)."""
        try:
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider
            from opentelemetry.sdk.trace.export import BatchSpanProcessor
        except ImportError as error:
            raise TracingError(f"tracing needs `bess-pipeline[tracing]`: {error.name} is missing") from error
        resource = Resource.create({"service.name": "bess-pipeline", "service.version": version, "bess.site": site})
        provider = TracerProvider(resource=resource)
        provider.add_span_processor(BatchSpanProcessor(exporter or OTLPSpanExporter(endpoint=endpoint, timeout=5.0)))
        return cls(provider)

    @property
    def on(self) -> bool:
        return self._tracer is not None

    def span(self, name: str, attributes: Attributes | None = None) -> AbstractContextManager[object]:
        """A span around a block; nothing when tracing is off."""
        if self._tracer is None:
            return nullcontext()
        return self._tracer.start_as_current_span(name, attributes=attributes)

    def record(self, name: str, duration_s: float, attributes: Attributes | None = None) -> None:
        """A span of something that has just ended and took `duration_s` (NaN: unknown, no length)."""
        if self._tracer is None:
            return
        span = self._tracer.start_span(name, attributes=attributes)
        started_ns = getattr(span, "start_time", None)
        end_ns = None if started_ns is None or duration_s != duration_s else started_ns + int(duration_s * 1e9)
        span.end(end_ns)

    def wrap(self, name: str, step: Callable[P, R]) -> Callable[P, R]:
        """`step` in a span per call; `step` itself when tracing is off."""
        if self._tracer is None:
            return step

        @wraps(step)
        def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.span(name):
                return step(*args, **kwargs)

        return traced

    def wrap_async(self, name: str, step: Callable[P, Awaitable[R]],
                   attributes: Callable[P, Attributes] | None = None) -> Callable[P, Awaitable[R]]:
        """The same for a coroutine function; `attributes` are computed from the arguments of each call."""
        if self._tracer is None:
            return step

        @wraps(step)
        async def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with self.span(name, attributes(*args, **kwargs) if attributes else None):
                return await step(*args, **kwargs)

        return traced

    def stop(self) -> None:
        """Export what is left and end the thread. Blocks for some seconds when the collector is away: call it last."""
        if self._provider is not None:
            self._provider.shutdown()
