"""`python -m pipeline.database DIRECTORY`: the embedded PostgreSQL as a process of its own, for the demo's supervisor.

It writes the ready file with the database's URL once the server answers, and removes it at the end. It ends with 0 on
SIGTERM or SIGINT after an orderly shutdown, and with 1 when the server died, so that the supervisor starts both again.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

from pipeline.embedded import EmbeddedError, embedded

CHECK_S = 0.2


def serve(directory: Path, ready_file: Path, stop: threading.Event) -> int:
    """Run the server until `stop` is set. Returns the exit code."""
    ready_file.unlink(missing_ok=True)
    try:
        with embedded(directory) as server:
            unfinished = ready_file.with_suffix(".unfinished")
            unfinished.write_text(json.dumps({"url": server.url, "pid": server.pid}))
            unfinished.replace(ready_file)
            while not stop.wait(CHECK_S):
                if not server.alive():
                    sys.stderr.write("database: the server has ended\n")
                    return 1
    except EmbeddedError as error:
        sys.stderr.write(f"database: {error}\n")
        return 1
    finally:
        ready_file.unlink(missing_ok=True)
    return 0


def main(arguments: list[str]) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    directory, ready_file = (Path(argument) for argument in arguments)
    return serve(directory, ready_file, stop)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
