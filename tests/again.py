"""What failed in the last run of the tests, once more, each test alone in a process of its own.

    make test AGAIN=1

Tests of real parts share two cores with every other test. One that a busy machine disturbed passes alone and is named
here as unsteady, to be mended; one that is wrong fails again. More than a few is no accident and is not tried again.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

FAILED = Path(".pytest_cache/v/cache/lastfailed")
MOST = 3


def failed(file: Path) -> list[str]:
    """The tests that failed in the last run; none when it did not get as far as to say so."""
    return sorted(json.loads(file.read_text())) if file.is_file() else []


def passes(test: str) -> bool:
    return subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", test], check=False).returncode == 0


def again(tests: list[str]) -> str:
    """The sentence that names what is wrong; empty when each of a few tests passed alone."""
    if not 0 < len(tests) <= MOST:
        return f"{len(tests)} tests failed; one to {MOST} are tried again"
    return ", ".join(test for test in tests if not passes(test))


if __name__ == "__main__":
    tests = failed(FAILED)
    if wrong := again(tests):
        sys.exit(f"failed: {wrong}")
    print(f"UNSTEADY, failed beside the others and passed alone: {', '.join(tests)}")
