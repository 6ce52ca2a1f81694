"""Reading replay sets: strict, with the file, the place and the reason of every refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.earlier.manifest import SCHEMAS, ManifestError, is_manifest, manifest, named
from pipeline.earlier.replay import replayed
from tests.pipeline.earlier.sets import case, command, core_set, record, telemetry_set, write
from tests.pipeline.earlier.sets import manifest as written

pytestmark = pytest.mark.req("LH-TEST-004")

Change = Callable[[dict[str, Any]], Any]


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        (lambda m: m.pop("determinism"), "$.determinism", "Field required"),
        (lambda m: m.update(extra=1), "$.extra", "Extra inputs"),
        (lambda m: m.update(schema_version="replay-manifest.v2"), "$.schema_version", "replay-manifest.v1"),
        (lambda m: m.update(kind="something"), "$.kind", "telemetry-control-cycle"),
        (lambda m: m["tolerances"].update(active_power_kw_abs=-1.0), "$.tolerances.active_power_kw_abs", "greater"),
        (lambda m: m["tolerances"].update(active_power_kw_abs="0"), "$.tolerances.active_power_kw_abs", "number"),
        (lambda m: m["determinism"].update(mode="roughly"), "$.determinism.mode", "strict"),
        (lambda m: m["schema"].update(required_fields=[1]), "$.schema.required_fields[0]", "string"),
        (lambda m: m["fixture"].update(schema_version="native-parity-cases.v1"), "$.fixture.schema_version", "needs"),
        (lambda m: m["fixture"].update(path="../fixture.json"), "$.fixture.path", "leaves the folder"),
        (lambda m: m["golden"].update(path="/etc/passwd"), "$.golden.path", "leaves the folder"),
        (lambda m: m["golden"].update(path="repo://a/../../golden.json"), "$.golden.path", "leaves the folder"),
        (lambda m: m["golden"].update(path="nowhere.json"), "$.golden.path", "there is no file"),
    ],
)
def test_a_broken_manifest_is_refused_with_its_place(tmp_path: Path, change: Change, place: str, said: str) -> None:
    path = telemetry_set(tmp_path, [record(0)], [command(0, 0.0)])
    value = json.loads(path.read_text(encoding="utf-8"))
    change(value)
    write(tmp_path, "manifest.json", value)
    with pytest.raises(ManifestError, match=said) as refused:
        replayed(path)
    assert (refused.value.file, refused.value.where) == (path, place)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("manifest.json", "{", "not JSON at line 1"),
        ("manifest.json", '{"kind": 1, "kind": 2}', "appears twice"),
        ("fixture.json", '{"schema_version": "telemetry-replay-fixture.v1", "records": []}', "at least 1"),
        ("fixture.json", '{"schema_version": "telemetry-replay-fixture.v1", "records": [NaN]}', "NaN is not JSON"),
        ("golden.json", '{"schema_version": "telemetry-golden-command.v1"}', "Field required"),
    ],
)
def test_a_broken_file_of_the_set_is_refused_by_name(tmp_path: Path, file: str, text: str, said: str) -> None:
    path = telemetry_set(tmp_path, [record(0)], [command(0, 0.0)])
    (tmp_path / file).write_text(text, encoding="utf-8")
    with pytest.raises(ManifestError, match=said) as refused:
        replayed(path)
    assert refused.value.file == tmp_path / file


def test_an_instant_without_a_zone_is_refused(tmp_path: Path) -> None:
    late = record(0) | {"timestamp_utc": "2026-03-02T12:00:00"}
    with pytest.raises(ManifestError, match="ending in Z") as refused:
        replayed(telemetry_set(tmp_path, [late], [command(0, 0.0)]))
    assert refused.value.where == "$.records[0].timestamp_utc"


def test_a_missing_manifest_is_an_error_and_no_traceback(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="cannot be read"):
        manifest(tmp_path / "none.json")


def test_paths_of_the_repository_are_found_above_the_manifest(tmp_path: Path) -> None:
    deep = tmp_path / "sets" / "one"
    deep.mkdir(parents=True)
    write(tmp_path, "cases.json", {})
    reference = written("native-control-parity", ("repo://cases.json", "native-parity-cases.v1"),
                        ("repo://cases.json", "native-parity-cases.v1"))  # fmt: skip
    path = write(deep, "manifest.json", reference)
    assert named(path, manifest(path).fixture, "fixture") == (tmp_path / "cases.json").resolve()


@pytest.mark.parametrize("kind", ["local-mpc-engine-comparison", "optimization-core-sidecar-comparison"])
def test_sets_about_an_optimiser_are_told_apart(tmp_path: Path, kind: str) -> None:
    fixture, golden = SCHEMAS[kind]
    write(tmp_path, "fixture.json", {})
    path = write(tmp_path, "manifest.json", written(kind, ("fixture.json", fixture), ("fixture.json", golden)))
    with pytest.raises(ManifestError, match="an optimiser's plans"):
        replayed(path)


def test_a_manifest_is_known_by_what_it_holds(tmp_path: Path) -> None:
    path = core_set(tmp_path, case("one", 0.0, (0.0, "within-limits")))
    (tmp_path / "recording.bessrec").write_bytes(b"BESSREC1")
    assert is_manifest(path)
    assert not is_manifest(tmp_path / "recording.bessrec")
    assert not is_manifest(tmp_path / "cases.json")
