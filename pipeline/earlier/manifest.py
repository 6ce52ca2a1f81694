"""The replay sets of the earlier system, read strictly: a manifest, what it feeds (fixture), what it expects (golden).

    manifest.v1.json ──► fixture: telemetry and schedules by instant, or single calls of the control core
                    └──► golden: one command per instant, or what each call returns

Paths are relative to the manifest, or to the root of the repository that it came with (`repo://…`); neither leaves it.
Every problem is a `ManifestError` that names the file, the place in it (`$.records[2].telemetry`) and what is wrong.
Powers in kW, + = discharging; instants RFC 3339 in UTC. Source: the formats as their owners published them (v1).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, FiniteFloat, NonNegativeFloat, ValidationError

from sources.instant import parse_utc
from sources.strict_json import JsonError, read

MOST_BYTES = 64 * 1024 * 1024
REPOSITORY = "repo://"

TELEMETRY, NATIVE, MPC, SIDECAR = (
    "telemetry-control-cycle", "native-control-parity", "local-mpc-engine-comparison",
    "optimization-core-sidecar-comparison",
)  # fmt: skip
#: Schemas of fixture and golden by kind of set.
SCHEMAS = {
    TELEMETRY: ("telemetry-replay-fixture.v1", "telemetry-golden-command.v1"),
    NATIVE: ("native-parity-cases.v1", "native-parity-cases.v1"),
    MPC: ("local-mpc-engine-comparison.v1", "local-mpc-engine-comparison.v1"),
    SIDECAR: ("optimization-core-sidecar-fixture.v1", "optimization-core-sidecar-golden.v1"),
}


class ManifestError(ValueError):
    """A file of a replay set that cannot be read, the place in it, and why."""

    def __init__(self, file: Path, where: str, what: str) -> None:
        super().__init__(f"{file}: {where}: {what}" if where else f"{file}: {what}")
        self.file, self.where, self.what = file, where, what


def _instant(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("expected a UTC time such as 2026-01-31T12:00:00Z, ending in Z")  # noqa: TRY004  # pydantic's
    return parse_utc(value)


Instant = Annotated[int, BeforeValidator(_instant)]
Name = Annotated[str, Field(min_length=1)]


class Strict(BaseModel):
    """A part of a file: no unknown members, no conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class File(Strict):
    path: Name
    schema_version: Name


class Fields(Strict):
    required_fields: list[str]
    optional_fields: list[str]
    deprecated_fields: list[str]
    tolerated_legacy_fields: list[str]


class Determinism(Strict):
    """`strict`: every member has to agree; `tolerance`: mode and powers, within the tolerances."""

    mode: Literal["strict", "tolerance"]
    seed: int | None
    runtime: Name
    numeric: Name


class Solver(Strict):
    optimizer: Name


class Tolerances(Strict):
    active_power_kw_abs: Annotated[NonNegativeFloat, FiniteFloat]
    reactive_power_kvar_abs: Annotated[NonNegativeFloat, FiniteFloat]


class Compatibility(Strict):
    covers_legacy_cases: list[str]


class Manifest(Strict):
    schema_version: Literal["replay-manifest.v1"]
    dataset_id: Name
    kind: Literal[
        "telemetry-control-cycle", "native-control-parity", "local-mpc-engine-comparison",
        "optimization-core-sidecar-comparison",
    ]  # fmt: skip
    fields: Fields = Field(alias="schema")
    fixture: File
    golden: File
    determinism: Determinism
    request_id_rule: Name
    solver_options: Solver
    tolerances: Tolerances
    compatibility: Compatibility | None = None


# --- telemetry-control-cycle ------------------------------------------------------------------------------------------


class Judged(Strict):
    flag: Literal["Valid", "Stale", "Substituted", "ProtocolError", "Missing"]
    reason: str


class Telemetry(Strict):
    timestamp_utc: Instant
    asset_id: Name
    soc_percent: FiniteFloat
    soh_percent: FiniteFloat
    active_power_kw: FiniteFloat
    reactive_power_kvar: FiniteFloat | None = None
    dc_voltage: FiniteFloat | None = None
    dc_current: FiniteFloat | None = None
    temperature_celsius: FiniteFloat
    available: bool
    fault_status: str
    judged: Judged = Field(alias="data_quality")


class Record(Strict):
    """One cycle of the earlier system. No telemetry: nothing has come since the record before."""

    timestamp_utc: Instant
    received_at_utc: Instant | None = None
    telemetry: Telemetry | None = None

    @property
    def received_ns(self) -> int:
        return self.timestamp_utc if self.received_at_utc is None else self.received_at_utc


class Window(Strict):
    start_utc: Instant
    end_utc: Instant
    target_power_kw: FiniteFloat


class Schedule(Strict):
    asset_id: Name
    type: Literal["DayAhead", "Intraday", "RegelLeistungReserve"]
    market_bid_area: str
    version: Annotated[int, Field(ge=0)]
    windows: Annotated[list[Window], Field(min_length=1)]


class TelemetryFixture(Strict):
    schema_version: Literal["telemetry-replay-fixture.v1"]
    schedules: list[Schedule] = []
    records: Annotated[list[Record], Field(min_length=1)]


class Command(Strict):
    command_id: Name
    timestamp_utc: Instant
    asset_id: Name
    mode: Literal["Stop", "Idle", "Charge", "Discharge"]
    active_power_kw: FiniteFloat
    reactive_power_kvar: FiniteFloat | None = None
    reason: str
    source: str


class GoldenCommands(Strict):
    schema_version: Literal["telemetry-golden-command.v1"]
    commands: list[Command]


# --- native-control-parity --------------------------------------------------------------------------------------------


class Seen(Strict):
    soc_percent: FiniteFloat
    active_power_kw: FiniteFloat
    temperature_celsius: FiniteFloat


class Limits(Strict):
    max_charge_power_kw: FiniteFloat
    max_discharge_power_kw: FiniteFloat
    min_soc_percent: FiniteFloat
    max_soc_percent: FiniteFloat
    max_ramp_kw_per_second: FiniteFloat
    min_temperature_celsius: FiniteFloat
    max_temperature_celsius: FiniteFloat


class Asked(Strict):
    target_active_power_kw: FiniteFloat
    previous_active_power_kw: FiniteFloat | None
    dt_seconds: FiniteFloat


class Expected(Strict):
    active_power_kw: FiniteFloat
    reason: str
    was_limited: bool
    mode: Literal["idle", "charge", "discharge"]


class Case(Strict):
    name: Name
    description: str = ""
    snapshot: Seen
    limits: Limits
    request: Asked
    expected: Expected


class NativeCases(Strict):
    schema_version: Literal["v1", "native-parity-cases.v1"]
    tolerance_active_power_kw: NonNegativeFloat
    asset_baseline: str = ""
    cases: Annotated[list[Case], Field(min_length=1)]


# --- reading ----------------------------------------------------------------------------------------------------------

Model = TypeVar("Model", bound=Strict)


def is_manifest(path: Path) -> bool:
    """Whether the file calls itself a replay manifest: what `replay` asks of a file that is no recording."""
    try:
        with path.open("rb") as file:
            if not file.read(64).lstrip().startswith(b"{"):  # a recording may be larger than the memory
                return path.suffix == ".json"
        value = read(path.read_bytes(), MOST_BYTES)
    except (OSError, JsonError):
        return path.suffix == ".json"  # a broken one is refused as a manifest, with its place
    return isinstance(value, dict) and "schema_version" in value and "fixture" in value


def manifest(path: Path) -> Manifest:
    """The manifest of a replay set, with the schemas that its kind needs. Raises `ManifestError`."""
    found = load(path, Manifest)
    for place, named, wanted in zip(
        ("fixture", "golden"), (found.fixture, found.golden), SCHEMAS[found.kind], strict=True
    ):
        if named.schema_version != wanted:
            what = f"a set of kind {found.kind} needs {wanted}, not {named.schema_version}"
            raise ManifestError(path, f"$.{place}.schema_version", what)
    return found


def named(path: Path, reference: File, where: str) -> Path:
    """The file that a manifest names. Raises `ManifestError` when it leaves its folder or is not there."""
    written = reference.path.removeprefix(REPOSITORY)
    if Path(written).is_absolute() or ".." in Path(written.replace("\\", "/")).parts:
        raise ManifestError(path, f"$.{where}.path", f"{reference.path} leaves the folder of the manifest")
    folder = path.resolve().parent
    bases = (folder, *folder.parents) if reference.path.startswith(REPOSITORY) else (folder,)
    found = next((base / written for base in bases if (base / written).is_file()), None)
    if found is None:
        raise ManifestError(path, f"$.{where}.path", f"there is no file {reference.path}")
    return found


def load(path: Path, model: type[Model]) -> Model:
    """One file of a set. Raises `ManifestError` with its first problem."""
    try:
        value = read(path.read_bytes(), MOST_BYTES)
        return model.model_validate(value)
    except OSError as error:
        raise ManifestError(path, "", f"cannot be read: {error.strerror}") from None
    except JsonError as error:
        raise ManifestError(path, "", str(error)) from None
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
        raise ManifestError(path, f"${place}", first["msg"].removeprefix("Value error, ")) from None
