"""F18, F21, F24 to F27 and what people do: clocks, the disk, the life of the process, a stage that raises, a stop."""

from __future__ import annotations

from math import ceil
from typing import Any

from pipeline.simulation.fate import Fate
from pipeline.simulation.faults.kind import End, nothing, put
from pipeline.simulation.world import World
from pipeline.watchdog import LOOKS
from simulator.faults import Fault
from sources.act import ActKind

LOCAL_S = 4.0  # somebody is at the device, and goes away


def clock_step(world: World, _device: str, seconds: float) -> End:
    """The machine's clock is set: by a second (a leap second), an hour (local time taken for UTC), a day."""
    return put(world, "wall_offset_ns", int(seconds * 1e9), 0)


def clock_skew(world: World, _device: str, ppm: float) -> End:
    """The machine's clock runs too fast or too slow."""
    return put(world, "wall_ppm", ppm, 0.0)


def raising(world: World, _device: str, stage: str) -> End:
    """A stage of the chain raises in every tick, until the process ends at the latest."""
    if world.shell is None:
        return nothing
    broken = next(s for s in world.process.stages if s.id == stage)
    began, boot, step = world.loop.time(), world.trace.boots[-1], broken.step

    def raises(_frame: Any) -> None:
        raise ArithmeticError("on purpose")

    def end() -> None:
        broken.step = step
        world.trace.raised.append((began, min(boot.ended_s, world.loop.time())))

    world.trace.healthy = False
    broken.step = raises
    return end


def stop(world: World, device: str, whole_site: float) -> End:
    if world.shell is not None:
        world.act(ActKind.STOP, None if whole_site else device)
    return nothing


def lifted(world: World, device: str, acknowledges: float) -> End:
    """Somebody releases, acknowledges where that is needed, and activates at the end."""
    asset = None if device == "site" else device

    def end() -> None:
        if world.shell is not None:
            world.act(ActKind.ACTIVATE, asset)

    if world.shell is not None:
        world.act(ActKind.RELEASE, asset)
        if acknowledges:
            world.act(ActKind.ACKNOWLEDGE, asset)
    return end


def hasty(world: World, device: str) -> End:
    """Somebody acknowledges a battery and activates it, whether its cause has been clear for long enough or not."""
    if world.shell is not None:
        world.act(ActKind.ACKNOWLEDGE, device)
        world.act(ActKind.ACTIVATE, device)
    return nothing


def forgotten(world: World, device: str, after_s: float) -> End:
    """The process is killed a while after a device was in local control, before anybody has activated it again."""
    world.fault(device, Fault.LOCAL)
    world.run(LOCAL_S)
    world.heal(device, Fault.LOCAL)
    world.run(LOCAL_S)
    return killed(world, device, after_s)


def wish(world: World, device: str, kw: float) -> End:
    """A schedule that supersedes the one before: for the site, or for one battery."""
    world.schedule(kw, asset=None if device == "site" else device)
    return nothing


def besides(world: World, _device: str, kw: float) -> End:
    """What else hangs at the connection: + feeds in."""
    world.poc.other_kw = kw
    return nothing


def killed(world: World, _device: str, after_s: float) -> End:
    """SIGKILL so long after a tick: between any two of the messages that it sends."""
    _after_the_next_tick(world, after_s)
    world.kill()
    return lambda: _boot(world)


def terminated(world: World, _device: str, after_s: float) -> End:
    """SIGTERM so long after a tick."""
    _after_the_next_tick(world, after_s)
    if world.shell is not None:
        world.terminate()
    return lambda: _boot(world)


def stalled(world: World, _device: str, seconds: float) -> End:
    """SIGSTOP: the process stands still and then goes on."""
    if world.shell is not None:
        Fate(world).freeze(seconds)
    return nothing


def suspended(world: World, _device: str, seconds: float, left: str) -> End:
    """The machine sleeps, its clocks count it, and its connections may not have outlived it."""
    if world.shell is not None:
        Fate(world).suspend(seconds, left=left)
    return nothing


def paused(world: World, _device: str, seconds: float, left: str) -> End:
    """A guest is paused: its clocks stand, and its wall clock is set right only some time later."""
    if world.shell is None:
        return nothing
    Fate(world).suspend(seconds, counted=False, left=left)
    return lambda: setattr(world, "late_ns", 0)


def hung(world: World, _device: str, stream: float) -> End:
    """No tick is finished any more, because none begins or because the stream of frames has ended: the watchdog ends
    the process, and its supervisor starts the next.
    """
    if world.shell is None:
        return nothing
    shell = world.shell
    (shell.process.entry.signals.on_completed if stream else shell.process.ticker.stop)()
    for _ in range(2 * LOOKS):
        world.run(shell.watchdog.limit_s / LOOKS)
        if shell.watchdog.starved():
            world.kill()
            break
    return lambda: _boot(world)


def disk_broken(world: World, _device: str, error: float) -> End:
    """The disk is full, or answers with an error."""
    return put(world.disk, "error", int(error), None)


def disk_slow(world: World, _device: str, seconds: float) -> End:
    return put(world.loop, "disk_s", seconds, 0.0)


def power_cut(world: World, _device: str, after_s: float) -> End:
    """The machine goes down with the process; its disk keeps what was forced to it, and a beginning of the rest."""
    _after_the_next_tick(world, after_s)
    Fate(world).cut_power()
    return lambda: _boot(world)


def crash_loop(world: World, _device: str, lives: float, each_s: float) -> End:
    """Killed and started again and again, faster than readings can become fresh."""
    for _ in range(int(lives)):
        world.kill()
        world.run(0.2)
        _boot(world)
        world.run(each_s)
    return nothing


def _after_the_next_tick(world: World, after_s: float) -> None:
    ticks, now = world.trace.ticks, world.loop.time()
    if world.shell is not None and ticks:
        cycles = ceil((now - ticks[-1]) / world.cycle)
        world.run(max(0.0, ticks[-1] + cycles * world.cycle + after_s - now))


def _boot(world: World) -> None:
    """On a disk that is broken no process starts: its supervisor goes on until somebody has mended it."""
    world.disk.error = None
    if world.shell is None:
        world.boot()
