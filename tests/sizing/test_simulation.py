"""The simulation against results that are known exactly, and against one that skips nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecoaudit.sizing.simulation import ServerLimits, Simulated, Slowed, Steps, simulate

ROOMY = ServerLimits(10_000, 1_000_000, 10**12)


@dataclass(frozen=True, slots=True)
class Straight:
    """Steps whose times are straight lines; a whole prompt reads as long as its pieces."""

    base_s: float = 0.02
    answer_s: float = 0.0005
    context_s: float = 1e-7
    prompt_s: float = 0.0
    token_s: float = 1e-4
    attention_s: float = 1e-8
    shared_s: float = 0.0

    def decode_s(self, batch: float, context: float) -> float:
        return self.base_s + batch * (self.answer_s + self.context_s * context)

    def prefill_s(self, tokens: float, context: float) -> float:
        return self.prompt_s + tokens * (self.token_s + self.attention_s * context)


CARD = Straight()


def token_by_token(
    arrivals_s: list[float],
    prompts: list[int],
    outputs: list[int],
    steps: Steps,
    limits: ServerLimits,
) -> tuple[list[float], list[float]]:
    """First and last token of each request [s], with no step skipped: vLLM's loop, spelt out."""
    count = len(arrivals_s)
    computed, given = [0] * count, [0] * count
    first, ended = [math.nan] * count, [math.nan] * count
    waiting, running, now = list(range(count)), list[int](), 0.0
    while waiting or running:
        if not running:
            now = max(now, arrivals_s[waiting[0]])
        budget, batch, context, pieces, before = limits.batched_tokens, 0, 0, 0, 0.0
        scheduled = []
        for one in running:
            if given[one]:
                scheduled.append(one)
                budget, batch, context = budget - 1, batch + 1, context + prompts[one] + given[one]

        def read_whole(one: int) -> bool:
            nonlocal budget, pieces, before
            piece = min(prompts[one] - computed[one], budget)
            before += piece * (computed[one] + piece / 2)
            computed[one] += piece
            pieces, budget = pieces + piece, budget - piece
            return computed[one] == prompts[one]

        scheduled += [one for one in running if not given[one] and budget and read_whole(one)]
        while waiting and budget and len(running) < limits.most_running:
            one = waiting[0]
            held = sum(prompts[i] + outputs[i] for i in running)
            if arrivals_s[one] > now or held + prompts[one] + outputs[one] > limits.kv_tokens:
                break
            running.append(waiting.pop(0))
            if read_whole(one):
                scheduled.append(one)
        now += steps.decode_s(batch, context / batch) if batch else 0.0
        now += steps.prefill_s(pieces, before / pieces) if pieces else 0.0
        now -= steps.shared_s if batch and pieces else 0.0
        for one in scheduled:
            given[one] += 1
            first[one] = now if given[one] == 1 else first[one]
            if given[one] == outputs[one]:
                ended[one] = now
                running.remove(one)
    return first, ended


def poisson(rate: float, count: int, seed: int = 1) -> list[float]:
    gaps = numpy.random.default_rng(seed).exponential(1 / rate, count)
    found: list[float] = numpy.cumsum(gaps).tolist()
    return found


def lognormal(mean: float, sd: float, count: int, seed: int) -> list[int]:
    variance = math.log(1 + (sd / mean) ** 2)
    chance = numpy.random.default_rng(seed)
    drawn = chance.lognormal(math.log(mean) - variance / 2, math.sqrt(variance), count)
    found: list[int] = numpy.maximum(numpy.rint(drawn), 1).astype(int).tolist()
    return found


# -- by hand ---------------------------------------------------------------------------------------


def test_a_request_alone_reads_its_prompt_and_takes_a_step_for_each_further_token() -> None:
    seen = simulate([2.0], [700], [400], CARD, ROOMY)
    reading = CARD.prefill_s(700, 350)
    answering = math.fsum(CARD.decode_s(1, 700 + given) for given in range(1, 400))
    assert seen.ttft_s == pytest.approx([reading], abs=1e-9)
    assert seen.e2e_s == pytest.approx([reading + answering], abs=1e-9)
    assert (seen.decode_steps, seen.batch) == (399, 1.0)
    assert seen.running(2.0, 2.0 + reading + answering) == pytest.approx(1.0)


def test_a_long_prompt_is_read_in_pieces() -> None:
    steps = replace(CARD, prompt_s=0.01)
    seen = simulate([0.0], [5000], [1], steps, ServerLimits(8, 2048, 10_000))
    pieces = steps.prefill_s(2048, 1024) + steps.prefill_s(2048, 3072) + steps.prefill_s(904, 4548)
    assert seen.ttft_s == pytest.approx([pieces])
    assert seen.e2e_s == seen.ttft_s


def test_three_at_once_in_a_batch_of_two() -> None:
    # Steps of 10 ms whatever the batch, prompts 1 ms a token. Two prompts of 100 are read at
    # 200 ms. Answers of 3 and 5: the short one ends at 220 ms, the third prompt (50) is read in
    # the step to 280 ms, in which the long one has its fourth token; its fifth comes at 290 ms, and
    # the third's two further tokens at 290 and 300 ms.
    steps = Straight(0.01, 0.0, 0.0, 0.0, 0.001, 0.0)
    seen = simulate([0.0] * 3, [100, 100, 50], [3, 5, 3], steps, ServerLimits(2, 512, 10_000))
    assert seen.first_s == pytest.approx([0.2, 0.2, 0.28])
    assert seen.ended_s == pytest.approx([0.22, 0.29, 0.30])
    assert seen.begun_s == pytest.approx([0.0, 0.0, 0.22])
    assert (seen.decode_steps, seen.decode_tokens) == (5, 8)
    assert seen.step_s == pytest.approx((4 * 0.01 + 0.06) / 5)
    assert seen.running(0.0, 0.3) == pytest.approx((0.22 + 0.29 + 0.08) / 0.3)


def test_what_both_kinds_of_a_step_share_is_counted_once() -> None:
    steps = Straight(0.01, 0.0, 0.0, 0.01, 0.001, 0.0, shared_s=0.01)
    seen = simulate([0.0, 0.055], [40, 30], [4, 1], steps, ROOMY)
    # 50 ms for the first prompt, a step to 60 ms, the second prompt in the step to 100 ms
    assert seen.first_s == pytest.approx([0.05, 0.10])
    assert seen.ended_s == pytest.approx([0.11, 0.10])


def test_a_request_that_comes_amid_a_step_waits_for_its_end() -> None:
    steps = Straight(0.01, 0.0, 0.0, 0.0, 0.001, 0.0)
    seen = simulate([0.0, 0.123], [100, 10], [50, 2], steps, ROOMY)
    assert seen.begun_s[1] == pytest.approx(0.13)
    assert seen.first_s[1] == pytest.approx(0.15)


def test_a_request_waits_for_room_in_the_cache_and_those_behind_it_too() -> None:
    steps = Straight(0.01, 0.0, 0.0, 0.0, 0.001, 0.0)
    seen = simulate([0.0] * 3, [100, 100, 10], [11, 2, 2], steps, ServerLimits(8, 512, 200))
    assert seen.begun_s == pytest.approx([0.0, 0.2, 0.2])


def test_the_server_is_at_rest_between_requests() -> None:
    steps = Straight(0.01, 0.0, 0.0, 0.0, 0.001, 0.0)
    seen = simulate([1.0, 5.0], [100, 100], [11, 11], steps, ROOMY)
    assert seen.busy_share(0.0, 10.0) == pytest.approx(0.04)
    assert seen.running(0.0, 10.0) == pytest.approx(0.04)
    assert seen.busy_share(1.1, 1.3) == pytest.approx(0.5)
    assert seen.running(2.0, 4.0) == 0.0


def test_slower_steps_take_longer_in_proportion_where_nobody_waits() -> None:
    once = simulate([0.0], [100], [20], CARD, ROOMY)
    twice = simulate([0.0], [100], [20], Slowed(CARD, 2.0), ROOMY)
    assert twice.e2e_s == pytest.approx([2 * once.e2e_s[0]])


# -- no step skipped -------------------------------------------------------------------------------

request = st.tuples(st.floats(0, 0.5), st.integers(1, 90), st.integers(1, 40))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(request, min_size=1, max_size=12),
    st.integers(1, 6),
    st.integers(0, 60),
    st.integers(0, 200),
    st.sampled_from([0.0, 0.003]),
)
def test_jumps_give_what_single_steps_give(
    requests: list[tuple[float, int, int]], most: int, spare: int, more: int, shared_s: float
) -> None:
    gaps, prompts, outputs = map(list, zip(*requests, strict=True))
    arrivals: list[float] = numpy.cumsum(gaps).tolist()
    kv_tokens = max(p + o for p, o in zip(prompts, outputs, strict=True)) + more
    limits = ServerLimits(most, most + spare, kv_tokens)
    steps = Straight(0.0071, 0.0003, 1e-6, 0.004, 1e-4, 1e-7, shared_s)
    seen = simulate(arrivals, prompts, outputs, steps, limits)
    first, ended = token_by_token(arrivals, prompts, outputs, steps, limits)
    assert seen.first_s == pytest.approx(first, abs=1e-9)
    assert seen.ended_s == pytest.approx(ended, abs=1e-9)
    assert seen.decode_tokens == sum(outputs) - len(outputs)


def test_a_bend_of_the_step_time_within_a_long_answer_hardly_shows() -> None:
    @dataclass(frozen=True, slots=True)
    class Bent(Straight):
        def decode_s(self, batch: float, context: float) -> float:
            return max(0.02, 0.02 + 5e-6 * (context - 1000))

    seen = simulate([0.0], [500], [2000], Bent(), ROOMY)
    exact = Bent().prefill_s(500, 250)
    exact += math.fsum(Bent().decode_s(1, 500 + given) for given in range(1, 2000))
    assert seen.e2e_s[0] == pytest.approx(exact, rel=5e-4)


# -- queues whose waits are known ------------------------------------------------------------------


def waits(seen: Simulated) -> float:
    return sum(b - a for b, a in zip(seen.begun_s, seen.arrived_s, strict=True)) / len(seen.begun_s)


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_at_a_time_of_one_length_waits_as_in_m_d_1(busy: float) -> None:
    # E[W] = rho s / (2 (1 - rho)): Kleinrock, Queueing Systems, vol. 1, section 5.6
    steps = Straight(prompt_s=0.0, token_s=0.01, attention_s=0.0)
    count = 150_000
    seen = simulate(
        poisson(busy, count, 4), [100] * count, [1] * count, steps, ServerLimits(1, 512, 512)
    )
    assert waits(seen) == pytest.approx(busy / (2 * (1 - busy)), rel=0.03)
    assert seen.busy_share(0.0, seen.ended_s[-1]) == pytest.approx(busy, rel=0.01)


@pytest.mark.parametrize("busy", [0.3, 0.6])
def test_one_at_a_time_of_exponential_length_waits_as_in_m_m_1(busy: float) -> None:
    # E[W] = rho s / (1 - rho), and a share 1 - rho of the requests does not wait at all
    steps = Straight(prompt_s=0.0, token_s=1e-4, attention_s=0.0)
    count = 200_000
    lengths = numpy.random.default_rng(5).exponential(10_000, count)
    prompts: list[int] = (lengths.astype(int) + 1).tolist()
    limits = ServerLimits(1, 10**6, 10**6)
    seen = simulate(poisson(busy, count, 6), prompts, [1] * count, steps, limits)
    assert waits(seen) == pytest.approx(busy / (1 - busy), rel=0.03)
    begun_at_once = sum(a == b for a, b in zip(seen.arrived_s, seen.begun_s, strict=True))
    assert begun_at_once / count == pytest.approx(1 - busy, rel=0.01)


def test_many_that_do_not_slow_each_other_are_poisson_in_number() -> None:
    # M/G/infinity: mean = arrivals x time; an engine is empty with probability exp(-mean)
    steps = Straight(0.01, 0.0, 0.0, 0.0, 1e-9, 0.0)
    count = 40_000
    outputs = lognormal(100, 60, count, 7)
    seen = simulate(poisson(1.5, count, 8), [10] * count, outputs, steps, ROOMY)
    until = seen.arrived_s[-1]
    assert seen.running(0.0, until) == pytest.approx(1.5, rel=0.03)
    assert 1 - seen.busy_share(0.0, until) == pytest.approx(math.exp(-1.5), rel=0.03)


# -- the fixed point of means ----------------------------------------------------------------------


@pytest.mark.parametrize("per_s", [0.05, 0.3, 1.0, 1.8])
def test_means_are_those_of_littles_law(per_s: float) -> None:
    """B = lambda O step(B, c) / (1 - rho), c = P + E[O^2]/(2 E[O]); an 8B model on a 48 GB card."""
    steps = Straight(0.0245, 2e-4, 1.9e-7, 0.0, 1e-4, 0.0)
    count = 4000
    prompts, outputs = lognormal(800, 400, count, 11), lognormal(300, 200, count, 12)
    seen = simulate(poisson(per_s, count, 13), prompts, outputs, steps, ROOMY)
    prompt, output = sum(prompts) / count, sum(outputs) / count
    context = prompt + sum(o * o for o in outputs) / count / (2 * output)
    actual = count / seen.arrived_s[-1]
    rho, batch = actual * steps.prefill_s(prompt, 0), 1.0
    for _ in range(100):
        batch = actual * (output - 1) * steps.decode_s(max(batch, 1), context) / (1 - rho)
    until = seen.arrived_s[-1]
    reading = actual * steps.prefill_s(prompt, 0)  # a prompt that is being read is running too
    assert batch < 30
    assert seen.running(0.0, until) - reading == pytest.approx(batch, rel=0.05)
    if batch > 5:
        step = steps.decode_s(batch, context) / (1 - rho)
        assert seen.step_s == pytest.approx(step, rel=0.03)


# -- what cannot be --------------------------------------------------------------------------------


def test_the_same_requests_give_the_same_times() -> None:
    given_: tuple[list[float], list[int], list[int]] = (
        poisson(2.0, 300), lognormal(500, 300, 300, 1), lognormal(100, 80, 300, 2)
    )  # fmt: skip
    limits = ServerLimits(16, 1024, 20_000)
    assert simulate(*given_, CARD, limits) == simulate(*given_, CARD, limits)


def test_far_too_many_requests_come_to_an_end() -> None:
    count = 2000
    seen = simulate(
        poisson(1000.0, count), [500] * count, [200] * count, CARD, ServerLimits(8, 512, 6000)
    )
    assert seen.ttft_s[-1] > 100


@pytest.mark.parametrize(
    ("arrivals", "prompts", "outputs", "said"),
    [
        ([], [], [], "0 times for 0 requests"),
        ([0.0], [10, 10], [5, 5], "1 times for 2 requests"),
        ([1.0, 0.5], [10, 10], [5, 5], "in the order in which they come"),
        ([-1.0], [10], [5], "from 0 s on"),
        ([math.nan], [10], [5], "from 0 s on"),
        ([math.inf], [10], [5], "from 0 s on"),
        ([0.0], [0], [5], "1 token or more"),
        ([0.0], [10], [0], "1 token or more"),
        ([0.0], [900], [200], "1100 tokens never fits a KV cache of 1000"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    arrivals: list[float], prompts: list[int], outputs: list[int], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        simulate(arrivals, prompts, outputs, CARD, ServerLimits(4, 512, 1000))


@pytest.mark.parametrize("time_s", [math.nan, math.inf, -0.01])
def test_steps_that_take_no_time_that_could_be_are_refused(time_s: float) -> None:
    with pytest.raises(ValueError, match="a step of 0 answers and 10 prompt tokens took"):
        simulate([0.0], [10], [5], replace(CARD, prompt_s=time_s), ROOMY)


@pytest.mark.parametrize("sizes", [(0, 10), (8, 7)])
def test_a_batch_needs_a_token_for_each_in_it(sizes: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="as many tokens in a step"):
        ServerLimits(*sizes, 1000)
