"""Keyed draws: every random number is a pure function of (run seed, stream, tick, uid).

No generator, no order, no state: the same citizen has the same draws in every scenario of an experiment,
whatever the number of threads or workers and whatever else is in the region. The generator is Philox4x32-10
(Salmon, Moraes, Dror and Shaw 2011, Parallel random numbers: as easy as 1, 2, 3), keyed by the 64-bit run
seed; the 128-bit counter holds block, stream and tick, and the 64-bit uid of a cell, district, group or agent.
A citizen is number ``i`` of its cell: block i // 4, lane i % 4.

All integer work is done in uint64 with explicit masks, so that compiled and interpreted code agree.
"""

import numpy as np

from sim.kernels.compiling import inlined_kernel, kernel

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK32 = np.uint64(0xFFFFFFFF)
SHIFT32 = np.uint64(32)
SHIFT24 = np.uint64(24)
SHIFT12 = np.uint64(12)
SHIFT20 = np.uint64(20)
TWO_POW_M32 = 2.0**-32
TWO_POW_M52 = 2.0**-52
TAIL = 2.0**-44
"""Terms of a distribution below this share of its mode are dropped; uniforms resolve 2^-32 or 2^-52."""

# One stream per kind of decision. Numbers are part of the model: changing one changes results.
TURN_OUT = np.uint64(1)
CONDUCT = np.uint64(2)
RELEASE = np.uint64(3)
FLIGHT = np.uint64(4)
RECRUIT = np.uint64(5)
DISTRICT_NOISE = np.uint64(10)
CLIMATE = np.uint64(11)
SPARK = np.uint64(12)
FOCAL = np.uint64(13)
INCIDENT = np.uint64(14)
INCIDENT_SIZE = np.uint64(15)
DEAL = np.uint64(16)
ARMED_EVENT = np.uint64(17)
ARMED_SIZE = np.uint64(18)
DEAL_FIGHTERS = np.uint64(19)
DEAL_ARMED = np.uint64(21)
EXIT = np.uint64(20)
INSTITUTION = np.uint64(30)
GROUP = np.uint64(31)
SHOCK = np.uint64(32)
WEIGHTS = np.uint64(33)
EFFECT = np.uint64(34)
STATE = np.uint64(35)
SEAT = np.uint64(36)

BEFORE = 2**24 - 1
"""Tick of draws that belong to the time before the run."""


@inlined_kernel
def philox(c0, c1, c2, c3, k0, k1):
    """Philox4x32-10: four 32-bit words (held in uint64) from a 128-bit counter and a 64-bit key."""
    for _ in range(10):
        p0 = MULTIPLIER_0 * c0
        p1 = MULTIPLIER_1 * c2
        c0 = (p1 >> SHIFT32) ^ c1 ^ k0
        c1 = p1 & MASK32
        c2 = (p0 >> SHIFT32) ^ c3 ^ k1
        c3 = p0 & MASK32
        k0 = (k0 + WEYL_0) & MASK32
        k1 = (k1 + WEYL_1) & MASK32
    return c0, c1, c2, c3


@kernel
def words(seed, stream, tick, uid, block):
    """Four 32-bit words for one decision of one place or agent.

    ``seed`` and ``uid`` are uint64, ``stream`` below 256, ``tick`` below 2^24, ``block`` below 2^32.
    """
    return philox(
        np.uint64(block),
        (stream << SHIFT24) | np.uint64(tick),
        uid & MASK32,
        uid >> SHIFT32,
        seed & MASK32,
        seed >> SHIFT32,
    )


@kernel
def fill_words(buffer, count, seed, stream, tick, uid, first):
    """Write the 32-bit words (uint32) of ``count`` citizens from number ``first`` (a multiple of 4) of a cell.

    The masks of `words` stand outside the loop, and tell the compiler that products of 32 bits are enough.
    """
    where = (stream << SHIFT24) | np.uint64(tick)
    uid_low, uid_high = uid & MASK32, uid >> SHIFT32
    seed_low, seed_high = seed & MASK32, seed >> SHIFT32
    for block in range((count + 3) // 4):
        w0, w1, w2, w3 = philox(
            np.uint64((first >> 2) + block) & MASK32, where & MASK32, uid_low, uid_high, seed_low, seed_high
        )
        buffer[4 * block] = w0
        buffer[4 * block + 1] = w1
        buffer[4 * block + 2] = w2
        buffer[4 * block + 3] = w3


@kernel
def unit32(word):
    """A 32-bit word as a float64 in (0, 1): (x + 0.5) / 2^32."""
    return (np.float64(word) + 0.5) * TWO_POW_M32


@kernel
def unit52(high, low):
    """Two 32-bit words as a float64 in (0, 1) with 52 bits, so that neither end is ever reached."""
    return (np.float64((high << SHIFT20) | (low >> SHIFT12)) + 0.5) * TWO_POW_M52


@kernel
def uniform(seed, stream, tick, uid, block):
    """One 52-bit uniform in (0, 1) for places and institutions."""
    w0, w1, _, _ = words(seed, stream, tick, uid, block)
    return unit52(w0, w1)


@kernel
def uniform_pair(seed, stream, tick, uid, block):
    """Two independent 52-bit uniforms in (0, 1)."""
    w0, w1, w2, w3 = words(seed, stream, tick, uid, block)
    return unit52(w0, w1), unit52(w2, w3)


@kernel
def citizen_uniform(seed, stream, tick, cell_uid, index):
    """The 32-bit uniform of citizen ``index`` of a cell for one decision."""
    w0, w1, w2, w3 = words(seed, stream, tick, cell_uid, index >> 2)
    lane = index & 3
    if lane == 0:
        return unit32(w0)
    if lane == 1:
        return unit32(w1)
    if lane == 2:
        return unit32(w2)
    return unit32(w3)


@kernel
def binomial(u, n, p):
    """Binomial(n, p) by inversion of one uniform u; non-decreasing in u, and in p at fixed u
    (up to rounding, where u lies within 1e-12 of a step).

    Exactly 0 when u < 1 - n p (the fast path: 1 - n p never exceeds the probability of 0). Otherwise the mass
    function is built outwards from its mode by ratios, so that nothing underflows however large n is, and
    dropped below 2^-44 of the mode.
    """
    if n <= 0 or p <= 0.0 or u < 1.0 - n * p:
        return 0
    if p >= 1.0:
        return n
    if n == 1:
        return 1
    mode = min(int((n + 1) * p), n)
    odds = p / (1.0 - p)
    term = 1.0
    total = 1.0
    k = mode
    while k > 0 and term > TAIL:
        term = term * (k / ((n - k + 1) * odds))
        total += term
        k -= 1
    first = k
    first_term = term
    term = 1.0
    k = mode
    while k < n and term > TAIL:
        term = term * (((n - k) * odds) / (k + 1))
        total += term
        k += 1
    last = k
    target = u * total
    k = first
    term = first_term
    below = term
    while below <= target and k < last:
        term = term * (((n - k) * odds) / (k + 1))
        below += term
        k += 1
    return k


@kernel
def poisson(u, mean):
    """Poisson(mean) by inversion of one uniform u; non-decreasing in u and, up to rounding, in the mean. 0 if u < 1 - mean."""
    if mean <= 0.0 or u < 1.0 - mean:
        return 0
    mode = int(mean)
    term = 1.0
    total = 1.0
    k = mode
    while k > 0 and term > TAIL:
        term = term * (k / mean)
        total += term
        k -= 1
    first = k
    first_term = term
    term = 1.0
    k = mode
    while term > TAIL:
        term = term * (mean / (k + 1))
        total += term
        k += 1
    last = k
    target = u * total
    k = first
    term = first_term
    below = term
    while below <= target and k < last:
        term = term * (mean / (k + 1))
        below += term
        k += 1
    return k
