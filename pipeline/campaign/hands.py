"""Workers as processes: each asked one thing at a time, all of them at once, none for longer than it may take.

    with Hand() as hand: told = hand.ask({"seed": 17})

A worker that ends or stands still is a finding of the request it had, and is replaced; so is one that has grown.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 300.0
MOST_MB = 700

Request = dict[str, Any]
Told = dict[str, Any]


@dataclass
class Hand:
    """One worker. `hash_seed` is its PYTHONHASHSEED; a random one when empty."""

    mutant: str = ""
    hash_seed: str = ""
    patience_s: float = PATIENCE_S
    _process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.drop()

    def drop(self) -> None:
        """End the worker; the next question starts another."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    pipe.close()

    def ask(self, request: Request) -> Told:
        """The answer; where there is none, what is known instead: `error` says so."""
        process = self._process = self._process or self._start()
        requests, answers = cast(IO[str], process.stdin), cast(IO[str], process.stdout)  # both are pipes
        try:
            requests.write(json.dumps(request) + "\n")
            requests.flush()
            late = not select.select([answers], [], [], self.patience_s)[0]
            line = "" if late else answers.readline()
        except OSError:
            late, line = False, ""
        if not line:
            said = f"no answer within {self.patience_s:g} s" if late else "the worker ended"
            self.drop()
            return {"seed": request.get("seed", 0), "asset_ticks": 0, "digest": "", "error": said}
        told: Told = json.loads(line)
        if told.get("rss_mb", 0) > MOST_MB:
            self.drop()
        return told

    def _start(self) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "pipeline.campaign.worker"]
        environment = {**os.environ, "PYTHONHASHSEED": self.hash_seed or "random"}
        if "PYTHONSAFEPATH" not in environment:
            environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), environment.get("PYTHONPATH")]))
        return subprocess.Popen(
            command + (["--mutant", self.mutant] if self.mutant else []),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
        )  # fmt: skip


def asked(requests: Iterable[Request], jobs: int, *, hash_seeds: Iterable[str] = ()) -> Iterator[Told]:
    """The answers to all requests, as they come; a request is drawn when a worker is free for it."""
    seeds = list(hash_seeds) or [""]
    hands = [Hand(hash_seed=seeds[job % len(seeds)]) for job in range(jobs)]
    waiting = iter(requests)
    with ThreadPoolExecutor(jobs) as pool:
        running: dict[Future[Told], Hand] = {}

        def give(hand: Hand) -> None:
            request = next(waiting, None)
            if request is not None:
                running[pool.submit(hand.ask, request)] = hand

        try:
            for hand in hands:
                give(hand)
            while running:
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    give(hand := running.pop(future))
                    yield future.result()
        finally:
            for hand in hands:
                hand.drop()


def each(jobs: int, items: Iterable[Any], work: Callable[[Any], Told]) -> Iterator[Told]:
    """What `work` finds for each item, so many at once, as they come."""
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, item) for item in items]
        while futures:
            done, _ = wait(futures, return_when=FIRST_COMPLETED)
            for future in done:
                futures.remove(future)
                yield future.result()
