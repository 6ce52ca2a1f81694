"""Any sequence of inputs whatever: commands stay inside the band of their own tick, and within the ramp.

hypothesis drives the chain as a plant and its people would, and as broken ones would; after every tick the invariants
S1 to S7, S10, S11 and H4 of the safety analysis are checked on what was sent, with numbers of the test's own.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from jit.codes import Authority, State, WriteStatus
from operators.cut import Command
from sources.act import ActKind
from sources.reading import Reading
from sources.schedule import ScheduleType, Withdrawal
from tests.rig import Rig, site

ASSETS = ("b1", "b2")
UP, DOWN, SERVICE = 30.0, 45.0, 10.0  # kW/s; the service's ramp per asset
RESOLUTION = 0.1
RUN = {State.IDLE, State.CHARGING, State.DISCHARGING, State.LIMITED}
assets = st.sampled_from(ASSETS)
powers = st.sampled_from([0.0, 5.0, -5.0, 80.0, -80.0, 300.0, -300.0, 1e9, -1e9])


class Plant(RuleBasedStateMachine):
    """Two batteries, a meter, schedules, a service, operators, and all that can go wrong with them."""

    @initialize(cycle=st.sampled_from(["1 s", "100 ms"]), stop=st.sampled_from([None, 25.0]), other=powers)
    def build(self, cycle: str, stop: float | None, other: float) -> None:
        plain = site(2, fcr_kw=100.0, cycle=cycle)
        changed = {
            name: asset.model_copy(
                update={"ramp": asset.ramp.model_copy(update={"up": UP, "down": DOWN, "stop": stop})}
            )
            for name, asset in plain.assets.items()
        }
        limits = {"import_limit": 400.0, "export_limit": 260.0, "max_load": 20.0, "max_pv": 20.0}
        self.rig = Rig(plain.model_copy(update={"assets": changed, "site": plain.site.model_copy(update=limits)}))
        self.rig.other_kw = float(np.clip(other, -300.0, 300.0))
        self.version = 0
        self.rig.ready()

    @rule(
        kind=st.sampled_from(["day_ahead", "intraday", "commitment"]),
        power=powers,
        asset=st.none() | assets,
        start=st.sampled_from([0.0, 1.0, 3.0]),
        length=st.sampled_from([0.5, 4.0, 900.0]),
    )
    def schedule(self, kind: str, power: float, asset: str | None, start: float, length: float) -> None:
        self.version += 1
        self.rig.schedule(kind, power, asset, start_s=start, end_s=start + length, version=self.version)

    @rule(kind=st.sampled_from(list(ScheduleType)), asset=st.none() | assets)
    def withdraw(self, kind: ScheduleType, asset: str | None) -> None:
        self.rig.signal(Withdrawal(kind, asset))

    @rule(kind=st.sampled_from(list(ActKind)), asset=st.none() | assets)
    def order(self, kind: ActKind, asset: str | None) -> None:
        self.rig.act(kind, asset)

    @rule(
        asset=assets,
        point=st.sampled_from(["soc", "power", "temperature", "charge_limit", "discharge_limit"]),
        value=st.sampled_from([0.0, 5.0, 9.0, 11.0, 26.0, 50.0, 89.0, 91.0, 250.0, -40.0, 1e9, float("inf")]),
    )
    def measure(self, asset: str, point: str, value: float) -> None:
        setattr(self.rig.batteries[asset], point, value)

    @rule(asset=assets, name=st.sampled_from(["available", "remote", "answers", "beats", "follows"]), yes=st.booleans())
    def toggle(self, asset: str, name: str, yes: bool) -> None:
        setattr(self.rig.batteries[asset], name, yes if name in ("answers", "beats", "follows") else float(yes))

    @rule(asset=assets, bits=st.sampled_from([0.0, 0.0, 1.0, 4.0]))
    def alarm(self, asset: str, bits: float) -> None:
        self.rig.batteries[asset].alarms = bits

    @rule(asset=assets, points=st.sets(st.sampled_from(["soc", "power", "alarms", "charge_limit", "heartbeat"])))
    def lose(self, asset: str, points: set[str]) -> None:
        self.rig.batteries[asset].missing = points

    @rule(asset=assets, status=st.sampled_from([None, *WriteStatus]), delay=st.sampled_from([0.0, 1.5]))
    def answer(self, asset: str, status: WriteStatus | None, delay: float) -> None:
        self.rig.batteries[asset].outcome = status
        self.rig.batteries[asset].delay_s = delay

    @rule(frequency=st.sampled_from([50.0, 49.8, 50.2, 49.95, 0.0, float("nan")]), answers=st.booleans())
    def grid(self, frequency: float, answers: bool) -> None:
        self.rig.frequency, self.rig.meter_answers = frequency, answers

    @rule(asset=assets)
    def nonsense(self, asset: str) -> None:
        self.rig.signal(Reading(asset, self.rig.now_s, np.full(11, np.nan), np.full(11, 1)))
        self.rig.signal("nonsense")

    @rule(dt=st.sampled_from([0.05, 1.0, 2.5, 40.0]))
    def late(self, dt: float) -> None:
        self.before()
        self.rig.tick(dt)
        self.judge()

    @rule(ticks=st.integers(1, 8))
    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.before()
            self.rig.tick()
            self.judge()

    def before(self) -> None:
        self.past = self.rig.frame
        self.sent = self.rig.sent[-1]

    def judge(self) -> None:
        """The invariants, on one tick."""
        rig, frame = self.rig, self.rig.frame
        assert (frame["fault"] == 0).all(), rig.errors
        assert not [error for error in rig.errors if error[0] != "snapshot"]
        total = Fraction(0)
        for column, command in enumerate(rig.sent[-1]):
            state = State(int(frame["state"][column]))
            if command is None:
                assert frame["authority"][column] == Authority.SILENT
                continue
            low, high = frame["low_kw"][column], frame["high_kw"][column]
            assert np.isfinite(command.power_kw)
            assert low <= command.power_kw <= high, "S2: inside the band of its own tick"
            assert abs(command.power_kw) <= 250.0
            if state in (State.FAULT, State.EMERGENCY_STOP, State.MAINTENANCE, State.STANDBY):
                assert command.power_kw == 0.0, "S3, S11"
            total += Fraction(command.power_kw)
            self.within_ramp(column, command)
        sent = [command.power_kw for command in rig.sent[-1] if command is not None]
        assert not (sent and max(sent) > 0.0 and min(sent) < 0.0), "S5: one direction"
        assert frame.at_site("total_kw") <= max(0.0, frame.at_site("site_high_kw")) + self.unproven(1.0) + 1e-6
        assert frame.at_site("total_kw") >= min(0.0, frame.at_site("site_low_kw")) - self.unproven(-1.0) - 1e-6

    def unproven(self, sign: float) -> float:
        """What batteries that stop along their ramp still give: already taken from the site's room."""
        frame = self.rig.frame
        stops = (frame["may_charge"] != 2) | (frame["quality"] != 1) | (frame["conditions"] & 8192 == 0)
        return float(np.clip(sign * frame["command_kw"][stops], 0.0, None).sum())

    def within_ramp(self, column: int, command: Command) -> None:
        """S7: away from zero no faster than the ramp and the service's own; toward zero limits may be faster."""
        before = self.sent[column]
        origin = before.power_kw if before is not None else float(np.nan_to_num(self.rig.frame["power_kw"][column]))
        dt = self.rig.frame.dt_ramp
        grown = abs(command.power_kw) - (abs(origin) if origin * command.power_kw > 0.0 else 0.0)
        allowed = (UP + SERVICE + DOWN * (origin * command.power_kw <= 0.0)) * dt
        assert grown <= allowed + 2 * RESOLUTION, "S7: away from zero along the ramp"

    @invariant()
    def stops_stand(self) -> None:
        if hasattr(self, "rig"):
            frame = self.rig.frame
            stopped = frame["stopped"] == 2
            assert (frame["state"][stopped] == State.EMERGENCY_STOP).all()
            assert (frame["command_kw"][stopped] == 0.0).all()


Plant.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestAnySequence = Plant.TestCase
