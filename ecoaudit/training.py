"""A recorder of a training loop: its steps, what they process, and its rank in a larger job."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar

from ecoaudit.cuda import synchronise
from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.estimate import Estimate
from ecoaudit.meters.base import Meter
from ecoaudit.process_tree import ProcessTree
from ecoaudit.ranks import WINDOW as RANK_WINDOW
from ecoaudit.ranks import Rank, open_rank_meters
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window, energies_over, energy_within
from ecoaudit.run import Doubt, RunKind
from ecoaudit.steps import StepLog, left_on_purpose, no_steps, step_times
from ecoaudit.work import Work, whole_number

if TYPE_CHECKING:
    from ecoaudit.scenario import Site

T = TypeVar("T")

# What an option must be, and how that is said; None leaves an option out.
_KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "name": (str, "text"),
    "country": (str, "a country code such as 'KEN'"),
    "output": ((str, os.PathLike), "a path"),
    "rank": (Rank, "a Rank"),
    "settings": (Mapping, "names and values"),
}


def check_options(options: Mapping[str, Any]) -> None:
    """Refuse options of :class:`Profile` that cannot be used.

    Raises:
        UsageError: an option that there is not, or a value of another kind than it takes.
    """
    for name in options:
        if name not in _known_options():
            raise UsageError(
                f"profile has no option {name!r}; {did_you_mean(name, _known_options())}"
            )
    Work(**{name: options[name] for name in Work.names() if name in options})
    for name, (kinds, expected) in _KINDS.items():
        value = options.get(name)
        if value is not None and not isinstance(value, kinds):
            raise UsageError(f"{name} must be {expected}, got {value!r}")
    site = options.get("site")
    if site is not None and not isinstance(site, str):
        from ecoaudit.scenario import Site  # costs a tenth of the start; most runs name no site

        if not isinstance(site, Site):
            raise UsageError(f"site must be a site profile or its name, got {site!r}")
    waits = options.get("synchronize", "auto")
    if not isinstance(waits, bool) and not (isinstance(waits, str) and waits == "auto"):
        raise UsageError(f"synchronize must be True, False or 'auto', got {waits!r}")


@cache
def _known_options() -> frozenset[str]:
    signatures = (inspect.signature(kind) for kind in (Profile, Recorder))
    return frozenset(name for each in signatures for name in each.parameters) - {"recorder"}


class Profile(Recorder):
    """A recorder of a training loop: :meth:`steps` adds throughput and energy per step.

    Args:
        name: for people.
        tokens_per_step: tokens that one optimiser step processes; gives tokens/s and J/token.
        samples_per_step: samples that one optimiser step processes; gives samples/s.
        flops_per_step: floating-point operations of the model in one step [FLOP]; gives MFU.
        flops_per_token: the same for one token, such as ``training_flops_per_token`` gives.
        parameters: parameters of a dense transformer; stands for 6 x parameters per token.
        peak_flops: peak rate of all hardware of the loop [FLOP/s]; None takes the 16-bit rate of
            the GPUs that are read, from our table.
        synchronize: whether to wait for CUDA: ``"auto"`` at the edges of windows and loops, where
            torch uses CUDA; True after every step too; False never.
        country: ISO 3166-1 alpha-3 code for the grid's carbon intensity.
        site: a site profile; gives country, grid intensity and PUE.
        output: where the run goes; None keeps it in the runs folder. One of several ranks writes
            beside it: ``run.json`` becomes ``run.rank0.json``.
        rank: which of several processes of one job this is; None asks the launcher's environment.

    Raises:
        UsageError: options that cannot be used; see :func:`check_options`.
    """

    def __init__(
        self,
        name: str = "training",
        *,
        tokens_per_step: float | None = None,
        samples_per_step: float | None = None,
        flops_per_step: float | None = None,
        flops_per_token: float | None = None,
        parameters: float | None = None,
        peak_flops: float | None = None,
        synchronize: bool | Literal["auto"] = "auto",
        country: str | None = None,
        site: Site | None = None,
        output: str | os.PathLike[str] | None = None,
        rank: Rank | None = None,
        **recorder: Any,
    ):
        self._work = Work(
            tokens_per_step,
            samples_per_step,
            flops_per_step,
            flops_per_token,
            parameters,
            peak_flops,
        )
        given = {"synchronize": synchronize, "country": country, "site": site, "output": output}
        check_options({**recorder, **given, "name": name, "rank": rank})
        rank = rank or Rank.of(os.environ)
        if rank is not None:
            recorder["settings"] = {**recorder.get("settings", {}), "rank": rank.as_settings()}
            recorder.setdefault("process_id", rank.tree_root)
            output = None if output is None else rank.output(output)
        recorder.setdefault("kind", RunKind.TRAINING)
        super().__init__(name, country=country, site=site, output=output, **recorder)
        self._rank = rank
        self._waits = synchronize is not False
        self._waits_each_step = synchronize is True
        self._waited = False  # whether there was a GPU to wait for
        self._log = StepLog()
        self._looped = False

    # -- life ----------------------------------------------------------------------------------

    def start(self) -> Self:
        """Open the meters and start sampling."""
        super().start()
        if self._rank is not None:
            self.open_window(RANK_WINDOW).start_s = self._recording.start_s
        return self

    # -- steps ---------------------------------------------------------------------------------

    def steps(self, iterable: Iterable[T], warmup: int = 0, accumulate: int = 1) -> Steps[T]:
        """Iterate over ``iterable``, timing each step: from one item's arrival to the next.

        Args:
            iterable: the batches: a DataLoader, a generator, anything that can be iterated over.
                ``len()`` of the result is that of the iterable, where it has one.
            warmup: steps at the start of the profile that are left out of all figures; a later
                loop goes on where the first ended.
            accumulate: batches that make one optimiser step (gradient accumulation). Batches at
                the end that make no whole step are left out.

        The run's summary then has ``steps``, ``step_s_p50``, ``step_s_p95``,
        ``energy_per_step_j`` and, where the amounts were given or counted, ``tokens``,
        ``tokens_per_s``, ``energy_per_token_j``, ``samples`` and ``samples_per_s``; where the
        model's operations were given, ``flops_per_s`` and ``mfu``. They come from the windows
        named ``steps``, one for each loop and after each :meth:`aside`. An early ``break`` or
        ``return`` keeps the step that was begun; an exception does not.
        """
        warmup = whole_number("warmup", warmup, least=0)
        accumulate = whole_number("accumulate", accumulate, least=1)
        if not hasattr(iterable, "__iter__") and not hasattr(iterable, "__getitem__"):
            raise UsageError(f"steps takes what can be iterated over, got {iterable!r}")
        return Steps(self, iterable, warmup, accumulate)

    def count(self, *, tokens: Any = None, samples: Any = None) -> None:
        """Add to what the running step has processed.

        Args:
            tokens: tokens of this micro-batch; a tensor is not looked at before the run's end, so
                that nothing waits for the GPU.
            samples: samples of this micro-batch.

        Raises:
            UsageError: outside a loop of steps, or where the amount per step was declared.
        """
        if not self._log.in_loop:
            raise UsageError("count() belongs inside the loop over rec.steps(...)")
        for noun, amount in (("tokens", tokens), ("samples", samples)):
            if amount is None:
                continue
            if not self.counts(noun):
                raise UsageError(f"{noun}_per_step was declared; leave it out to count {noun}")
            self._log.count(noun, amount)

    def counts(self, noun: str) -> bool:
        """Whether :meth:`count` is for this noun, ``tokens`` or ``samples``: none was declared."""
        return self._work.per_step(noun) is None

    @contextmanager
    def aside(self, name: str) -> Iterator[Window]:
        """A window inside the loop that is part of no step, such as an evaluation."""
        held = self.hold_steps()
        try:
            with self.window(name) as window:
                yield window
        finally:
            if held:
                self.go_on_with_steps()

    def begin_steps(self, warmup: int = 0) -> None:
        """The first step begins: what :meth:`steps` does, for loops that belong to others.

        Raises:
            UsageError: a loop is running already, or ``warmup`` is no number of steps.
        """
        warmup = whole_number("warmup", warmup, least=0)
        if self._log.in_loop:
            raise UsageError("a loop of steps is running already; end it, or profile each apart")
        self._looped = True
        self._log.warmup = max(self._log.warmup, warmup)
        self._open_stretch()

    def end_step(self) -> None:
        """An optimiser step ends, and the next begins."""
        if self._waits_each_step:
            self._wait()
        now_s = self.now()
        if self._log.end_step(now_s):
            self.close_window(self._log.stretches[-1].window, now_s)
            self._open_stretch()

    def end_steps(self, whole: bool = False) -> None:
        """The loop is over; the step that is running is left out unless it is ``whole``."""
        self._looped = True
        if not self._log.in_loop:
            return
        self._wait()
        if whole:
            self._log.end_step(self.now())
        self._end_loop()

    def hold_steps(self) -> bool:
        """What follows is part of no step; gives whether a step was being timed."""
        if not self._log.running:
            return False
        self._wait()
        now_s = self.now()
        self._log.hold(now_s)
        self.close_window(self._log.stretches[-1].window, now_s)
        return True

    def go_on_with_steps(self) -> None:
        """What follows is part of a step again; of none still, where no loop is running."""
        if self._log.in_loop and not self._log.running:
            self._open_stretch()

    def _open_stretch(self) -> None:
        self._log.go_on(self.open_window(self._log.window_name))

    def _end_loop(self) -> None:
        empty, last, edge_s = self._log.stop()
        for window in empty:
            self.close_window(window, self.now())
            self._recording.windows.remove(window)
        if last is not None:
            self.close_window(last, edge_s)
            last.end_s = edge_s if last.end_s is None else min(last.end_s, edge_s)

    def _wait(self) -> None:
        if self._waits and synchronise():
            self._waited = True

    # -- the end -------------------------------------------------------------------------------

    def _open_meters(self, tree: ProcessTree) -> tuple[list[Meter], list[Doubt]]:
        if self._rank is None:
            return super()._open_meters(tree)
        return open_rank_meters(self._rank, tree)

    def _complete(self, end_s: float) -> None:
        if self._log.in_loop:  # the program ends inside it
            self._end_loop()
        if self._log.durations_s:
            self._try_figures()
        elif self._looped:
            self.add_doubt(no_steps(self._log.warmed_up))
        if self._rank is not None:
            self._speak_as_one_rank(self._rank)

    def _try_figures(self) -> None:
        # What was counted may be a tensor on a GPU that has failed; the run must not go with it.
        try:
            self._add_figures()
        except Exception as error:
            self.doubt(
                "no-figures",
                f"the figures of the steps could not be had ({type(error).__name__}: {error})",
                "the windows have their energy; count plain numbers if the GPU fails again",
            )

    def _add_figures(self) -> None:
        """What the steps took and gave, into the summary; of each stretch, into its window."""
        log = self._log
        counted = [stretch for stretch in log.stretches if stretch.counts]
        for stretch in counted:
            stretch.window.quantities.update(self._work.of_stretch(stretch, log))
        windows = [self._recording.measure(stretch.window) for stretch in counted]
        energy = energy_within(energies_over(windows), None)
        self.summary.update(step_times(log.durations_s, self._waited and self._waits_each_step))
        self.summary.update(self._work.figures(log, energy, self.devices))
        for doubt in self._work.doubts(log):
            self.doubt(doubt.code, doubt.message, doubt.remedy)

    def _speak_as_one_rank(self, rank: Rank) -> None:
        """What cannot be said of one rank alone is left to the merge."""
        merge = "`ecoaudit runs merge` makes one run of all ranks' runs"
        for name, unit in (("energy_per_step_j", "J/step"), ("energy_per_token_j", "J/token")):
            if name in self.summary:
                why = f"rank {rank.rank} records a part of the machine; {merge}"
                self.summary[name] = Estimate.absent(unit, why)
        part = "its boards, and the CPU and memory of its machine"
        if not rank.owns_host:
            part = "its boards only"
            why = f"counted by the first rank of this machine; {merge}"
            for name, unit in (
                ("energy_j", "J"),
                ("cpu_energy_j", "J"),
                ("dram_energy_j", "J"),
                ("operational_kgco2e", "kgCO2e"),
            ):
                self.summary[name] = Estimate.absent(unit, why)
        self.doubt("one-rank", f"this is rank {rank.rank} of {rank.world_size}: {part}", merge)


class Steps(Generic[T]):
    """The batches of a loop, with each step timed. Each ``iter()`` is a loop of its own."""

    def __init__(self, profile: Profile, iterable: Iterable[T], warmup: int, accumulate: int):
        self._profile = profile
        self._iterable = iterable
        self._warmup = warmup
        self._accumulate = accumulate

    def __len__(self) -> int:
        """Batches to come.

        Raises:
            TypeError: the iterable has no length.
        """
        return len(self._iterable)  # type: ignore[arg-type]  # len() says so itself

    def __iter__(self) -> Iterator[T]:
        profile, batches, failed = self._profile, 0, False
        try:
            for batch in self._iterable:
                if batches == 0:
                    profile.begin_steps(self._warmup)
                elif batches % self._accumulate == 0:
                    profile.end_step()
                batches += 1
                yield batch
        except GeneratorExit:  # the loop let go of its iterator
            failed = not left_on_purpose(sys._getframe(1))
            raise
        finally:
            profile.end_steps(whole=batches % self._accumulate == 0 and not failed)
