"""Simulates a motion sensor on a white cane: gestures, everyday motion, people and sensor errors; knows no models.

A cane is a rod whose attitude, lift and jolts are drawn as smooth curves; gravity, the lever of the sensor and the
rates of turn follow from them, so all six axes agree with one another. Units are those of an MPU6050's registers at
+-4 g and +-2000 degrees/s. Axes: y along the cane towards the tip (an upright cane at rest reads ay = -8192), x to the
right, z backwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

RATE = 100  # samples a second
ONE_G = 8192  # units of the accelerometer
DEGREE_PER_SECOND = 16.4  # units of the gyroscope
GESTURES = ("double tap", "right twist", "left twist", "twirl", "double swipe")
SILENCE, NOISE = "silence", "noise"
GRAVITY = 9.81

Floats = NDArray[np.float64]


class Event(NamedTuple):
    """Something that happened in a stream: samples ``start`` to ``stop`` (not included)."""

    start: int
    stop: int
    label: str


@dataclass(frozen=True)
class Stream:
    """What a sensor on a cane delivers.

    Attributes
    ----------
    X : int16 ndarray, shape (n, 6)
        ax, ay, az, gx, gy, gz at 100 Hz.
    events : tuple of Event
        Gestures by their names, everything else by the name of the activity.
    user : int
        Who moved the cane.
    """

    X: NDArray[np.int16]
    events: tuple[Event, ...]
    user: int = 0

    @property
    def gestures(self) -> tuple[Event, ...]:
        """The events that are gestures."""
        return tuple(event for event in self.events if event.label in GESTURES)


@dataclass
class Motion:
    """A cane for `count` samples, relative to how it is held.

    Attributes
    ----------
    lean : ndarray, shape (count, 2)
        Turn about x and z in radians.
    twist : ndarray, shape (count,)
        Turn about the cane's own axis, clockwise from above, in radians.
    lift : ndarray, shape (count,)
        Upward acceleration in g.
    jolt : ndarray, shape (count, 3)
        What blows add to the accelerations, in g.
    spin : ndarray, shape (count,)
        What blows add to the rate of twist, in degrees a second.
    lever : float
        Distance of the sensor from the point that rests, in metres along the cane; positive: the tip rests.
    """

    count: int
    lever: float = 0.0
    lean: Floats = field(init=False)
    twist: Floats = field(init=False)
    lift: Floats = field(init=False)
    jolt: Floats = field(init=False)
    spin: Floats = field(init=False)

    def __post_init__(self) -> None:
        self.lean, self.jolt = np.zeros((self.count, 2)), np.zeros((self.count, 3))
        self.twist, self.lift, self.spin = (np.zeros(self.count) for _ in range(3))


@dataclass(frozen=True)
class User:
    """One person with a cane of their own.

    Parameters
    ----------
    seed : int
        Everything else follows from it.
    """

    seed: int

    @property
    def traits(self) -> dict[str, float]:
        """Speed and strength of gestures, lean and turn of the cane in the hand, how the sensor is mounted."""
        rng = np.random.default_rng([self.seed, 1])
        return {
            "speed": rng.uniform(0.78, 1.3),
            "strength": rng.uniform(0.75, 1.35),
            "lean": np.radians(rng.uniform(0, 28)),
            "side": np.radians(rng.uniform(-10, 10)),
            "turn": np.radians(rng.normal(0, 8)),
            "steps": rng.uniform(1.45, 2.1),
            "ring": rng.uniform(7, 13),
            "stiff": rng.uniform(0.1, 0.9),
            "circle": rng.uniform(-0.6, 0.6),
        }

    def mounting(self) -> Floats:
        """Rotation from the cane to the sensor: a turn about the cane and a little tilt."""
        rng = np.random.default_rng([self.seed, 2])
        tilt_x, tilt_z = np.radians(rng.normal(0, 3, 2))
        return _turn_y(np.radians(rng.normal(0, 9))) @ _turn_x(tilt_x) @ _turn_z(tilt_z)


def simulate(user: User, plan: Sequence[tuple[str, float]], seed: int = 0) -> Stream:
    """The stream of a user who follows a plan.

    Parameters
    ----------
    user : User
    plan : sequence of (name, seconds)
        Gestures take the time they take; other activities take `seconds`.
    seed : int
        Varies repetition and noise.

    Returns
    -------
    Stream
    """
    rng = np.random.default_rng([user.seed, 3, seed])
    traits = user.traits
    motions, events, start = [], [], 0
    for name, seconds in plan:
        motion = ACTIVITIES[name](rng, traits, round(seconds * RATE))
        motions.append(motion)
        events.append(Event(start, start + motion.count, name))
        start += motion.count
    return Stream(_sensed(motions, user, traits, rng), tuple(events), user.seed)


def make_plan(rng: np.random.Generator, gestures: int = 10, others: float = 60.0) -> list[tuple[str, float]]:
    """A day in short: gestures in random order at rest, and about `others` seconds of everyday motion between them."""
    names = [GESTURES[i % len(GESTURES)] for i in range(gestures)]
    rng.shuffle(names)
    plan, left = [("resting", 3.0)], others
    for i, name in enumerate(names):
        plan += [(name, 0.0), ("resting", rng.uniform(2.2, 4.0))]
        share = left / (len(names) - i)
        while share > 2:
            seconds = min(share, rng.uniform(4, 10))
            plan += [(str(rng.choice(OTHERS)), seconds), ("resting", rng.uniform(0.5, 3.0))]
            share, left = share - seconds, left - seconds
    return plan


def make_streams(users: Sequence[int], *, repeats: int = 1, gestures: int = 20, others: float = 120.0) -> list[Stream]:
    """Streams of several users, `repeats` each, every one with `gestures` gestures and `others` seconds of the rest."""
    streams = []
    for user in users:
        for repeat in range(repeats):
            plan = make_plan(np.random.default_rng([user, 4, repeat]), gestures, others)
            streams.append(simulate(User(user), plan, repeat))
    return streams


# ---- gestures --------------------------------------------------------------------------------------------------------

Rng, Traits = np.random.Generator, dict[str, float]


def double_tap(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The cane is lifted and dropped on its tip, twice."""
    taps = [_tap(rng, traits), _tap(rng, traits)]
    pause = _samples(rng.uniform(0.0, 0.2), traits)
    count = sum(len(lift) for lift in taps) + pause + 20
    motion = Motion(count)
    end = 0
    for lift in taps:
        motion.lift[end : end + len(lift)] = lift
        end += len(lift)
        _blow(motion, rng, traits, end - 1, rng.uniform(0.15, 0.8) * traits["strength"])
        motion.lift[end : end + 30] += lift[-1] * np.exp(-np.arange(len(motion.lift[end : end + 30])) / 5)
        end += pause
    motion.lean += np.radians(rng.normal(0, 2.0, 2)) * _there_and_back(count)[:, None]
    return motion


def single_tap(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The cane is put down once, harder than it should: no gesture."""
    lift = _tap(rng, traits)
    motion = Motion(len(lift) + 60)
    motion.lift[: len(lift)] = lift
    _blow(motion, rng, traits, len(lift) - 1, rng.uniform(0.15, 0.8) * traits["strength"])
    return motion


def _tap(rng: Rng, traits: Traits) -> Floats:
    """Upward acceleration (g) of a lift and a fall, until the tip meets the ground."""
    up, down = _samples(rng.uniform(0.14, 0.28), traits), _samples(rng.uniform(0.18, 0.4), traits)
    rise = rng.uniform(0.22, 0.5) * traits["strength"]
    fall = min(rng.uniform(0.5, 0.95) * np.sqrt(traits["strength"]), 1.05)
    peak = rng.uniform(0.55, 0.8)  # of the fall is done when it is fastest
    t = np.linspace(0, 1, down)
    falling = np.where(t < peak, np.sin(np.pi / 2 * t / peak), 1 - 0.5 * ((t - peak) / (1 - peak)) ** 2)
    return np.concatenate([rise * np.sin(np.pi * np.linspace(0, 1, up, endpoint=False)), -fall * falling])


def right_twist(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The cane is turned about its axis, clockwise from above, and back."""
    return _twist(rng, traits, 1)


def left_twist(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The cane is turned about its axis, counter-clockwise from above, and back."""
    return _twist(rng, traits, -1)


def _twist(rng: Rng, traits: Traits, sign: int) -> Motion:
    there, stay, back = (_samples(rng.uniform(*span), traits) for span in ((0.25, 0.42), (0.0, 0.2), (0.3, 0.55)))
    angle = sign * np.radians(rng.uniform(50, 90)) * traits["strength"] ** 0.5
    curve = np.concatenate([_smooth(there), np.ones(stay), 1 - _smooth(back) * rng.uniform(0.9, 1.08)])
    motion = Motion(len(curve) + 10, lever=rng.uniform(0.0, 0.3))
    motion.twist[: len(curve)] = angle * curve
    motion.twist[len(curve) :] = angle * curve[-1] * np.linspace(1, 0, 10)
    motion.lean += np.radians(rng.normal(0, 3.0, 2)) * _there_and_back(motion.count)[:, None]
    return motion


def twirl(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The handle draws one circle while the tip rests."""
    count = _samples(rng.uniform(0.8, 1.2), traits)
    motion = Motion(count, lever=0.7)
    radius = np.radians(rng.uniform(5, 9)) * traits["strength"] ** 0.5
    phase = 2 * np.pi * _smooth(count) + traits["circle"] + rng.normal(0, 0.2)
    motion.lean[:, 0] = radius * (np.cos(phase) - np.cos(phase[0]))
    motion.lean[:, 1] = radius * rng.uniform(0.8, 1.2) * (np.sin(phase) - np.sin(phase[0]))
    motion.twist += np.radians(rng.normal(0, 6)) * _there_and_back(count)
    return motion


def double_swipe(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The tip is swung to the side and back, twice, quickly."""
    swings = [_swing(rng, traits) for _ in range(2)]
    motion = Motion(sum(map(len, swings)), lever=-rng.uniform(0.1, 0.3))
    motion.lean[:, 1] = np.concatenate(swings)
    motion.lean[:, 0] = np.radians(rng.normal(0, 3)) * _there_and_back(motion.count)
    motion.twist += rng.uniform(-0.2, 0.2) * motion.lean[:, 1]
    motion.lift += rng.uniform(0.03, 0.12) * np.sin(2 * np.pi * np.linspace(0, 2, motion.count)) * _fade(motion.count)
    return motion


def single_swipe(rng: Rng, traits: Traits, _: int = 0) -> Motion:
    """The tip is swung to the side once, to feel for something: no gesture."""
    swing = _swing(rng, traits)
    motion = Motion(len(swing), lever=-rng.uniform(0.1, 0.3))
    motion.lean[:, 1] = swing
    return motion


def _swing(rng: Rng, traits: Traits) -> Floats:
    count = _samples(rng.uniform(0.42, 0.62), traits)
    return np.radians(rng.uniform(16, 28)) * traits["strength"] ** 0.5 * _there_and_back(count)


# ---- everything else -------------------------------------------------------------------------------------------------


def resting(rng: Rng, traits: Traits, count: int) -> Motion:
    """The cane stands in a quiet hand."""
    motion = Motion(count, lever=0.85)
    amount = np.radians(rng.uniform(0.02, 0.25))
    motion.lean += amount * _wander(rng, count, 2, slow=60)
    motion.twist += amount * _wander(rng, count, 1, slow=40)[:, 0]
    return motion


def walking(rng: Rng, traits: Traits, count: int) -> Motion:
    """Steps, the cane swings along and is put down with every second of them."""
    motion = Motion(count, lever=-0.2)
    frequency = traits["steps"] * rng.uniform(0.92, 1.08)
    phase = 2 * np.pi * frequency * np.arange(count) / RATE + rng.uniform(0, 2 * np.pi)
    phase += 0.3 * _wander(rng, count, 1, slow=80)[:, 0]
    envelope, strength = _fade(count), traits["strength"]
    motion.lift = envelope * strength * rng.uniform(0.1, 0.25) * (np.sin(phase) + 0.4 * np.sin(2 * phase + 1))
    motion.lean[:, 0] = envelope * np.radians(rng.uniform(4, 12)) * np.sin(phase / 2)
    motion.lean[:, 1] = envelope * np.radians(rng.uniform(1, 4)) * np.sin(phase / 2 + rng.uniform(0, 6))
    motion.twist = envelope * np.radians(rng.uniform(1, 5)) * np.sin(phase / 2 + rng.uniform(0, 6))
    for moment in np.flatnonzero(np.diff(np.floor(phase / (4 * np.pi)))):
        _blow(motion, rng, traits, moment, rng.uniform(0.1, 0.7) * strength * envelope[moment])
    return motion


def sweeping(rng: Rng, traits: Traits, count: int) -> Motion:
    """The tip swings from side to side before the steps, and touches the ground at the ends or all the time."""
    motion = Motion(count, lever=-rng.uniform(0.1, 0.3))
    frequency = 0.5 * traits["steps"] * rng.uniform(0.85, 1.1)
    phase = 2 * np.pi * frequency * np.arange(count) / RATE + 0.3 * _wander(rng, count, 1, slow=80)[:, 0]
    envelope = _fade(count)
    motion.lean[:, 1] = envelope * np.radians(rng.uniform(8, 20)) * np.sin(phase)
    motion.lean[:, 0] = envelope * np.radians(rng.uniform(1, 4)) * np.sin(2 * phase + rng.uniform(0, 6))
    motion.twist = envelope * np.radians(rng.uniform(2, 12)) * np.sin(phase + rng.uniform(-0.6, 0.6))
    motion.lift = envelope * rng.uniform(0.03, 0.12) * np.sin(2 * phase + rng.uniform(0, 6))
    if rng.random() < 0.5:
        for moment in np.flatnonzero(np.diff(np.floor(phase / np.pi + 0.5))):
            _blow(motion, rng, traits, moment, rng.uniform(0.05, 0.4) * envelope[moment])
    else:
        motion.jolt += envelope[:, None] * rng.uniform(0.01, 0.06) * rng.standard_normal((count, 3))
    return motion


def knocks(rng: Rng, traits: Traits, count: int) -> Motion:
    """Single blows against kerbs and furniture, from any side."""
    motion = resting(rng, traits, count)
    motion.lever = rng.uniform(0.1, 0.5)
    moment = int(rng.uniform(20, 120))
    while moment < count - 20:
        _blow(motion, rng, traits, moment, rng.uniform(0.2, 1.5), along=False)
        turn = min(count - moment, int(rng.uniform(50, 120)))
        motion.lean[moment : moment + turn] += np.radians(rng.normal(0, 3, 2)) * _there_and_back(turn)[:, None]
        moment += int(rng.uniform(110, 320))
    return motion


def handling(rng: Rng, traits: Traits, count: int) -> Motion:
    """The cane is gripped anew, leaned, turned slowly, put down once, swung once."""
    parts, left = [], count
    while left > 0:
        seconds = rng.uniform(0.6, 2.5)
        part = [_shift_grip, single_tap, single_swipe][rng.integers(3)](rng, traits, round(seconds * RATE))
        rest = resting(rng, traits, int(rng.uniform(60, 200)))
        parts += [part, rest]
        left -= part.count + rest.count
    return _joined(parts, count)


def _shift_grip(rng: Rng, traits: Traits, count: int) -> Motion:
    motion = Motion(max(count, 60), lever=rng.uniform(-0.3, 0.5))
    motion.lean += np.radians(rng.normal(0, 7, 2)) * _there_and_back(motion.count)[:, None]
    motion.twist += np.radians(rng.normal(0, 10)) * _there_and_back(motion.count)
    motion.lift += rng.normal(0, 0.05) * np.sin(2 * np.pi * np.linspace(0, 1, motion.count))
    return motion


OTHERS = ("walking", "sweeping", "knocks", "handling")
ACTIVITIES: dict[str, Callable[[Rng, Traits, int], Motion]] = {
    "double tap": double_tap, "right twist": right_twist, "left twist": left_twist, "twirl": twirl,
    "double swipe": double_swipe, "resting": resting, "walking": walking, "sweeping": sweeping, "knocks": knocks,
    "handling": handling,
}  # fmt: skip


# ---- curves ----------------------------------------------------------------------------------------------------------


def _samples(seconds: float, traits: Traits) -> int:
    return max(2, round(seconds * RATE / traits["speed"])) if seconds > 0 else 0


def _smooth(count: int) -> Floats:
    """From 0 to 1 as a hand moves: with the least jerk."""
    t = np.linspace(0, 1, count)
    return t**3 * (10 - 15 * t + 6 * t**2)


def _there_and_back(count: int) -> Floats:
    half = count // 2
    return np.concatenate([_smooth(count - half), _smooth(half)[::-1]])


def _fade(count: int) -> Floats:
    """1 with soft ends."""
    edge = min(40, count // 3)
    curve = np.ones(count)
    curve[:edge], curve[count - edge :] = _smooth(edge), _smooth(edge)[::-1]
    return curve


def _wander(rng: Rng, count: int, columns: int, slow: int) -> Floats:
    """Smooth noise of deviation 1 that begins and ends at 0."""
    kernel = np.hanning(slow + 2)[1:-1]
    noise = rng.standard_normal((count + slow - 1, columns))
    curves = np.stack([np.convolve(column, kernel / np.sqrt(np.sum(kernel**2)), mode="valid") for column in noise.T])
    return curves.T * _fade(count)[:, None]


def _blow(motion: Motion, rng: Rng, traits: Traits, moment: int, force: float, along: bool = True) -> None:
    """A blow of `force` g (peak): a spike of one or two samples, then the cane rings."""
    count = min(motion.count - moment, 60)
    t = np.arange(count) / RATE
    direction = rng.normal(0, 1, 3) * (np.array([0.3, 1.0, 0.3]) if along else np.array([1.0, 0.4, 1.0]))
    spike = np.zeros(count)
    spike[:3] = np.array([1.0, rng.uniform(-0.7, 0.2), rng.uniform(-0.1, 0.3)])[: min(3, count)]
    ring = np.exp(-t / rng.uniform(0.08, 0.2))
    tone = np.sin(2 * np.pi * traits["ring"] * t * rng.uniform(0.95, 1.05))
    motion.jolt[moment : moment + count] += force * direction * spike[:, None]
    ringing = rng.normal(0, 0.25, 3) * np.array([1, 0.1, 1])
    motion.jolt[moment : moment + count] += force * ringing * (ring * tone)[:, None]
    swing = rng.normal(0, 160) * traits["stiff"] * force
    motion.spin[moment : moment + count] += swing * (spike + 0.3 * (ring * np.cos(2 * np.pi * 12 * t)))


def _joined(parts: Sequence[Motion], count: int) -> Motion:
    """Parts one after the other, cut to `count` samples with a soft end."""
    motion = Motion(count, lever=0.15)
    for name in ("lean", "twist", "lift", "jolt", "spin"):
        whole = np.concatenate([getattr(part, name) for part in parts])[:count]
        soft = np.ones(count)
        soft[-30:] = 1 - _smooth(30)
        setattr(motion, name, whole * (soft[:, None] if whole.ndim == 2 else soft))
    return motion


# ---- the sensor ------------------------------------------------------------------------------------------------------


def _sensed(motions: Sequence[Motion], user: User, traits: Traits, rng: Rng) -> NDArray[np.int16]:
    """Registers of a sensor that goes through these motions."""
    whole = {n: np.concatenate([getattr(m, n) for m in motions]) for n in ("lean", "twist", "lift", "jolt", "spin")}
    lever = _settled(np.concatenate([np.full(m.count, m.lever) for m in motions]), 30)
    count = len(lever)
    lean = whole["lean"] + np.array([traits["lean"], traits["side"]]) + np.radians(1.5) * _wander(rng, count, 2, 300)
    twist = whole["twist"] + traits["turn"] + np.radians(2.0) * _wander(rng, count, 1, 400)[:, 0]
    lean, twist = _settled(lean, 5), _settled(twist, 5)
    accelerations = _accelerations(lean, twist, whole["lift"], lever) + whole["jolt"]
    rates = _rates(lean, twist)
    rates[:, 1] += whole["spin"]
    mounting = user.mounting()
    readings = np.concatenate([accelerations @ mounting.T * ONE_G, rates @ mounting.T * DEGREE_PER_SECOND], axis=1)
    own = np.random.default_rng([user.seed, 5])
    gain = 1 + own.normal(0, 0.01, 6)
    bias = own.normal(0, 1, 6) * np.array([120, 120, 160, 25, 25, 25])
    noise = rng.standard_normal(readings.shape) * np.array([25, 25, 35, 2.5, 2.5, 2.5]) * own.uniform(0.6, 1.6)
    smoothed = readings
    smoothed[1:] = 0.8 * readings[1:] + 0.2 * readings[:-1]  # the sensor's own low-pass filter
    return np.clip(np.rint(smoothed * gain + bias + noise), -32768, 32767).astype(np.int16)


def _accelerations(lean: Floats, twist: Floats, lift: Floats, lever: Floats) -> Floats:
    """What an accelerometer on the cane feels, in g: gravity and lift, and the lever's swing."""
    x, z = lean.T
    up = np.stack([np.sin(z), -np.cos(z) * np.cos(x), np.sin(x) * np.cos(z)], axis=1) * (1 + lift)[:, None]
    turning = np.gradient(lean, axis=0) * RATE
    speeding = np.gradient(turning, axis=0) * RATE
    swing = np.stack([-speeding[:, 1], (turning**2).sum(axis=1), -speeding[:, 0]], axis=1) * (lever / GRAVITY)[:, None]
    return _turned(up + swing, twist)


def _rates(lean: Floats, twist: Floats) -> Floats:
    """Rates of turn about the cane's axes, degrees a second."""
    turning = np.gradient(lean, axis=0)
    world = np.stack([turning[:, 0], np.zeros(len(lean)), turning[:, 1]], axis=1)
    rates = _turned(world, twist)
    rates[:, 1] += np.gradient(twist)
    return np.degrees(rates) * RATE


def _turned(vectors: Floats, twist: Floats) -> Floats:
    """Vectors as a cane sees them that is twisted about y."""
    cos, sin = np.cos(twist), np.sin(twist)
    x, y, z = vectors.T
    return np.stack([cos * x - sin * z, y, sin * x + cos * z], axis=1)


def _settled(curve: Floats, width: int) -> Floats:
    """Without steps: averaged over `width` samples."""
    kernel = np.ones(width) / width
    padded = np.pad(curve, [(width // 2, width - 1 - width // 2)] + [(0, 0)] * (curve.ndim - 1), mode="edge")
    if curve.ndim == 1:
        return np.convolve(padded, kernel, mode="valid")
    return np.stack([np.convolve(column, kernel, mode="valid") for column in padded.T], axis=1)


def _turn_x(angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])


def _turn_y(angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, 0, sin], [0, 1, 0], [-sin, 0, cos]])


def _turn_z(angle: float) -> Floats:
    cos, sin = np.cos(angle), np.sin(angle)
    return np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
