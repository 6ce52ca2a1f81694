"""How a process ends or stands still: at rest, at any await, in the middle of a message, with or without the machine.

    fate = Fate(world)
    fate.kill(callbacks=17)        # SIGKILL after the 17th callback from now: any await is such a point
    fate.kill(octets=23)           # … when 23 more bytes have left: in the middle of a write
    fate.terminate(callbacks=5)    # SIGTERM there
    fate.freeze(12.0)              # SIGSTOP: time passes, devices live on, what they say waits
    fate.suspend(600.0)            # the machine sleeps; `counted=False`: none of its clocks knows (a paused guest)
    fate.cut_power()               # SIGKILL, and the disk keeps what was forced to it

After each of them the world lives on without the process, or with it where it only stood still; `World.boot` starts the
next one on the same folder.
"""

from __future__ import annotations

import asyncio
from typing import Any

from pipeline.simulation.loop import Burnt
from pipeline.simulation.mqtt_world import MqttWorld
from pipeline.simulation.net import Transport
from pipeline.simulation.pushed import Pushed
from pipeline.simulation.world import World

#: A point that is not reached within so much time is not reached (s).
PATIENCE_S = 30.0
OUTSIDE: tuple[Any, ...] = (Transport._arrive, Pushed._arrive, MqttWorld._publish)


class Fate:
    """What happens to the process of a world."""

    def __init__(self, world: World) -> None:
        self.world = world

    def kill(self, *, callbacks: int = 0, octets: int = 0) -> bool:
        """SIGKILL, now or at that point. False: the point was not reached, and the process lives."""
        world = self.world
        if octets:
            world.net.left, world.net.spoken = octets, self._last_word
        reached = not (callbacks or octets) or self._until(callbacks)
        world.net.left = None
        if reached:
            world.kill()
        return reached

    def terminate(self, *, callbacks: int = 0) -> bool:
        """SIGTERM, now or at that point. True when 0 kW was confirmed everywhere."""
        if callbacks:
            self._until(callbacks)
        return self.world.terminate()

    def freeze(self, seconds: float) -> None:
        """The process stands still; what it sent before arrives, what comes back waits until it goes on."""
        world, loop = self.world, self.world.loop
        world.trace.healthy = False
        end_s = loop.now_s + seconds
        world.trace.stalled.append((loop.now_s, end_s))
        while under_way := [h for _, h in loop._scheduled if not h.cancelled() and h.when() <= end_s and _outside(h)]:
            first = min(under_way, key=lambda handle: handle.when())
            loop.now_s = max(loop.now_s, first.when())
            first._run()
            first.cancel()
        loop.now_s = end_s
        world.advance()

    def suspend(self, seconds: float, *, counted: bool = True, left: str = "standing") -> None:
        """The machine sleeps and wakes. Its connections are `left` standing, forgotten by the other side, or reset.

        `counted`: its clocks know how long that was (the loop's counts sleep: `pipeline.awake`). Else it is a guest
        that was paused: nothing in it can know, until what devices say tells; its wall clock is late from then on.
        """
        if counted:
            self.freeze(seconds)
        else:
            self.world.lapse(seconds)
        for line in self.world.net.lines.values():
            if left == "reset":
                line.break_()
            elif left == "forgotten":
                line.forget()

    def cut_power(self) -> None:
        """The machine goes down with the process, and comes up with what its disk has kept."""
        self.world.kill()
        self.world.disk.cut_power()

    def _until(self, callbacks: int) -> bool:
        """Live up to a point. True when it was reached."""
        loop = self.world.loop
        loop.fuse = callbacks
        try:
            loop.pass_time(PATIENCE_S)
        except Burnt:
            return True
        finally:
            loop.fuse = 0
        return False

    def _last_word(self) -> None:
        """The last byte has left: nothing more is heard of it, and it ends with the callback it is in."""
        self.world.net.disconnect_all()
        self.world.loop.fuse = 1


def _outside(handle: asyncio.TimerHandle) -> bool:
    """Whether this happens at a device, and not in the process."""
    callback: Any = handle._callback  # type: ignore[attr-defined]
    function: Any = getattr(callback, "__func__", None)
    return function in OUTSIDE or getattr(function, "__module__", "").startswith("simulator.")
