"""What every error code means, for `docs E203`: a title, why it is refused, and an example of both.

E0 YAML     E1 shape     E2 values and units     E3 safety     E4 live and reload     E5 profiles     E6 tests
"""

from __future__ import annotations

from textwrap import fill, indent

from config.codes_of_language import SHAPE, VALUES, YAML
from config.codes_of_plant import PROFILES, SAFETY
from config.codes_of_tests import TESTS
from config.explanation import Explanation

FAMILIES = {
    "E0": "YAML",
    "E1": "shape",
    "E2": "values and units",
    "E3": "safety",
    "E4": "live and reload",
    "E5": "profiles",
    "E6": "tests",
}

EXPLANATIONS: dict[str, Explanation] = {**YAML, **SHAPE, **VALUES, **SAFETY, **PROFILES, **TESTS}


def explain(code: str) -> str | None:
    """The page of one code as text, or None when there is no such code."""
    explanation = EXPLANATIONS.get(code.upper())
    if explanation is None:
        return None
    lines = [f"{code.upper()}: {explanation.title} ({FAMILIES[code.upper()[:2]]})", "", fill(explanation.text, 100)]
    for name, example in (("wrong", explanation.wrong), ("right", explanation.right)):
        if example:
            lines += ["", f"{name}:", indent(example, "    ")]
    return "\n".join(lines) + "\n"
