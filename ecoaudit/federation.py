"""Unites the runs of the sites of a federated training into one run, in any order.

What adds up over sites: energies, emissions, tokens, samples, steps (each site takes steps of its
own), time and energy of the rounds and of waiting, and bytes moved. What does not: rounds, in which
all sites take part, so that the largest number stands; rates and memory, which are each site's own
and are not there. A figure that a site lacks is absent and names the site.

Every site counts at its own grid and PUE. Devices and windows stand under their site's id, so that
devices of one name at two sites are two. What is carried, and what is not, :mod:`.site_run` says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from math import fsum
from typing import Any

from ecoaudit.checks import CHECKS, doubt
from ecoaudit.errors import UsageError
from ecoaudit.estimate import Basis, Estimate, joined, total
from ecoaudit.factors.grid import operational_kgco2e
from ecoaudit.job import ADDED, MOVED, STEPS, most
from ecoaudit.recording import energy_within
from ecoaudit.run import Doubt, Run, RunKind, RunStatus
from ecoaudit.site_run import BOUNDARIES, Site, parts_of
from ecoaudit.uniting import refuse_twice, united_id, worst_status

# What adds up where any site has it, with its unit.
_ADDED = {
    "rounds_s": "s",
    "rounds_energy_j": "J",
    "waiting_s": "s",
    "waiting_energy_j": "J",
    MOVED: "bytes",
    STEPS: "steps",
    **{noun: noun for noun in ADDED},
}


def merge_sites(runs: Sequence[Run]) -> Run:
    """One run of the runs of the sites of a federated training.

    ``settings["sites"]`` has an entry for each run, by its id. A site with several runs stands
    there once for each.

    Raises:
        UsageError: fewer than two runs, one that counts twice, or one that is no site's.
    """
    if len(runs) < 2:
        raise UsageError("merge --sites takes the runs of two or more sites")
    refuse_twice(runs)
    sites = sorted((Site.of(run) for run in runs), key=lambda site: site.id)
    _refuse_common_parts(sites)
    start = min(site.start for site in sites)
    sites = [replace(site, after_s=(site.start - start).total_seconds()) for site in sites]
    _refuse_common_boards(sites)
    duration_s = max(site.end_s for site in sites)
    windows = [window for site in sites for window in site.windows()]
    return Run(
        id=united_id(runs),
        kind=RunKind.TRAINING,
        name=f"federation of {len(sites)} sites",
        status=worst_status(runs),
        started_at=min(site.started_at for site in sites),
        duration_s=duration_s,
        devices=[device for site in sites for device in site.devices()],
        settings={"sites": [site.entry() for site in sites]},
        windows=sorted(windows, key=lambda window: (window.start_s, window.path)),
        doubts=[*_own_doubts(sites, duration_s), *_sites_doubts(sites)],
        summary=_summary(sites, duration_s),
    )


# -- figures -------------------------------------------------------------------------------------


def _summary(sites: list[Site], duration_s: float) -> dict[str, Estimate]:
    clocks = "first start to last end, by the sites' own clocks"
    summary = {
        "duration_s": Estimate.exact(duration_s, "s", Basis.MEASURED, clocks),
        "energy_j": _of_all(sites, "energy_j", partial(_added, unit="J"), "J"),
    }
    for name, boundary in BOUNDARIES.items():
        summary[name] = _of_those_with(sites, name, boundary)
    summary["modelled_energy_share"] = _share_modelled(sites)
    if any("wall_energy_j" in site.figures for site in sites):
        summary["wall_energy_j"] = _of_all(sites, "wall_energy_j", partial(_added, unit="J"), "J")
    summary["operational_kgco2e"] = _carbon(sites)
    if _some(sites, "rounds"):
        summary["rounds"] = _of_all(sites, "rounds", most, "rounds")
    for name, unit in _ADDED.items():
        if _some(sites, name):
            summary[name] = _of_all(sites, name, partial(_added, unit=unit), unit)
    for name, noun, unit in (
        ("energy_per_step_j", STEPS, "J/step"),
        ("energy_per_token_j", "tokens", "J/token"),
    ):
        if _some(sites, name):
            summary[name] = _mean(sites, name, noun, unit)
    return summary


def _some(sites: list[Site], name: str) -> bool:
    return any(name in site.figures for site in sites)


def _of_all(
    sites: Sequence[Site], name: str, how: Callable[[list[Estimate]], Estimate], unit: str
) -> Estimate:
    """A figure of all sites; absent, with their names, where some have none."""
    without = [site.id for site in sites if name not in site.figures]
    if without:
        return Estimate.absent(unit, f"{_named(without)}: not in its run, and so not in the sum")
    figure = how([site.figures[name] for site in sites])
    return figure.sourced(f"{len(sites)} sites; {figure.source}") if figure.known else figure


def _added(figures: Sequence[Estimate], unit: str, alike: Sequence[bool] = ()) -> Estimate:
    """The sum. Meters of several sites err each for itself; a model errs alike at all of them, so
    that the ends of what is modelled are added, not taken in quadrature.

    Args:
        figures: of the sites.
        unit: of each.
        alike: whether each rests on a model that others use too; by default by its basis.
    """
    alike = alike or [figure.basis is not Basis.MEASURED for figure in figures]
    modelled = [figure for figure, shared in zip(figures, alike, strict=True) if shared]
    if not modelled or not all(figure.known for figure in figures):
        return total(figures, unit)
    value, low, high = (fsum(figure.numbers[end] for figure in modelled) for end in range(3))
    together = replace(total(modelled, unit), value=value, low=low, high=high)
    apart = [figure for figure, shared in zip(figures, alike, strict=True) if not shared]
    return total([*apart, together], unit)


def _of_those_with(sites: list[Site], name: str, boundary: str) -> Estimate:
    """Energy within a boundary; a site that has no such device adds none [J]."""
    having = [site for site in sites if name in site.figures]
    if not having:
        return energy_within([], boundary)
    figure = _of_all(having, name, partial(_added, unit="J"), "J")
    if len(having) == len(sites) or not figure.known:
        return figure
    others = _named([site.id for site in sites if site not in having])
    return figure.sourced(f"{figure.source}; nothing is read at this boundary at {others}")


def _carbon(sites: list[Site]) -> Estimate:
    """Each site's energy at its own PUE and grid; sites on one grid share its doubt [kgCO2e]."""
    without = [site.id for site in sites if not site.has_grid]
    if without:
        return Estimate.absent(
            "kgCO2e",
            f"no grid was stated by {_named(without)}: record with country=... or site=...",
        )
    pooled: dict[str, list[Site]] = {}
    for site in sites:
        where = repr(site.places[0][0]) if len(site.places) == 1 else site.id
        pooled.setdefault(where, []).append(site)
    emissions = [_carbon_at_one_grid(each) for each in pooled.values()]
    found = _added(emissions, "kgCO2e", [any(map(_modelled, each)) for each in pooled.values()])
    bare = [site.id for site in sites if any(pue is None for _, pue in site.places)]
    if not found.known or not bare:
        return found
    return found.sourced(f"{found.source}; no PUE was stated by {_named(bare)}: no overhead there")


def _carbon_at_one_grid(sites: list[Site]) -> Estimate:
    grid = sites[0].places[0][0]
    if len(sites[0].places) > 1 or grid is None:  # of ranks in several places
        return sites[0].figures["operational_kgco2e"]
    energies = [site.facility_energy() for site in sites]
    return operational_kgco2e(_added(energies, "J", [*map(_modelled, sites)]), grid)


def _modelled(site: Site) -> bool:
    return site.figures["energy_j"].basis is not Basis.MEASURED


def _share_modelled(sites: list[Site]) -> Estimate:
    """The sites' shares, each by its energy."""
    names = ("modelled_energy_share", "energy_j")
    shares, energies = ([site.figures[name] for site in sites] for name in names)
    lacking = [figure.source for figure in (*shares, *energies) if not figure.known]
    whole = fsum(energy.number for energy in energies if energy.known)
    if lacking or whole <= 0:
        return Estimate.absent("", joined(*lacking) or "there is no energy to have a share of")
    value, low, high = (
        fsum(
            share.numbers[end] * energy.number
            for share, energy in zip(shares, energies, strict=True)
        )
        / whole
        for end in range(3)
    )
    bases = {share.basis for share in shares}
    basis = bases.pop() if len(bases) == 1 else Basis.MODELLED
    source = f"{len(sites)} sites; {joined(*(share.source for share in shares))}"
    return Estimate(value, min(low, value), max(high, value), "", basis, source)


def _mean(sites: list[Site], name: str, noun: str, unit: str) -> Estimate:
    """Energy per step or token over all sites: the mean of the sites', by their amounts."""
    amount = _of_all(sites, noun, partial(total, unit=noun), noun)
    if not amount.known or not amount.number:
        return Estimate.absent(unit, f"there are no {noun} to have it of; {amount.source}")

    def energy(figures: Sequence[Estimate]) -> Estimate:
        amounts = [site.figures[noun].number for site in sites]
        return _added([e * n for e, n in zip(figures, amounts, strict=True)], unit)

    found = _of_all(sites, name, energy, unit)
    return found / amount.number if found.known else found


# -- doubts and refusals -------------------------------------------------------------------------


def _own_doubts(sites: list[Site], duration_s: float) -> Iterable[Doubt]:
    """What weakens the whole: sites cut short, unlike rounds, times when nobody was at work."""
    cut = [
        f"{site.id} ({site.run.status})"
        for site in sites
        if site.run.status is not RunStatus.COMPLETE
    ]
    if cut:
        yield doubt("site-incomplete", f"{_named(cut)}: not complete; what followed is not counted")
    rounds = {site.id: site.figures["rounds"].number for site in sites if "rounds" in site.figures}
    if len(set(rounds.values())) > 1:
        said = ", ".join(f"{count:g} at {site}" for site, count in rounds.items())
        yield doubt("rounds-differ", f"rounds: {said}; the largest is reported")
    empty_s, end_s = 0.0, 0.0
    for site in sorted(sites, key=lambda site: site.after_s):
        empty_s += max(0.0, site.after_s - end_s)
        end_s = max(end_s, site.end_s)
    if empty_s > 0:
        yield doubt(
            "sites-apart",
            f"for {empty_s:.3g} s of the {duration_s:.3g} s no site's run was going on, by the"
            " sites' own clocks",
        )


def _sites_doubts(sites: list[Site]) -> Iterable[Doubt]:
    """What the sites' runs doubt: each code once, in the list's words, with the sites' names."""
    said: dict[str, list[str]] = {}
    for site in sites:
        for code in dict.fromkeys(each.code for each in site.run.doubts):
            said.setdefault(code if code in CHECKS else "site-other-doubt", []).append(site.id)
    for code in sorted(said):
        ids = list(dict.fromkeys(said[code]))
        who = "all sites" if len(ids) == len(sites) else _named(ids)
        yield doubt(code, f"{who}: {CHECKS[code].when}")


def _named(ids: Sequence[str]) -> str:
    return f"site{'s' if len(ids) > 1 else ''} {', '.join(ids)}"


def _refuse_common_parts(sites: list[Site]) -> None:
    """A rank's run may be in one job only."""
    holders: dict[Any, str] = {}
    for site in sites:
        for part in parts_of(site.run):
            other = holders.setdefault(part["id"], site.id)
            if other != site.id:
                raise UsageError(
                    f"run {part['id']} is in both {other} and {site.id}; each run counts once"
                )


def _refuse_common_boards(sites: list[Site]) -> None:
    """A board that two runs saw at one time would count twice."""
    seen: dict[str, list[Site]] = {}
    for site in sorted(sites, key=lambda site: (site.after_s, site.id)):
        for board in site.boards:
            seen.setdefault(board, []).append(site)
    for board, those in seen.items():
        for earlier, later in pairwise(those):
            if later.after_s < earlier.end_s:
                raise UsageError(
                    f"runs {earlier.id} and {later.id} both recorded board {board} at one time, and"
                    " it would count twice; profile clients that share a machine in one run"
                )
