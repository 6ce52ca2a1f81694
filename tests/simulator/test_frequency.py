"""Grid frequency: a generated day looks like a recorded one, and a recording may hold anything."""

from __future__ import annotations

import gzip
import itertools
import os
import statistics
from pathlib import Path

import pytest

from simulator import frequency


@pytest.mark.req("LH-TEST-003")
@pytest.mark.parametrize("seed", [1, 7])
def test_the_generated_day_has_the_statistics_of_the_grid(seed: int) -> None:
    values = frequency.generated(seed).values
    assert len(values) == 86_400
    assert statistics.fmean(values) == pytest.approx(50.0, abs=0.005)
    assert statistics.pstdev(values) == pytest.approx(0.022, rel=0.15)
    assert 49.85 < min(values) < 49.95
    assert 50.05 < max(values) < 50.15
    steps = [there - here for here, there in itertools.pairwise(values)]
    assert statistics.pstdev(steps) < 0.003
    assert abs(values[0] - values[-1]) < 1e-9  # it loops without a jump


def test_the_same_seed_gives_the_same_day_and_another_does_not() -> None:
    first, again, other = frequency.generated(1, 600), frequency.generated(1, 600), frequency.generated(2, 600)
    assert first.values == again.values
    assert first.values != other.values


def test_between_two_seconds_it_is_linear_and_after_the_end_it_starts_anew() -> None:
    series = frequency.Frequency(frequency.parse(["50.0", "50.1", "49.9"]), "test")
    assert series.at(0.5) == pytest.approx(50.05)
    assert series.at(2.5) == pytest.approx(49.95)
    assert series.at(4.0) == pytest.approx(50.1)


BAD = (
    b"frequency,time,phase,d\n49.997,03.09.2024 00:00:00,155.3,7.0\n\n"
    b"0.0,x,1,2\nnan,,,\n\xff\xfe,\n51,ok\n999,,\n50.01,,,\n"
)


@pytest.mark.parametrize("name", ["day.csv", "day.csv.gz"])
def test_bad_lines_keep_the_value_before_them_and_the_time_base(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(gzip.compress(BAD) if name.endswith("gz") else BAD)
    series = frequency.recorded(path)
    assert list(series.values) == [49.997, 49.997, 49.997, 49.997, 49.997, 51.0, 51.0, 50.01]
    assert series.source == name


def test_the_column_is_found_by_its_name() -> None:
    assert list(frequency.parse(["time,frequency", "00:00:00,50.02", "00:00:01"])) == [50.02, 50.02]


@pytest.mark.parametrize("content", [b"", b"time,phase\na,b\n", b"0.0\n"])
def test_a_file_without_a_frequency_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "empty.csv"
    path.write_bytes(content)
    with pytest.raises(frequency.FrequencyError, match=r"empty\.csv"):
        frequency.recorded(path)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(b"no gzip at all")
    for path in (broken, tmp_path / "missing.csv"):
        with pytest.raises(frequency.FrequencyError, match="cannot be read"):
            frequency.recorded(path)


def test_a_recording_is_found_under_the_folder_of_recordings(tmp_path: Path) -> None:
    assert frequency.found({}) is None
    assert frequency.found({"BESS_PIPELINE_DATA": str(tmp_path)}) is None
    (tmp_path / "frequency").mkdir()
    for name in ("b.csv.gz", "a.csv"):
        (tmp_path / "frequency" / name).write_text("50.0\n")
    assert frequency.found({"BESS_PIPELINE_DATA": str(tmp_path)}) == tmp_path / "frequency" / "a.csv"


def test_a_real_recording_is_read_whole() -> None:
    path = frequency.found()
    if path is None:
        pytest.skip(f"no recording under $BESS_PIPELINE_DATA ({os.environ.get('BESS_PIPELINE_DATA')})")
    series = frequency.recorded(path)
    assert len(series.values) > 80_000
    assert statistics.pstdev(series.values) == pytest.approx(0.022, rel=0.3)
