"""What a definition composes between `limits` and `resolve`: plug-ins that ask for power, and transforms of requests.

    requests:                                    stages, in the order of the list
      - day_ahead: { transform: [ a, b ] }       requests.day_ahead.transform.0, requests.day_ahead.transform.1
      - plugin: { name: night-charge }       requests.night-charge

Their modules, and with them their kernels, are loaded only when a definition names one.
"""

from __future__ import annotations

from typing import Protocol

from config.definition import Definition
from config.request import Request
from jit.arrange import Added
from jit.layout import Layout
from operators.stage import Stage


class Composed(Protocol):
    """A stage that the definition puts there."""

    @property
    def id(self) -> str: ...

    def rows(self) -> Added: ...

    def stage(self, layout: Layout) -> Stage: ...


def compose(definition: Definition) -> tuple[Composed, ...]:
    """Per request its plug-in, then its transforms. Raises `PluginError` for what `check` would have refused."""
    found: list[Composed] = []
    for request in definition.requests:
        if request.plugin is not None:
            from operators.foreign import Foreign
            from pipeline.plugins import operator_of, options_of

            operator = operator_of(request.plugin)
            found.append(Foreign(f"requests.{request.name}", operator, options_of(request.plugin, operator)))
        if request.transform:
            found += _transforms(request, definition.site.cycle)
    return tuple(found)


def _transforms(request: Request, cycle_s: float) -> list[Composed]:
    from operators.transforms.forms import placed
    from operators.transforms.transform import Port

    path = f"requests.{request.name}"
    return [*placed(path, request.transform, Port(f"{path}.asked_kw", f"{path}.site_kw"), cycle_s)]
