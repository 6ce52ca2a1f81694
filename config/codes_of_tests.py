"""The codes E6: what can be wrong with the tests of a definition."""

from __future__ import annotations

from config.explanation import Explanation

TESTS = {
    "E601": Explanation(
        "no such quantity",
        "A test sets and reads quantities by node id: points and rows of an asset, meters, requests, services. `docs "
        "test` lists them.",
        "- { at: 30 s, bess1.discharge_limt: 37 kW }",
        "- { at: 30 s, bess1.discharge_limit: 37 kW }",
    ),
    "E602": Explanation(
        "an expectation without time or content",
        "It says when (`at`) and what, or what holds `always`, or what holds `never`: one of the three.",
        "- { bess1.command: 33 kW }",
        "- { at: 30 s, bess1.command: 33 kW }",
    ),
    "E603": Explanation(
        "a quantity that cannot be set here",
        "What the chain gives is expected, not set; a `state` is given before 0 s; an operator's act has an instant "
        "and stands under `timeline`.",
        "given: { bess1.command: 37 kW }",
        "expect: [ { at: 1 s, bess1.command: 37 kW } ]",
    ),
    "E604": Explanation(
        "not a comparison",
        "`always` and `never` take a node id, one of `<=`, `<`, `=`, `>`, `>=` and a value, with spaces between.",
        'always: "site.export below 800 kW"',
        'always: "site.export <= 800 kW"',
    ),
    "E605": Explanation(
        "a value that this never has",
        "Some quantities are words: states, permissions, `missing` and `stale`; a reason is `stage/cause`.",
        "- { at: 30 s, bess1.state: stoped }",
        "- { at: 30 s, bess1.state: stopped }",
    ),
    "E606": Explanation(
        "two that cannot be compared",
        "Both sides are of one kind, and words are compared with `=` alone.",
        'always: "bess1.command <= bess1.soc"',
        'always: "bess1.command <= bess1.discharge_limit"',
    ),
    "E607": Explanation(
        "a test that is too long",
        "A test lasts a week at most; a day at a cycle of 1 s takes about ten seconds.",
        "- { at: 30 d, bess1.soc: 50 % }",
        "- { at: 3 d, bess1.soc: 50 % }",
    ),
    "E608": Explanation(
        "a test file without a definition",
        "`site_test.yaml` and `site_winter_test.yaml` hold tests of `site.yaml`, which stands beside them.",
        "winter_test.yaml    # beside site.yaml",
        "site_winter_test.yaml",
    ),
}
