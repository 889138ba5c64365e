"""What the parts of a plan are called on its page: money, what changes, and the supply."""

from __future__ import annotations

from typing import Final

# Instead of buying.
RENTED: Final = {
    "cloud-gpu": "Rent a GPU in a cloud",
    "hosted-api": "Pay a hosted model by the token",
    "subscription": "Subscribe for each clinician",
    "do-nothing": "Do nothing",
}

# Rows of the cost of owning, and when each is paid.
COSTS: Final = {
    "purchase": ("Purchase", "once"),
    "import_duty": ("Import duty", "once"),
    "freight": ("Freight", "once"),
    "installation": ("Installation", "once"),
    "spares": ("Spare parts", "once"),
    "energy": ("Electricity and fuel", "each year"),
    "staff": ("Time of the staff", "each year"),
    "maintenance": ("Maintenance", "each year"),
    "disposal": ("Disposal", "at the end"),
}

# What a sensitivity changes.
DRIVERS: Final = {
    "none": "As planned",
    "load": "Load",
    "tariff": "Price of electricity",
    "life": "Years that it is kept",
    "used_fraction": "Share of the results that is used",
    "languages": "Languages of the patients",
}

# What feeds a computer, and what becomes of it in a day.
SUPPLY: Final = {
    "unserved_s": "Time without electricity",
    "unserved_j": "Electricity that is lacking",
    "load_j": "What it needs",
    "served_j": "What of that it gets",
    "solar_j": "From the panels",
    "grid_j": "From the grid",
    "generator_j": "From the generator",
    "lost_j": "Lost in battery and UPS",
    "curtailed_j": "From the panels, not used",
    "battery_low": "Lowest charge of the battery",
    "fuel_l": "Fuel of the generator",
    "fuel_usd": "Price of that fuel",
    "fuel_kgco2e": "Carbon of that fuel",
    "grid_usd": "Price of the grid's electricity",
    "unserved_s_per_month": "Time without electricity in a month, from outages",
    "fuel_l_per_month": "Fuel of the generator in a month, from outages",
    "fuel_usd_per_month": "Price of that fuel in a month",
    "ups_s": "How long the UPS carries it",
    "worst_start": "Hour at which an outage does most harm",
}

SKILLS: Final = {
    "none": "Nobody on the site can",
    "technician": "A technician who visits",
    "it": "IT staff on the site",
}
