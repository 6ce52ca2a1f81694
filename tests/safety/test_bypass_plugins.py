"""Attempts of a plug-in to reach a device around the guards: by what it declares, by what it returns, by what it keeps.

The hostile package is installed through a fake entry point. What it declares is refused by `check`; what it does at a
tick is a fault of its own stage or has no effect, and the command stays where the guards put it. Python cannot be kept
from anything: a package that imports a writer by itself is code that somebody installed, and is out of reach of these
checks (docs/plugins.md says so).
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import config.plugins
from config.diagnostics import render
from config.request import Request
from jit import rows as r
from jit.layout import Row
from operators.plugin import Moment, Operator, Option, Writes
from pipeline.run import graph_of
from sinks.plugin import Sink
from sources.plugin import Source
from tests.config.marked import PLANT
from tests.pipeline.test_check import checked
from tests.rig import Rig, site

pytestmark = pytest.mark.req("LH-ZIEL-002", "LH-ARCH-004", "LH-RISK-001")

NAME = "hostile"
ASKS = Writes("request_kw", "kW")
REQUEST = "  - idle: 0 kW\n"
Bring = Callable[..., None]


@pytest.fixture
def bring(monkeypatch: pytest.MonkeyPatch) -> Bring:
    """Install what a package brings under a name."""

    def install(*brought: object, name: str = NAME, of: str = "operators") -> None:
        entries = []
        for number, thing in enumerate(brought):
            module = ModuleType(f"hostile_{number}")
            module.thing = thing  # type: ignore[attr-defined]
            monkeypatch.setitem(sys.modules, module.__name__, module)
            entries.append(EntryPoint(name, f"{module.__name__}:thing", f"bess_pipeline.{of}"))
        monkeypatch.setattr(config.plugins, "entry_points", lambda group: entries if group.endswith(of) else [])

    return install


def nothing(now: Any, before: Any, moment: Any, options: Any) -> Any:
    return {"request_kw": np.full(1, np.nan)}


def declared(**changes: Any) -> Operator:
    given: dict[str, Any] = {"reads": ("soc_pct",), "writes": (ASKS,), "compute": nothing}
    return Operator(**(given | changes))


def refused(name: str = NAME) -> str:
    found = checked(PLANT.replace(REQUEST, f"  - plugin: {{ name: {name} }}\n{REQUEST}"))
    assert found.definition is None
    return render([problem for problem in found.diagnostics if problem.severity == "error"])


class Latched(Writes):
    """A row that claims to survive a restart."""

    latch = True


class Strange:
    """A declaration that raises when it is read."""

    def __iter__(self) -> Any:
        raise OSError("gone")


DECLARATIONS: list[tuple[str, object, str]] = [
    *((f"writes {row}", declared(writes=(ASKS, Writes(row, "kW"))), f"writes `{row}`, which belongs to `{owner}`")
      for row, owner in (("command_kw", "command"), ("ramped_kw", "ramp"), ("limited_kw", "constrain"),
                         ("high_kw", "limits"), ("site_high_kw", "limits"), ("authority", "state_machine"),
                         ("latch", "state_machine"), ("may_discharge", "state_machine"), ("asked_kw", "resolve"),
                         ("fault", "every stage"), ("soc_pct", "snapshot"), ("armed", "snapshot"))),
    *((f"writes {row}", declared(writes=(ASKS, Writes(row, "kW"))), "which is no name of a row")
      for row in ("requests.day_ahead.asked_kw", "ancillary.fcr.given_kw", "../command_kw", "Command", "", "why",
                  "transform", "site_kw")),
    ("writes a limit", declared(writes=(ASKS, Writes("limits.bms.high_kw", "kW"))), "which belongs to `limits`"),
    ("writes a row twice", declared(writes=(ASKS, ASKS)), "writes `request_kw` twice"),
    ("writes its request as a latch", declared(writes=(Latched("request_kw", "kW"),)), "as a Latched with a latch"),
    ("writes a row of the layout", declared(writes=(ASKS, Row("x_kw", "kW", "command", latch=True))), "with a latch"),
    ("holds its request", declared(writes=(Writes("request_kw", "kW", "hold"),)), "`unknown` when it fails"),
    ("asks in another unit", declared(writes=(Writes("request_kw", "MW"),)), "which is in kW"),
    ("fails open", declared(writes=(ASKS, Writes("x", "1", "open"))), "with fail value `open`"),  # type: ignore[arg-type]
    ("feeds nothing", declared(writes=(Writes("x", "kW"),)), "feeds no request"),
    ("writes nothing", declared(writes=()), "writes 0 rows"),
    ("writes without end", declared(writes=(ASKS, *(Writes(f"x{n}", "1") for n in range(64)))), "writes 65 rows"),
    *((f"reads {row}", declared(reads=(row,)), f"reads `{row}`, which `{owner}` writes behind it")
      for row, owner in (("command_kw", "command"), ("base_kw", "resolve"), ("limited_kw", "constrain"))),
    ("reads what is not there", declared(reads=("secret",)), "reads `secret`, which is no row"),
    ("remembers the ramp", declared(before=("ramped_kw",)), "remembers `ramped_kw` of `ramp`"),
    ("remembers a latch", declared(before=("latch",)), "remembers `latch` of `state_machine`"),
    ("remembers nobody's row", declared(before=("x",)), "remembers `x` that nobody writes"),
    ("has no function", declared(compute=5), "has no function `compute`"),
    ("is a function", nothing, "is of type function, not an Operator"),
    ("is a stage", Rig(site()).stages[-1], "is of type Stage, not an Operator"),
    ("is nothing", None, "is of type NoneType, not an Operator"),
    ("cannot be read", declared(reads=Strange()), "has a declaration that cannot be read"),
    ("has options that are none", declared(options=(Option("", "kW"),)), "has an option `` that is none"),
]  # fmt: skip


@pytest.mark.parametrize(("thing", "words"), [d[1:] for d in DECLARATIONS], ids=[d[0] for d in DECLARATIONS])
def test_a_declaration_that_reaches_further_is_refused(thing: object, words: str, bring: Bring) -> None:
    bring(thing)
    said = refused()
    assert "error[E325]: the plug-in `hostile`" in said
    assert words in said


@pytest.mark.parametrize("kind", Request.forms)
def test_the_name_of_a_kind_of_request_is_taken(kind: str, bring: Bring) -> None:
    bring(declared(), name=kind)
    assert f"the plug-in `{kind}` has the name of a kind of request" in refused(kind)


@pytest.mark.parametrize("name", ["requests.day_ahead", "../ramp", "Ramp", "a b"])
def test_a_name_that_is_no_name_is_refused(name: str, bring: Bring) -> None:
    bring(declared(), name=name)
    assert "has no name that can be written here" in refused(f'"{name}"')


def test_two_packages_of_one_name_are_both_refused(bring: Bring) -> None:
    bring(declared(), declared())
    assert "is brought by two packages: hostile_0:thing and hostile_1:thing" in refused()


def test_one_that_is_not_installed_is_named(bring: Bring) -> None:
    bring(declared(), name="hostile-one")
    assert "error[E105]: there is no operator `hostile`" in refused()


@pytest.mark.parametrize("error", [ImportError("no"), SystemExit(3), KeyboardInterrupt(), RecursionError()])
def test_a_package_that_cannot_be_loaded_ends_nothing(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(_entry: EntryPoint) -> object:
        raise error

    monkeypatch.setattr(EntryPoint, "load", load)
    entry = EntryPoint(NAME, "hostile:thing", "bess_pipeline.operators")
    monkeypatch.setattr(config.plugins, "entry_points", lambda group: [entry] if "operators" in group else [])
    assert f"cannot be loaded: {type(error).__name__}" in refused()


DAY_AHEAD = "from: broker, topic: plant/day-ahead, ttl"
STATE = "{ type: mqtt, to: broker, topic: plant/state"
ENDS = [
    ("sources", declared(), DAY_AHEAD, "from: hostile, ttl", "is of type Operator, not a Source"),
    ("sources", Sink(print), DAY_AHEAD, "from: hostile, ttl", "is of type Sink, not a Source"),
    ("sources", Source(5), DAY_AHEAD, "from: hostile, ttl", "is of type Source, not a Source with a function"),  # type: ignore[arg-type]
    ("sinks", Source(lambda *_: None), STATE, "{ type: plugin, name: hostile", "is of type Source, not a Sink"),
    ("sinks", Rig(site()).stages[-1], STATE, "{ type: plugin, name: hostile", "is of type Stage, not a Sink"),
    ("sinks", Sink(5), STATE, "{ type: plugin, name: hostile", "is of type Sink, not a Sink with a function"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("of", "thing", "old", "new", "words"), ENDS, ids=[f"{e[0]}: {e[4]}" for e in ENDS])
def test_what_is_no_end_is_refused(of: str, thing: Any, old: str, new: str, words: str, bring: Bring) -> None:
    bring(thing, of=of)
    found = checked(PLANT.replace(old, new))
    assert f"the plug-in `hostile` {words}" in render(found.diagnostics)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (DAY_AHEAD, "from: hostile, topic: plant/two/command, ttl", "`topic` means nothing"),
        (DAY_AHEAD, "from: hostile, path: /dev/two, ttl", "`path` means nothing"),
        (DAY_AHEAD, "from: hostile, to: two, ttl", "`to` is not a key here"),
        (STATE, "{ type: plugin, name: hostile, to: broker", "`to` is not a key here"),
        (STATE, "{ type: plugin, name: hostile, topic: plant/two/command", "`topic` is not a key here"),
        (STATE, "{ type: plugin, name: hostile, inputs: [ramp]", "`inputs` is not a key here"),
        (STATE, "{ type: plugin, name: nobody", "there is no output `nobody`"),
    ],
)
def test_a_source_and_a_sink_have_no_place_to_reach_from(old: str, new: str, words: str, bring: Bring) -> None:
    source = "from" in old
    bring(Source(lambda *_: None) if source else Sink(print), of="sources" if source else "sinks")
    found = checked(PLANT.replace(old, new))
    assert found.definition is None
    assert words in render(found.diagnostics)


def test_both_ends_take_their_place_in_the_graph(bring: Bring) -> None:
    """A source gives requests, an output takes frames: the checks on the graph hold them there."""
    bring(Source(lambda *_: None), of="sources")
    found = checked(PLANT.replace(DAY_AHEAD, "from: hostile, ttl"))
    assert found.ok, render(found.diagnostics)
    nodes = {node["id"]: node for node in graph_of(found)["nodes"]}
    assert nodes["requests.day_ahead"]["gives"] == ["Request"]
    bring(Sink(print), of="sinks")
    found = checked(PLANT.replace(STATE, "{ type: plugin, name: hostile"))
    assert found.ok, render(found.diagnostics)
    assert {node["id"]: node for node in graph_of(found)["nodes"]}["outputs.state"]["streams"] == [["Frame"]]


# --- what it does at a tick -------------------------------------------------------------------------------------------


def running(bring: Bring, compute: Any, **changes: Any) -> Rig:
    """A site that follows 50 kW of the plug-in's, before it turns hostile."""
    turned: list[bool] = []

    def first_well(now: Any, before: Any, moment: Moment, options: Mapping[str, float]) -> Any:
        if turned:
            return compute(now, before, moment, options)
        return {row.name: np.full(1, 50.0) for row in operator.writes}

    operator = declared(compute=first_well, **changes)
    bring(operator)
    plain = site()
    plugin = Request.model_validate({"kind": "plugin", "plugin": {"name": NAME}})
    rig = Rig(plain.model_copy(update={"requests": [*plain.requests[:-1], plugin, plain.requests[-1]]})).ready()
    rig.run(6)
    assert rig.power == [50.0]
    turned.append(True)
    return rig


class Mine(np.ndarray[Any, Any]):
    """An array that could do anything when it is copied."""


def leave(*_: Any) -> Any:
    raise SystemExit(3)


def stop(*_: Any) -> Any:
    raise KeyboardInterrupt


def divide(*_: Any) -> Any:
    return {"request_kw": np.full(1, 1 / 0)}


def back(value: Any) -> Callable[..., Any]:
    return lambda *_: value


FAULTS: list[tuple[str, Any, str]] = [
    ("raises", divide, "it raised ZeroDivisionError"),
    ("leaves the process", leave, "it raised SystemExit"),
    ("presses Ctrl-C", stop, "it raised KeyboardInterrupt"),
    ("returns nothing", back(None), "it raised TypeError"),
    ("returns a number", back(5.0), "it raised TypeError"),
    ("returns no row", back({}), "other rows than it declared: request_kw"),
    ("returns a row more", back({"request_kw": np.zeros(1), "command_kw": np.full(1, 250.0)}), "command_kw"),
    ("returns another row", back({"command_kw": np.full(1, 250.0)}), "command_kw, request_kw"),
    ("returns more columns", back({"request_kw": np.zeros(2)}), "has the shape (2,), not (1,)"),
    ("returns more rows", back({"request_kw": np.zeros((3, 1))}), "has the shape (3, 1)"),
    ("returns a scalar", back({"request_kw": np.float64(5.0)}), "is a float64, not an array"),
    ("returns a list", back({"request_kw": [5.0]}), "is a list, not an array"),
    ("returns an array of its own kind", back({"request_kw": np.zeros(1).view(Mine)}), "is a Mine, not an array"),
    ("returns integers", back({"request_kw": np.zeros(1, np.int64)}), "is int64, not float64"),
    ("returns objects", back({"request_kw": np.array([None])}), "is object, not float64"),
    ("returns complex numbers", back({"request_kw": np.zeros(1, complex)}), "is complex128, not float64"),
    ("asks for infinity", back({"request_kw": np.full(1, np.inf)}), "is infinite"),
    ("writes to its copy", lambda now, *_: now["soc_pct"].fill(0.0), "it raised ValueError"),
    ("writes to the rows it was given", lambda now, *_: now.update(soc_pct=None), "it raised TypeError"),
]  # fmt: skip


@pytest.mark.parametrize(("compute", "words"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS])
@pytest.mark.hazard("row 32", "S14")
def test_what_it_may_not_return_is_a_fault_of_its_stage_and_0_kw(compute: Any, words: str, bring: Bring) -> None:
    rig = running(bring, compute)
    frame = rig.tick()
    assert rig.power == [0.0]
    assert words in str(rig.errors[-1][1])
    assert rig.errors[-1][0] == f"requests.{NAME}"
    assert np.isnan(frame[f"requests.{NAME}.asked_kw"][0])
    assert frame["soc_pct"][0] == 55.0
    assert (frame.codes[r.FAULT] != 0).all()


def test_nan_is_refused_where_the_fail_value_is_not_unknown(bring: Bring) -> None:
    def compute(*_: Any) -> Any:
        return {"request_kw": np.full(1, 50.0), "sum_kwh": np.full(1, np.nan)}

    rig = running(bring, compute, writes=(ASKS, Writes("sum_kwh", "kWh", "hold")))
    frame = rig.tick()
    assert "`sum_kwh` is unknown, and its fail value is `hold`" in str(rig.errors[-1][1])
    assert rig.power == [0.0]
    assert frame[f"requests.{NAME}.sum_kwh"][0] == 50.0  # held: memory is not erased


KEPT: list[Any] = []


def keep_and_unlock(now: Any, *_: Any) -> Any:
    """Make the copies writable, write to them now and to those of the ticks before, and keep what is returned."""
    KEPT.extend(now.values())
    for array in KEPT:
        array.flags.writeable = True
        array.fill(99.0)
    made = np.full(1, 50.0)
    KEPT.append(made)
    return {"request_kw": made}


def test_what_it_keeps_is_not_looked_at_again(bring: Bring) -> None:
    KEPT.clear()
    rig = running(bring, keep_and_unlock, reads=("soc_pct", "high_kw", "latch", "site_high_kw"))
    rig.run(5)
    for array in KEPT:
        array.fill(1e9)
    frame = rig.tick()
    assert rig.errors == []
    assert (frame["soc_pct"][0], frame["high_kw"][0], frame["latch"][0]) == (55.0, 250.0, 0)
    assert rig.power == [50.0]


@pytest.mark.parametrize("asked", [1e9, -1e9, 1e308, 251.0])
@pytest.mark.hazard("row 32", "S14")
def test_whatever_it_asks_for_passes_the_guards(asked: float, bring: Bring) -> None:
    rig = running(bring, back({"request_kw": np.full(1, asked)}))
    rig.run(1)
    assert rig.errors == []
    assert abs(rig.power[0] - 50.0) <= 50.0 * rig.cycle + 1e-9  # the asset's ramp
    rig.run(20)
    assert abs(rig.power[0]) == 250.0
    rig.batteries["b1"].discharge_limit = rig.batteries["b1"].charge_limit = 37.0
    rig.tick()
    assert abs(rig.power[0]) == 37.0


def test_it_stands_behind_what_is_listed_before_it(bring: Bring) -> None:
    rig = running(bring, back({"request_kw": np.full(1, 50.0)}))
    rig.schedule("day_ahead", 20.0)
    rig.run(3)
    assert rig.power == [20.0]


def test_it_is_absent_when_it_has_no_opinion(bring: Bring) -> None:
    rig = running(bring, back({"request_kw": np.full(1, np.nan)}))
    rig.run(3)
    assert rig.power == [0.0]
    assert rig.frame.layout.requests[rig.frame["request_by"][0] - 1] == "requests.idle"
    assert (rig.frame.codes[r.FAULT] == 0).all()
