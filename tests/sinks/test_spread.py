"""A spread counts what prometheus' own histogram counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram

from sinks.spread import BUCKETS, Spread


def test_it_counts_like_the_librarys_histogram() -> None:
    spread, theirs = Spread(), Histogram("h", "h", buckets=BUCKETS, registry=CollectorRegistry())
    for seconds in (0.0, *BUCKETS, 0.0012, 4.9, 5.1, 3600.0, float("inf")):
        spread.observe(seconds)
        theirs.observe(seconds)
    told = {sample.labels["le"]: sample.value for sample in next(iter(theirs.collect())).samples if sample.labels}
    assert dict(spread.buckets()) == told
    assert spread.total == float("inf")


def test_nothing_observed_is_nothing_counted() -> None:
    assert {count for _, count in Spread().buckets()} == {0.0}
