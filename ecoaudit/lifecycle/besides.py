"""What is neither equipment nor electricity here: others' training, networks, water."""

from __future__ import annotations

from ecoaudit.errors import UsageError
from ecoaudit.ledger import CARBON, Owner, Scope, Stage
from ecoaudit.lifecycle.book import Book, Draft
from ecoaudit.lifecycle.electricity import Used, equipment_kwh, site_kwh
from ecoaudit.lifecycle.supplies import Supplies
from ecoaudit.lifecycle.tabled import MADE_IMPACTS, declared, own_or_table, table_or_none
from ecoaudit.scenario.account import Account

WATER = "water"


def upstream(account: Account, book: Book, *, added: bool) -> None:
    """The training of the model by others: beside the total, and in it only where asked."""
    name, formula, why = _upstream(account, book, added=added)
    where = ("upstream", name, Stage.UPSTREAM, Scope.SERVICES, Owner.VENDOR)
    if not added:
        book.aside(Draft(*where, CARBON, formula, why, Stage.UPSTREAM, ""))
    elif why:
        book.lacking(*where, why)
    else:
        book.line(*where, formula)


def _upstream(account: Account, book: Book, *, added: bool) -> tuple[str, str, str]:
    """Its name, its formula, and where there is none the reason."""
    training, units = account.upstream, account.units
    if training is None:
        why = "the training of the model by others is not stated: upstream"
        return "training of the model by others", "", why
    name = f"training of {training.name} by others"
    whole = book.put("upstream_kgco2e", "upstream training", training.emissions)
    if training.lifetime_tokens is None:
        if not added:
            return f"{name}, all of it, for all its users", whole, ""
        why = (
            f"no share of the training of {training.name} can be told without the tokens of all"
            " its users: upstream.lifetime_tokens"
        )
        return name, "", why
    if units.requests is None or units.output_tokens is None:
        why = "the tokens of this account are not stated: units.requests and units.output_tokens"
        return name, "", why
    own = units.requests.number * units.output_tokens.number
    if own > training.lifetime_tokens.number:
        raise UsageError(
            f"upstream.lifetime_tokens: {training.lifetime_tokens.number:g} tokens of all users,"
            f" and this account alone has {own:g}"
        )
    requests = book.put("requests", "requests", units.requests)
    each = book.put("output_tokens", "output tokens", units.output_tokens)
    life = book.put("lifetime_tokens", "lifetime tokens", training.lifetime_tokens)
    return f"{name}, by tokens", f"{whole} * {requests} * {each} / {life}", ""


def network(account: Account, supplies: Supplies, book: Book) -> None:
    """What networks of others use for the data that leave the site, and users' devices."""
    stages = {use.stage for use in account.electricity}
    if Stage.ACTIVE.value in stages and Stage.CLIENT.value not in stages:
        why = "their electricity is not stated: a use of the stage client-and-network"
        book.lacking(
            "devices", "the users' own devices", Stage.CLIENT, Scope.ELECTRICITY, Owner.CLINIC, why
        )
    where = ("network", "networks of others", Stage.CLIENT, Scope.SERVICES, Owner.SUPPLIER)
    used = account.network
    if used is None:
        book.lacking(*where, "the data over networks of others are not stated: network")
        return
    if not supplies.bought_kg_per_kwh:
        why = "the networks' electricity is not this site's, and no grid is stated for it"
        book.lacking(*where, why)
        return
    data = book.put("network_gb", "network data", used.data.converted(1e-9, "GB"))
    energy = own_or_table(
        book,
        "network_kwh_per_gb",
        "network energy",
        used.energy,
        "network",
        f"{used.kind or 'fixed'} network",
    )
    book.line(*where, f"{data} * {energy} * {supplies.bought_kg_per_kwh}")


def water(account: Account, uses: list[Used], supplies: Supplies, book: Book) -> None:
    """Water on the site and at the power station.

    WCF = E x (WUE_on + PUE x WUE_off), ISO/IEC 30134-9 for the first; E is the equipment's.
    """
    told = account.water
    here = ("water/site", "water for cooling on the site", Stage.FACILITY, Scope.SERVICES)
    there = ("water/station", "water at the power station", Stage.SUPPLY, Scope.ENERGY)
    if told is None or told.on_site is None:
        why = "water for cooling is not stated: water.on_site"
        book.lacking(*here, Owner.CLINIC, why, impact=WATER, unit="L")
    else:
        wue = book.put("wue_l_per_kwh", "water on site", told.on_site)
        cooled = equipment_kwh(uses, cooled=True)
        book.line(*here, Owner.CLINIC, f"({cooled}) * {wue}", impact=WATER, unit="L")
    if supplies.grid_share is None:
        why = "no power station feeds it"
        book.lacking(*there, Owner.SUPPLIER, why, impact=WATER, unit="L")
        return
    found = None if told is None or told.power_station is None else declared(told.power_station)
    country = account.supply.country
    if found is None and country is not None:
        found = table_or_none("water", f"grid of {country.upper()}")
    if found is None:
        why = (
            "water at the power stations is neither stated nor in the table of grids:"
            " water.power_station"
        )
        book.lacking(*there, Owner.SUPPLIER, why, impact=WATER, unit="L")
    else:
        ewif = book.put("ewif_l_per_kwh", "water at the power station", *found)
        share = f" * {supplies.grid_share}" if supplies.grid_share else ""
        formula = f"({site_kwh(uses)}){share} * {ewif}"
        book.line(*there, Owner.SUPPLIER, formula, impact=WATER, unit="L")


def other_impacts(book: Book) -> None:
    """What of other impacts than carbon is not modelled: those of the electricity."""
    for impact, unit, _, _ in MADE_IMPACTS:
        book.lacking(
            f"{impact}/electricity",
            "making of the electricity",
            Stage.SUPPLY,
            Scope.ENERGY,
            Owner.SUPPLIER,
            f"no table here tells the {impact} of a kWh",
            impact=impact,
            unit=unit,
        )
