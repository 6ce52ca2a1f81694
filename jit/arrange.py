"""The layout of a site: the fixed rows first, then those of its requests, services and limits, then what is added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from jit.layout import Fail, Layout, Row, Step
from jit.rows import BAND, CODE_ROWS, LIMITS, MINUTES, RINGS, SITE_CODE_ROWS, SITE_VALUE_ROWS, VALUE_ROWS


@dataclass(frozen=True, slots=True)
class Added:
    """Rows of the block `state`, behind all others: of transforms, controllers and plug-ins."""

    values: tuple[Row, ...] = ()
    codes: tuple[Row, ...] = ()
    site_values: tuple[Row, ...] = ()
    site_codes: tuple[Row, ...] = ()

    def __add__(self, other: Added) -> Added:
        return Added(
            self.values + other.values,
            self.codes + other.codes,
            self.site_values + other.site_values,
            self.site_codes + other.site_codes,
        )


NOTHING = Added()


def interlock_rows(names: Sequence[str]) -> Added:
    """One site row per interlock: for how long its input has been inactive (s), NaN while it is active."""
    return Added(site_values=tuple(Row(f"interlocks.{name}.clear_s", "s", "snapshot") for name in names))


def build_layout(
    assets: tuple[str, ...],
    requests: tuple[str, ...],
    services: tuple[str, ...],
    points: tuple[str, ...],
    devices: dict[str, tuple[int, int]],
    added: Added = NOTHING,
    owners: Mapping[str, str] = {},
    transformers: tuple[str, ...] = (),
    ring: int = 0,
    steps: tuple[tuple[Step, ...], ...] = (),
) -> Layout:
    """The layout of a site: fixed rows first, then the rows of its requests, services and limits, then what is `added`.

    `owners` names the stage that writes a request's rows where it is not `snapshot`: a controller, a plug-in. `ring` is
    how many ticks of the meter and of the assets' sum are kept; 0 without a meter.
    """
    owner = {name: owners.get(name, "snapshot") for name in requests}
    per_request = (
        *(Row(f"{name}.asked_kw", "kW", owner[name]) for name in requests),
        *(Row(f"reactive.{name}.asked_kvar", "kvar", "snapshot") for name in requests),
    )
    service_columns: tuple[tuple[str, str, Fail], ...] = (
        ("capacity_kw", "ancillary", "zero"),
        ("asked_kw", "ancillary", "unknown"),
        ("given_kw", "ancillary", "zero"),
        ("undeliverable_kw", "ancillary", "unknown"),
    )
    per_service = tuple(
        Row(f"{name}.{row}", "kW", owner, fail) for name in services for row, owner, fail in service_columns
    )
    per_limit = tuple(
        Row(f"limits.{name}.{row}", "kW", "limits", "zero") for name in LIMITS for row in ("low_kw", "high_kw")
    )
    return Layout(
        assets=assets,
        values=VALUE_ROWS + per_request + per_service + per_limit + added.values,
        codes=CODE_ROWS
        + tuple(Row(f"{name}.why", "Why", owner[name]) for name in requests)
        + tuple(Row(f"{name}.phase", "Reason", "ancillary") for name in services)
        + added.codes,
        site_values=SITE_VALUE_ROWS
        + tuple(Row(f"{name}.site_kw", "kW", owner[name]) for name in requests)
        + tuple(Row(f"reactive.{name}.site_kvar", "kvar", "snapshot") for name in requests)
        + tuple(Row(f"{name}.lost_s", "s", "ancillary", "hold") for name in services)
        + tuple(Row(f"transformers.{name}.{row}", "kW", "limits", "zero") for name in transformers for row in BAND)
        + _history(ring)
        + added.site_values,
        site_codes=SITE_CODE_ROWS + added.site_codes,
        points=points,
        devices=devices,
        requests=requests,
        services=services,
        limits=LIMITS,
        transformers=transformers,
        ring=ring,
        steps=steps,
    )


def _history(ring: int) -> tuple[Row, ...]:
    """Rings of both sums and the worst of the last minutes, newest first; none without a meter."""
    names = [(f"history.{kind}.{k}", kind[-2:].strip("_")) for kind in RINGS for k in range(ring)]
    names += [(f"history.{kind}.{k}", "kw") for kind in ("most_kw", "least_kw") for k in range(MINUTES if ring else 0)]
    names += [("history.minute_s", "s")] if ring else []
    return tuple(Row(name, "s" if unit == "s" else "kW", "snapshot", "hold") for name, unit in names)


def told_ring(older: int) -> Added:
    """The rows that remember what was told before the newest command, `older` ticks back."""
    return Added(values=tuple(Row(f"told.{k}.{end}_kw", "kW", "snapshot", "hold")
                              for k in range(1, older + 1) for end in ("low", "high")))  # fmt: skip
