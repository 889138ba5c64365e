"""Where electricity comes from, and what a kWh of each supply emits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ecoaudit.errors import NotFoundError
from ecoaudit.factors.grid import GridFactor, grid_factor
from ecoaudit.ledger import Owner, Scope, Stage
from ecoaudit.lifecycle.book import Book, Origin
from ecoaudit.lifecycle.tabled import own_or_table, table_or_none
from ecoaudit.scenario.account import Diesel, Panels, Supply
from ecoaudit.units import J_PER_KWH

_ROUNDING: Final = 1e-9  # shares of a plan's supply are quotients


@dataclass(frozen=True, slots=True)
class Feed:
    """One supply; formulas are in kgCO2e for a kWh used, over inputs.

    Attributes:
        id: for the ids of lines.
        name: for people.
        share: of the electricity; empty: all.
        direct: where it is generated; empty: nothing arises there.
        scope: of that.
        owner: who can change it.
        market: of purchased electricity, by contract; empty: it is not bought.
        chain: on its way here: losses, fuel, panels; empty: nothing, or not modelled.
        chain_scope: of that.
        chain_name: what that is.
        chain_owner: who can change it.
    """

    id: str
    name: str
    share: str
    direct: str
    scope: Scope
    owner: Owner
    market: str = ""
    chain: str = ""
    chain_scope: Scope = Scope.ENERGY
    chain_name: str = ""
    chain_owner: Owner = Owner.SUPPLIER


@dataclass(frozen=True, slots=True)
class Supplies:
    """All that feeds an account.

    Attributes:
        feeds: each supply.
        grid_share: as a formula; empty: all; None: there is no grid.
        bought_kg_per_kwh: of electricity bought, for what is used elsewhere; empty: no grid.
    """

    feeds: list[Feed]
    grid_share: str | None
    bought_kg_per_kwh: str


def supplies_of(supply: Supply, book: Book) -> Supplies:
    """The supplies, with their inputs written down.

    Raises:
        UsageError: no country and no intensity is stated where something is bought.
        NotFoundError: a place that no table holds.
    """
    feeds: list[Feed] = []
    others: list[str] = []
    whole = 0.0
    for part in (supply.generator, supply.panels):
        if part is None:
            continue
        feed = _generator(part, book) if isinstance(part, Diesel) else _panels(part, book)
        feeds.append(feed)
        others.append(feed.share)
        whole += part.share.number
    if whole >= 1 - _ROUNDING:
        return Supplies(feeds, None, _networks_grid(supply, book))
    share = f"(1 - {' - '.join(others)})" if others else ""
    grid = _grid(supply, book, share)
    return Supplies([grid, *feeds], share, grid.direct)


def _networks_grid(supply: Supply, book: Book) -> str:
    """Of the country's grid, which feeds networks though not this site; empty: not stated."""
    if supply.country is None:
        return ""
    factor = grid_factor(supply.country, supply.region, fallback=False)
    origin = Origin(year=factor.year, licence=factor.licence, boundary=factor.scope)
    grams = book.put("networks_g_per_kwh", "grid intensity", factor.intensity, origin)
    return f"{grams} / 1000"


def _grid(supply: Supply, book: Book, share: str) -> Feed:
    factor, origin = grid_of(supply)
    grams = book.put("grid_g_per_kwh", "grid intensity", factor.intensity, origin)
    direct, market = f"{grams} / 1000", ""
    if supply.market is None:
        market = direct  # the Scope 2 Guidance's last resort: no contract, no residual mix
    else:
        market = f"{book.put('market_g_per_kwh', 'market intensity', supply.market)} / 1000"
    chain = ""
    losses = None if supply.country is None else table_or_none("losses", supply.country.upper())
    if supply.losses is not None:
        replaces = None if losses is None else str(losses[0])
        losses = supply.losses, Origin(boundary="as declared", replaces=replaces)
    if losses is None:
        book.lacking(
            "grid/losses",
            "losses between power station and site",
            Stage.SUPPLY,
            Scope.ENERGY,
            Owner.SUPPLIER,
            "the share lost on the way is neither stated nor in the table: losses",
        )
    else:
        lost = book.put("losses", "losses", *losses)
        chain = f"{grams} / 1000 * {lost} / (1 - {lost})"
    return Feed(
        "grid",
        "from the grid",
        share,
        direct,
        Scope.ELECTRICITY,
        Owner.SUPPLIER,
        market,
        chain,
        Scope.ENERGY,
        "lost on the way",
    )


def grid_of(supply: Supply) -> tuple[GridFactor, Origin]:
    """The grid's factor, and what of a table it stands in for."""
    if supply.intensity is None:
        factor = grid_factor(supply.country, supply.region, fallback=False)
        return factor, Origin(year=factor.year, licence=factor.licence, boundary=factor.scope)
    factor = grid_factor(supply.country, supply.region, supply.intensity)
    replaces = None
    if supply.country is not None:
        try:
            replaces = str(grid_factor(supply.country, supply.region).intensity)
        except NotFoundError:
            replaces = None
    return factor, Origin(boundary=factor.scope, replaces=replaces)


def _generator(diesel: Diesel, book: Book) -> Feed:
    share = book.put("generator_share", "generator share", diesel.share)
    fuel_use = diesel.fuel_use
    litres = own_or_table(
        book,
        "fuel_l_per_kwh",
        "fuel use",
        None if fuel_use is None else fuel_use.converted(J_PER_KWH, "L/kWh"),
        "fuel",
        "diesel generator, small, half load",
    )
    carbon = own_or_table(
        book, "fuel_kg_per_l", "fuel carbon", diesel.carbon, "fuel", "diesel, burnt"
    )
    upstream = own_or_table(
        book, "well_to_tank", "well to tank", diesel.well_to_tank, "fuel", "diesel, well to tank"
    )
    burnt = f"{litres} * {carbon}"
    return Feed(
        "generator",
        "burning diesel",
        share,
        burnt,
        Scope.FUEL,
        Owner.CLINIC,
        chain=f"{litres} * {upstream}",
        chain_scope=Scope.ENERGY,
        chain_name="making and bringing the diesel",
    )


def _panels(panels: Panels, book: Book) -> Feed:
    share = book.put("panels_share", "panels share", panels.share)
    if panels.whole is not None:
        whole = book.put("panels_g_per_kwh", "panels intensity", panels.whole)
        chain = f"{whole} / 1000"
    else:
        made = own_or_table(
            book,
            "panels_g_per_kwh",
            "panels intensity",
            panels.intensity,
            "generation",
            "solar, roof",
        )
        chain = f"{made} / 1000"
        if panels.used is not None:
            chain += f" / {book.put('panels_used', 'panels used', panels.used)}"
        if panels.battery is not None:
            stored = book.put("battery_g_per_kwh", "battery intensity", panels.battery)
            if panels.stored is not None:
                stored += f" * {book.put('stored_share', 'stored share', panels.stored)}"
            chain = f"({chain} + {stored} / 1000)"
    return Feed(
        "panels",
        "from its own panels",
        share,
        "",
        Scope.CAPITAL,
        Owner.CLINIC,
        chain=chain,
        chain_scope=Scope.CAPITAL,
        chain_name="making the panels and their battery",
        chain_owner=Owner.CLINIC,
    )
