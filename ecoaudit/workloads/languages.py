"""The languages of a load: which request is in which, and how much longer its texts are for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import fsum
from typing import TYPE_CHECKING, Any, Final

from ecoaudit.engines.base import EngineFacts
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.languages import find_language, token_premium
from ecoaudit.factors.models import models
from ecoaudit.factors.tokenizers import Tokenizer, tokenizer_of
from ecoaudit.scenario import Workload

if TYPE_CHECKING:
    import numpy


@dataclass(frozen=True, slots=True)
class Spoken:
    """One language of a mix.

    Attributes:
        code: as the profile writes it; empty: the profile states no languages.
        share: of the requests; of the conversations, where there are any.
        premium: tokens in it over tokens in English, for the same text.
    """

    code: str
    share: float
    premium: Estimate


UNSTATED: Final = Spoken("", 1.0, Estimate.exact(1.0, "", Basis.DECLARED, "no language is stated"))


@dataclass(frozen=True, slots=True)
class Mix:
    """The languages of a workload, as one tokenizer cuts them.

    Attributes:
        spoken: the languages; empty: not stated, and lengths are as the profile has them.
        tokenizer: whose premiums these are.
    """

    spoken: tuple[Spoken, ...] = ()
    tokenizer: Tokenizer | None = None

    def draw(self, chance: numpy.random.Generator) -> Spoken:
        """A language for the next request; nothing is drawn where there is no choice."""
        if len(self.spoken) < 2:
            return self.spoken[0] if self.spoken else UNSTATED
        place = chance.random() * fsum(each.share for each in self.spoken)
        for each in self.spoken:
            place -= each.share
            if place < 0:
                return each
        return self.spoken[-1]

    @property
    def mean_premium(self) -> float:
        """Mean length of messages and answers over that in English."""
        spoken = self.spoken or (UNSTATED,)
        longer = fsum(each.share * each.premium.number for each in spoken)
        return longer / fsum(each.share for each in spoken)

    @property
    def highest_premium(self) -> float:
        """Upper end of the premium of the language that takes most tokens."""
        return max((each.premium.numbers[2] for each in self.spoken), default=1.0)

    def settings(self) -> dict[str, Any]:
        """What the run file says of it, by language."""
        return {
            each.code: {
                "name": find_language(each.code).name,
                "share": each.share,
                "token_premium": asdict(each.premium),
                "tokenizer": self.tokenizer.name if self.tokenizer else None,
            }
            for each in self.spoken
        }


def mix_of(workload: Workload, tokenizer: Tokenizer) -> Mix:
    """A workload's languages as this tokenizer cuts them.

    Raises:
        NotFoundError: a language that nobody counted, or whose script has to be named.
    """
    return Mix(
        tuple(
            Spoken(code, share.number, token_premium(code, tokenizer))
            for code, share in workload.languages.items()
        ),
        tokenizer,
    )


def tokenizer_served(facts: EngineFacts | None = None) -> Tokenizer:
    """The counted tokenizers that stand for a served model's.

    By its configuration where the engine read it, else by the table of models.

    Args:
        facts: of the engine; None before it was started.
    """
    if facts is None:
        return tokenizer_of()
    shape = facts.settings.get("model_config") or {}
    known = models().get(facts.model)
    vocabulary = shape.get("vocab_size") or (known.vocab if known else None)
    return tokenizer_of(shape.get("model_type") or facts.model, vocabulary)
