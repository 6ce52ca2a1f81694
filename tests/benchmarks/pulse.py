"""`python -m tests.benchmarks.pulse CYCLE REPORT`: a loop that does nothing but tick, until SIGTERM.

Run beside the process under test it says how late ticks are on this machine at this hour with no work at all.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from pathlib import Path

from pipeline.ticker import Ticker


async def main(cycle_s: float, report: Path) -> None:
    late_s: list[float] = []
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    ticker = Ticker(cycle_s, lambda _tick: None, on_late=late_s.append)
    ticker.start()
    await stop.wait()
    ticker.stop()
    report.write_text(json.dumps({"late_s": late_s, "missed": ticker.missed}))


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]), Path(sys.argv[2])))
