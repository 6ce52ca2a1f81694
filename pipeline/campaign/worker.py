"""A process that lives cases: one request per line on standard input, one answer per line on standard output.

    {"seed": 17}  {"seed": 17, "verbose": true}  {"case": {…}}        →  what `Life.as_json` tells
    {"canary": 17}                                                    →  a life in which a check that must fail judges

    python -m pipeline.campaign.worker [--mutant NAME]

Nothing of the product is imported before a mutant is in place. A case that ends in an exception is a finding, too.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import traceback
from typing import Any


def main(arguments: list[str]) -> None:
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else is printed is no answer
    if arguments[:1] == ["--mutant"]:
        from pipeline.campaign.mutation import in_place

        in_place(arguments[1])
    from loguru import logger

    logger.remove()
    for line in sys.stdin:
        answers.write(json.dumps(_answer(json.loads(line))) + "\n")
        answers.flush()


def _answer(request: dict[str, Any]) -> dict[str, Any]:
    try:
        told = _lived(request)
    except Exception as error:
        seed = request.get("seed", request.get("case", {}).get("seed", 0))
        at = traceback.format_exc()[-2000:]
        told = {"seed": seed, "asset_ticks": 0, "digest": "", "error": repr(error), "at": at}
    return told | {"rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}


def _lived(request: dict[str, Any]) -> dict[str, Any]:
    from pipeline.campaign.case import Case
    from pipeline.campaign.life import live

    if "canary" in request:
        from pipeline.campaign.canary import nobody_ever_gets_power

        return live(int(request["canary"]), judge=lambda _case, trace: nobody_ever_gets_power(trace)).as_json()
    what = Case.from_json(request["case"]) if "case" in request else int(request["seed"])
    return live(what, verbose=bool(request.get("verbose"))).as_json()


if __name__ == "__main__":
    main(sys.argv[1:])
