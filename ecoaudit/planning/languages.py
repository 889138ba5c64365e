"""What each language of a clinic's patients costs with one tokenizer: tokens, time and price.

A workload's lengths are those of English texts. The same text in another language takes more
tokens (``ecoaudit.factors.languages``): messages and answers grow by that, the system prompt is one
text in English and does not. Nothing here is an energy: what a language takes in energy differs by
more than its tokens, and has to be measured (``ecoaudit bench`` with ``languages``).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.languages import find_language, token_premium, token_ratio
from ecoaudit.factors.models import Model
from ecoaudit.factors.tokenizers import Tokenizer, tokenizer_of
from ecoaudit.scenario import Lengths, Workload


@dataclass(frozen=True, slots=True)
class Served:
    """What is known of the model that answers; the fewer, the fewer columns.

    Attributes:
        context_tokens: longest prompt and answer together [tokens]; None: not known.
        prefill_s: time to read a prompt of so many tokens [s]; None as its answer: not known.
        tpot_s: time per output token [s].
        prompt_usd_per_token: price of a token that is read; None: not given.
        output_usd_per_token: price of a token that is written.
    """

    context_tokens: int | None = None
    prefill_s: Callable[[float], float | None] | None = None
    tpot_s: float | None = None
    prompt_usd_per_token: float | None = None
    output_usd_per_token: float | None = None


@dataclass(frozen=True, slots=True)
class LanguageCost:
    """One language with one tokenizer. A patient is a request, or a whole conversation.

    Attributes:
        code: as it was asked for.
        name: for people.
        share: of the requests, of the conversations where there are any; None: not stated.
        token_premium: tokens over English, for the same text.
        prompt_tokens: mean prompt of a request, with the system prompt and its history [tokens].
        output_tokens: mean answer of a request [tokens].
        tokens_per_patient: read and written [tokens].
        relative_reading: time to read the prompt over English; the tokens' ratio where no speed
            is known.
        relative_time: time of a whole request over English. Where no speed is known: that of the
            answer, down to that of reading.
        relative_tokens: tokens per patient over English: the price, where all tokens cost alike.
        seconds: a whole request, unloaded [s]; absent where no speed is known.
        usd_per_patient: price of the tokens [USD]; absent without prices.
        share_over_context: of the patients' requests (or conversations), those that do not fit the
            context; absent where it is not known.
    """

    code: str
    name: str
    share: Estimate | None
    token_premium: Estimate
    prompt_tokens: Estimate
    output_tokens: Estimate
    tokens_per_patient: Estimate
    relative_reading: Estimate
    relative_time: Estimate
    relative_tokens: Estimate
    seconds: Estimate
    usd_per_patient: Estimate
    share_over_context: Estimate


@dataclass(frozen=True, slots=True)
class LanguageCosts:
    """The languages of a workload with one tokenizer.

    Attributes:
        tokenizer: whose tokens are meant.
        languages: in the order of the workload.
        worst: code of the worst-served one: most tokens for the same text.
        best: code of the best-served one.
        worst_over_best: tokens of the worst over those of the best, for the same text.
        mean_premium: over all requests; absent where no shares are stated.
    """

    tokenizer: Tokenizer
    languages: tuple[LanguageCost, ...]
    worst: str
    best: str
    worst_over_best: Estimate
    mean_premium: Estimate


def tokenizer_of_model(model: Model) -> Tokenizer:
    """The counted tokenizers that stand for a model's own."""
    return tokenizer_of(model.name, model.vocab)


def ends_of(codes: Iterable[str], tokenizer: Tokenizer) -> tuple[str, str]:
    """Of these languages, the one that takes most tokens for the same text, and the fewest."""
    ranked = sorted(codes, key=lambda code: token_premium(code, tokenizer).number)
    return ranked[-1], ranked[0]


def language_costs(
    workload: Workload,
    tokenizer: Tokenizer,
    served: Served | None = None,
    codes: Sequence[str] = (),
) -> LanguageCosts | None:
    """What each language costs; None where the workload states none.

    Args:
        workload: its lengths, as of English texts, and its languages.
        tokenizer: of the model: :func:`tokenizer_of_model`.
        served: what is known of the model that answers.
        codes: other languages than the workload's.

    Raises:
        NotFoundError: a language that nobody counted, or whose script has to be named.
    """
    asked = list(codes or workload.languages)
    if not asked:
        return None
    worst, best = ends_of(asked, tokenizer)
    rows = tuple(
        _cost(workload, code, token_premium(code, tokenizer), served or Served()) for code in asked
    )
    ratio = token_ratio(worst, best, tokenizer)
    mean = _mean_premium(workload, tokenizer, asked)
    return LanguageCosts(tokenizer, rows, worst, best, ratio, mean)


def in_its_languages(workload: Workload, tokenizer: Tokenizer) -> Workload:
    """The workload with the lengths that its mix of languages has in a model's own tokens.

    Mean and variance are those of the mixture, sum w k m and sum w k^2 (s^2 + m^2) - mean^2 with
    share w and premium k. A workload without languages is given back as it is.
    """
    if not workload.languages:
        return workload
    mixes = _mixes(workload, tokenizer)
    return replace(
        workload,
        prompt=_mixed(workload.prompt, mixes, tokenizer),
        output=_mixed(workload.output, mixes, tokenizer),
    )


Parts = tuple[tuple[float, float], ...]  # of a mix: share and premium of each language


def _mixes(workload: Workload, tokenizer: Tokenizer) -> list[Parts]:
    """The mix as it is taken, and as each counted tokenizer that stands for the model's has it."""
    whole = math.fsum(share.number for share in workload.languages.values())
    standing: list[Tokenizer | str] = [tokenizer, *tokenizer.columns]
    return [
        tuple(
            (share.number / whole, token_premium(code, meant).number)
            for code, share in workload.languages.items()
        )
        for meant in standing
    ]


def _mixed(lengths: Lengths, mixes: Sequence[Parts], tokenizer: Tokenizer) -> Lengths:
    found = []
    for at, parts in itertools.product(range(3), mixes):
        mean, sd = lengths.mean.numbers[at], lengths.sd.numbers[at]
        middle = math.fsum(share * longer for share, longer in parts) * mean
        square = math.fsum(share * longer**2 for share, longer in parts) * (mean**2 + sd**2)
        found.append((middle, math.sqrt(max(square - middle**2, 0.0))))
    source = f"{lengths.mean.source}; in its languages, tokenizer {tokenizer.name}"
    both = [
        Estimate(side[0], min(side), max(side), "tokens", Basis.MODELLED, source)
        for side in zip(*found, strict=True)
    ]
    return Lengths(*both)


def _mean_premium(workload: Workload, tokenizer: Tokenizer, asked: Sequence[str]) -> Estimate:
    if not workload.languages or set(asked) != set(workload.languages):
        return Estimate.absent("", "the shares of these languages are not stated")
    means = [
        math.fsum(share * longer for share, longer in parts)
        for parts in _mixes(workload, tokenizer)
    ]
    basis = Basis.CONSTANT if len(tokenizer.columns) == 1 else Basis.MODELLED
    return Estimate(means[0], min(means), max(means), "", basis, "token premiums by their shares")


def _cost(workload: Workload, code: str, premium: Estimate, served: Served) -> LanguageCost:
    language = find_language(code)
    request = _Request(workload, served)
    spoken = f"{workload.prompt.mean.source}; token premium of {language.name}"
    prompt = _figure(premium, request.prompt, "tokens", spoken)
    tokens = _figure(premium, request.tokens, "tokens", spoken)
    seconds = _figure(premium, request.seconds, "s", "a request alone", "no speed is known")
    if seconds.known:
        reading = _figure(premium, request.reading, "s", "time to read the prompt over English")
        reading = (reading / (request.reading(1.0) or 1.0)).converted(1, "")
        slower = (seconds / (request.seconds(1.0) or 1.0)).converted(1, "")
        slower = slower.sourced("time of a request alone over English")
    else:
        reading = (prompt / request.prompt(1.0)).converted(1, "")
        reading = reading.sourced("prompt tokens over English")
        ends = (*premium.numbers, *reading.numbers)
        slower = Estimate(
            premium.number,
            min(ends),
            max(ends),
            "",
            Basis.MODELLED,
            "the answer's tokens over English; the prompt's are the other end",
        )
    return LanguageCost(
        code=code,
        name=language.name,
        share=workload.languages.get(code),
        token_premium=premium,
        prompt_tokens=prompt,
        output_tokens=_figure(premium, request.output, "tokens", spoken),
        tokens_per_patient=tokens,
        relative_reading=reading,
        relative_time=slower,
        relative_tokens=(tokens / request.tokens(1.0)).converted(1, ""),
        seconds=seconds,
        usd_per_patient=_figure(premium, request.usd, "USD", "price of the tokens", "no price"),
        share_over_context=_figure(
            premium, request.over_context, "", "lognormal lengths", "no context length is known"
        ),
    )


def _figure(
    premium: Estimate, figure: Callable[[float], float | None], unit: str, source: str, no: str = ""
) -> Estimate:
    """A figure that follows from the premium alone, at its value and both ends."""
    found = [figure(longer) for longer in premium.numbers]
    known = [each for each in found if each is not None]
    if len(known) < len(found):
        return Estimate.absent(unit, no)
    return Estimate(known[0], min(known), max(known), unit, Basis.MODELLED, source)


@dataclass(frozen=True, slots=True)
class _Request:
    """A request whose texts are ``longer`` times as long as in English."""

    workload: Workload
    served: Served

    def prompt(self, longer: float) -> float:
        """Mean tokens read: system prompt, message and history."""
        system = self.workload.system_prompt.number
        return system + (self.workload.prompt_tokens.number - system) * longer

    def output(self, longer: float) -> float:
        return self.workload.output.mean.number * longer

    def tokens(self, longer: float) -> float:
        """Of a patient: of a request, or of a conversation."""
        return self.workload.turns.number * (self.prompt(longer) + self.output(longer))

    def reading(self, longer: float) -> float | None:
        read = self.served.prefill_s
        return None if read is None else read(self.prompt(longer))

    def seconds(self, longer: float) -> float | None:
        """Reading and writing, with nobody else there [s]."""
        reading, each = self.reading(longer), self.served.tpot_s
        return None if reading is None or each is None else reading + self.output(longer) * each

    def usd(self, longer: float) -> float | None:
        """Price of a patient's tokens [USD]."""
        read, written = self.served.prompt_usd_per_token, self.served.output_usd_per_token
        if read is None or written is None:
            return None
        once = self.prompt(longer) * read + self.output(longer) * written
        return self.workload.turns.number * once

    def over_context(self, longer: float) -> float | None:
        """Share of requests that are longer than the context, long answers with long prompts.

        The standard normal z at which system + k (prompt + output) reaches the context, by
        bisection, both lognormal; of conversations their whole length is the one that counts.
        """
        work, room = self.workload, self.served.context_tokens
        if room is None:
            return None
        parts = [work.conversation] if work.multi_turn else [work.prompt, work.output]
        left = (room - work.system_prompt.number) / longer
        if left <= 0:
            return 1.0
        low, high = -8.0, 8.0
        for _ in range(60):
            z = (low + high) / 2
            fits = math.fsum(_quantile(each, z) for each in parts) < left
            low, high = (z, high) if fits else (low, z)
        return 1 - NormalDist().cdf(high)


def _quantile(lengths: Lengths, z: float) -> float:
    """The lognormal quantile at ``z`` standard deviations [tokens]."""
    mean, sd = lengths.mean.number, lengths.sd.number
    variance = math.log(1 + (sd / mean) ** 2)
    return mean * math.exp(z * math.sqrt(variance) - variance / 2)
