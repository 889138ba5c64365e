"""How figures of a plan follow from others of its file, as the planner reckons them.

A formula is claimed only where each of its names is a figure of the file that is known.
"""

from __future__ import annotations

from typing import Final

DAY_S: Final = 86400
YEAR_D: Final = 365.25
YEAR_S: Final = 31557600
MONTH_S: Final = 2629800  # 730.5 h

# Names of rules that stand in the scenario.
SCENARIO: Final = {
    "pue": "site.pue",
    "tariff": "site.tariff",
    "sleep_power_w": "site.host.sleep_power",
    "host_idle_w": "site.host.idle_power",
    "host_peak_w": "site.host.peak_power",
    "host_usd": "site.host.price",
    "wake_s": "site.host.wake_time",
    "wake_j": "site.host.wake_energy",
    "link_bit_per_s": "site.link_speed",
    "fuel_l_per_j": "site.generator.fuel_use",
    "fuel_usd_per_l": "site.generator.fuel_price",
    "fuel_kgco2e_per_l": "site.generator.carbon",
    "outages_per_month": "site.outages.per_month",
    "outage_s": "site.outages.hours",
    "staff_usd_per_s": "site.staff.hourly_cost",
    "clinicians": "demand.clinicians",
    "opening_s": "demand.opening",
    "days_per_year": "demand.days_per_year",
    "clinics": "shared_by",
    "used_fraction": "workload.used_fraction",
    "system_tokens": "workload.system_prompt",
    "message_tokens": "workload.prompt.mean",
    "answer_tokens": "workload.output.mean",
    "turns": "workload.turns",
    "life_s": "money.life",
    "discount_rate": "money.discount_rate",
    "duty": "money.import_duty",
    "freight_usd": "money.freight",
    "installation_usd": "money.installation",
    "maintenance": "money.maintenance",
    "spares": "money.spares",
    "disposal_usd": "money.disposal",
    "upkeep_s": "money.upkeep",
    "gpu_usd_per_s": "alternatives.cloud_gpu.price",
    "rented_s_per_month": "alternatives.cloud_gpu.hours_per_month",
    "usd_per_token_in": "alternatives.hosted_api.input",
    "usd_per_token_out": "alternatives.hosted_api.output",
    "usd_per_seat_month": "alternatives.subscription.price",
}
# The first of these that is stated.
REQUESTS_EACH: Final = ("demand.requests_per_clinician", "workload.requests_per_clinician")
REQUESTS: Final = "clinicians * requests_each"

# Names that stand in the plan's rows of tables; DEVICE and MODEL are those of the option.
FACTORS: Final = {
    "power_limit_w": "DEVICE: power_limit",
    "bare_idle_w": "DEVICE: idle_power",
    "device_usd": "DEVICE: price",
    "shape": "MODEL: shape",
    "idle_share": "idle over power limit",
    "supply_efficiency": "power supply",
}

# What there is, by limit: the cautious end of what the scenario states.
THERE: Final = {
    "circuit_power": "site.circuit_power",
    "energy_per_day": "site.energy_per_day",
    "capital": "budget",
    "first_token": "workload.service.first_token",
    "complete": "workload.service.complete",
    "ups_power": "site.ups.power",
    "generator_power": "site.generator.power",
    "running_cost": "money.yearly_budget",
    "staff": "site.staff.hours_per_month",
}
PEAKS: Final = ("circuit_power", "ups_power", "generator_power")

ALWAYS_ON: Final = "always-on"
OPENING_HOURS: Final = "opening-hours"
SLEEP: Final = "sleep-between-jobs"
NIGHT: Final = "night-batch"
SHARED: Final = "shared"
ASLEEP: Final = (OPENING_HOURS, SLEEP, NIGHT)

BY_HOUR: Final = ("idle_energy_j_per_day", "energy_j_per_day", "energy_j_per_rest_day")

# Of an option in every way of running it.
ANY_WAY: Final = {
    "active_energy_j_per_day": f"(busy_power_w - idle_power_w) * busy_share * {DAY_S}",
    "download_s": "weight_bytes * 8 / link_bit_per_s",
}
# Of the device's rows, told apart by words of the figure's own source (ecoaudit.sizing.power,
# ecoaudit.planning.prices); a card stands in a computer, a machine is one.
MACHINE_PEAK: Final = "power limit and what surrounds the chip"
CARD_PEAK: Final = "power limit through the supply"
PEAK: Final = {
    MACHINE_PEAK: "power_limit_w * n_devices * 1.1",
    CARD_PEAK: "power_limit_w * n_devices / supply_efficiency + host_peak_w",
}
OF_LIMIT: Final = "% of the power limit"
WITH_CONTEXT: Final = "open CUDA context"
IDLE: Final = {OF_LIMIT: "idle_share * power_limit_w", WITH_CONTEXT: "(bare_idle_w + 38)"}
IN_COMPUTER: Final = "{} * n_devices / supply_efficiency + host_idle_w"
OF_MACHINE: Final = "{} * n_devices"

# By way: what rests, or the computer takes besides what requests add [J of a working day].
REST: Final = {
    ALWAYS_ON: f"idle_power_w * {DAY_S}",
    SHARED: f"idle_power_w * {DAY_S}",
    OPENING_HOURS: f"idle_power_w * opening_s + sleep_power_w * ({DAY_S} - opening_s) + wake_j",
    NIGHT: f"idle_power_w * busy_share * {DAY_S} + sleep_power_w * {DAY_S} * (1 - busy_share)"
    " + wake_j",
}
REST_DAY: Final = {SHARED: f"idle_power_w * {DAY_S} * pue"} | dict.fromkeys(
    ASLEEP, f"sleep_power_w * {DAY_S} * pue"
)
YEAR: Final = (
    f"energy_j_per_day * days_per_year + energy_j_per_rest_day * max({YEAR_D} - days_per_year, 0)"
)
YEAR_ALWAYS_ON: Final = (
    f"(idle_energy_j_per_day * {YEAR_D} + active_energy_j_per_day * days_per_year) * pue"
)
ADDED_WAIT: Final = {
    OPENING_HOURS: "0",  # it is awake when it is asked
    SHARED: "0",
    NIGHT: f"opening_s + busy_share * {DAY_S} + wake_s",
}
WOKEN: Final = dict.fromkeys((OPENING_HOURS, SHARED, NIGHT), "0")

OUT: Final = f"outages_per_month * outage_s / {MONTH_S}"  # share of the time without the grid
USD: Final = "energy_j_per_year * tariff"
USD_WITH_OUTAGES: Final = (
    f"energy_j_per_year * (tariff * (1 - {OUT}) + fuel_l_per_j * fuel_usd_per_l * {OUT})"
)
CARBON: Final = "energy_j_per_year / 3.6e6 * grid_g_per_kwh / 1000"
CARBON_WITH_OUTAGES: Final = (
    f"energy_j_per_year * ((1 - {OUT}) / 3.6e6 * grid_g_per_kwh / 1000"
    f" + {OUT} * fuel_l_per_j * fuel_kgco2e_per_l)"
)
GENERATOR: Final = f"energy_j_per_year * {OUT}"
# Without a grid: what was generated, and the panels where the site states what their supply emits.
CARBON_OF_FUEL: Final = "generator_energy_j_per_year * fuel_l_per_j * fuel_kgco2e_per_l"
CARBON_OF_PANELS: Final = "panels_energy_j_per_year / 3.6e6 * grid_g_per_kwh / 1000"

# -- money: parts of a cost, each with the names that it takes; a part of which one is not known is
# not in the sum, and stands in costs.missing.
ONCE: Final = (
    "capital_usd",
    "capital_usd * duty",
    "freight_usd",
    "installation_usd",
    "capital_usd * spares",
)
YEARLY: Final = (
    "energy_usd_per_year",
    "upkeep_s * 12 * staff_usd_per_s",
    "capital_usd * maintenance",
)
END: Final = ("disposal_usd",)
LIFE: Final = f"(life_s / {YEAR_S})"
ANNUITY: Final = (
    f"((1 - (1 + discount_rate) ** -floor({LIFE})) / discount_rate"
    f" + ({LIFE} - floor({LIFE})) * (1 + discount_rate) ** -{LIFE})"
)
AT_THE_END: Final = f"(1 + discount_rate) ** -{LIFE}"

_TOKENS: Final = (
    "(system_tokens + message_tokens) * usd_per_token_in + answer_tokens * usd_per_token_out"
)
RENTED: Final = {
    "cloud-gpu": (
        "gpu_usd_per_s * rented_s_per_month * 12",
        "gpu_usd_per_s * opening_s * days_per_year",
    ),
    "hosted-api": (f"({_TOKENS}) * {REQUESTS} * days_per_year",),
    "subscription": ("usd_per_seat_month * 12 * clinicians",),
}

# Of requests in a language, all of whose texts but the system prompt grow by its premium.
_PATIENT: Final = "system_tokens + (message_tokens + answer_tokens) * token_premium"
LANGUAGE: Final = {
    "prompt_tokens": "system_tokens + message_tokens * token_premium",
    "output_tokens": "answer_tokens * token_premium",
    "tokens_per_patient": _PATIENT,
    "relative_tokens": f"({_PATIENT}) / (system_tokens + message_tokens + answer_tokens)",
}
