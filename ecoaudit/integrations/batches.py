"""How much is in a batch: samples and tokens, from shapes, without copying anything off a GPU."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ecoaudit.errors import UsageError
from ecoaudit.training import Profile

Counts = dict[str, Any]  # "tokens" and "samples", as far as they are known; numbers or tensors
Counter = Callable[[Any], Counts]
ALL, NON_PADDING = "all", "non_padding"


class BatchCounter:
    """Counts batches into a profile. A batch that cannot be counted never ends a training.

    Args:
        how: ``"all"`` counts each element of ``input_ids`` as a token; ``"non_padding"`` those
            that ``attention_mask`` keeps; None counts samples only; a function of your own takes
            the batch and gives ``{"tokens": ..., "samples": ...}`` or one of the two.

    Raises:
        UsageError: another word.
    """

    def __init__(self, how: str | Counter | None):
        if not (how is None or how in (ALL, NON_PADDING) or callable(how)):
            raise UsageError(
                f"count_tokens: expected 'all', 'non_padding' or a function, got {how!r}"
            )
        self._how = how

    def count(self, profile: Profile, batch: Any) -> None:
        """Add a batch to the running step; after a failure, which the run notes, only samples."""
        try:
            how = self._how
            counts = how(batch) if callable(how) else count_batch(batch, how)
            self._add(profile, counts)
        except Exception as error:  # the user's function, or a batch of a shape nobody thought of
            profile.doubt(
                "batch-not-counted",
                f"a batch could not be counted ({type(error).__name__}: {error})",
                "give count_tokens a function of the batch that gives its tokens and samples",
            )
            self._how = None
            self._add(profile, count_batch(batch, None))

    @staticmethod
    def _add(profile: Profile, counts: Counts) -> None:
        profile.count(**{noun: n for noun, n in counts.items() if profile.counts(noun)})


def count_batch(batch: Any, tokens: str | None) -> Counts:
    """Samples, and tokens if asked for, of a batch that is a mapping, a sequence or a tensor.

    Raises:
        UsageError: tokens were asked for and the batch has no ``input_ids``, or no
            ``attention_mask`` to tell padding by.
    """
    found: Counts = {}
    samples = _samples(batch)
    if samples is not None:
        found["samples"] = samples
    if tokens is None:
        return found
    key = "input_ids" if tokens == ALL else "attention_mask"
    if not (isinstance(batch, Mapping) and batch.get(key) is not None):
        raise UsageError(f"count_tokens={tokens!r} needs {key!r} in the batch")
    found["tokens"] = batch[key].numel() if tokens == ALL else batch[key].sum()
    return found


def _samples(batch: Any) -> int | None:
    """Length of the first thing in the batch that has a shape."""
    if isinstance(batch, Mapping):
        batch = next((part for part in batch.values() if hasattr(part, "shape")), None)
    elif isinstance(batch, list | tuple):
        batch = next((part for part in batch if hasattr(part, "shape")), None)
    shape = getattr(batch, "shape", None)
    return int(shape[0]) if shape else None
