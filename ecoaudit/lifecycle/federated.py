"""The ledger of a federated training, beside that of one central run."""

from __future__ import annotations

from dataclasses import replace

from ecoaudit.estimate import Basis, Estimate
from ecoaudit.ledger import Ledger
from ecoaudit.lifecycle.accounting import Case, Options, ledger_of
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.lifecycle.pairs import compared
from ecoaudit.scenario.account import Account, ElectricityUse, Network
from ecoaudit.scenario.federation import Central, FederatedSite, Federation


def ledger_of_federation(federation: Federation, runs: RunFiles, options: Options) -> Ledger:
    """The account of all sites, a row for each, and what one central run would have had instead.

    Each site's electricity is that of its own supply. In each round it trains, waits for the
    slowest, and exchanges the model; the waiting is idle electricity of its own.

    Raises:
        UsageError: a figure that is needed is neither stated nor in a table.
        NotFoundError: a name that no table holds.
    """
    ordered = sorted(federation.sites.items())  # so that their order changes no digit
    sites = {name: _site(federation, name, site) for name, site in ordered}
    first = next(iter(sites.values()))
    whole = replace(
        first,
        id=federation.id,
        name=federation.name,
        units=federation.units,
        note=federation.note,
        subject={"kind": "federated training", "sites": ", ".join(sites)},
    )
    ledger = ledger_of(Case(whole, runs, options, sites))
    if federation.central is None:
        return ledger
    central = _central(federation, federation.central)
    other = ledger_of(Case(central, runs, options))
    found = compared(other, ledger, count=options.draws, seed=options.seed)
    value, low, high = found.ratio
    row = {
        "kind": "instead",
        "name": central.name,
        "per": "the account",
        "quantity": other.total,
        "over_best": Estimate(
            value,
            low,
            high,
            "",
            Basis.MODELLED,
            "over the federated training, shared factors alike",
        ),
        "below": found.below,
    }
    return replace(ledger, rows=[*ledger.rows, row])


def _site(federation: Federation, name: str, site: FederatedSite) -> Account:
    uses = []
    if site.run is not None:
        uses.append(ElectricityUse("adaptation", run=site.run, name="training and waiting"))
    for spell, stage, told in (
        (site.working, "adaptation", "training"),
        (site.waiting, "serving-idle", "waiting for the other sites"),
    ):
        if spell is not None:
            use = ElectricityUse(
                stage,  # type: ignore[arg-type]  # both are stages
                power=spell.power,
                time=spell.time,
                repeats=federation.rounds,
                name=told,
            )
            uses.append(use)
    data = federation.exchanged.times(federation.rounds, "bytes")
    return Account(
        id=f"{federation.id}/{name}",
        name=name,
        period=federation.period,
        equipment=site.equipment,
        electricity=uses,
        supply=site.supply,
        pue=site.pue,
        amortisation=federation.amortisation,
        network=Network(data, federation.network, federation.network_energy),
    )


def _central(federation: Federation, central: Central) -> Account:
    return Account(
        id=f"{federation.id}/central",
        name=central.name,
        period=federation.period,
        equipment=central.equipment,
        electricity=central.electricity,
        supply=central.supply,
        pue=central.pue,
        amortisation=federation.amortisation,
        network=None
        if central.data is None
        else Network(central.data, federation.network, federation.network_energy),
        units=federation.units,
        subject={"kind": "training"},
    )
