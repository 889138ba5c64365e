"""What quantities, limits and other names are called on a page, and the glossary."""

from __future__ import annotations

from typing import Final

RANDOM_WEIGHTS: Final = (
    "The engine and the load are real; the weights are random, so the answers mean nothing and "
    "the speed and energy are those of this small model on this machine."
)

LIMITS: Final = {
    "memory": "Memory",
    "circuit_power": "Power circuit",
    "energy_per_day": "Energy per day",
    "capital": "Purchase price",
    "first_token": "Wait for the first word",
    "complete": "Wait for the whole answer",
    "context": "Length of text",
    "load": "Load in the busiest hour",
    "running_cost": "Cost of a year",
    "quality": "Quality score",
    "supply": "Time without electricity in a day",
    "ups_power": "Power of the UPS",
    "generator_power": "Power of the generator",
    "devices": "Cards that can share the model",
    "staff": "Time of the staff in a month",
}

# One word for a cell of the matrix.
SHORT_LIMITS: Final = {
    "memory": "memory",
    "circuit_power": "power",
    "energy_per_day": "energy",
    "capital": "price",
    "first_token": "wait",
    "complete": "wait",
    "context": "length",
    "load": "load",
    "running_cost": "year cost",
    "quality": "quality",
    "supply": "supply",
    "ups_power": "UPS",
    "generator_power": "generator",
    "devices": "cards",
    "staff": "staff",
}

# What must happen to the site or the work before an option that fits no longer does.
CHANGES: Final = {
    "memory": "texts grow until the model needs more than {limit} of memory (now {need})",
    "circuit_power": "the circuit may carry less than {need} (now {limit})",
    "energy_per_day": "the site can give less than {need} (now {limit}, at the cautious end)",
    "capital": "the budget falls below {need} (now {limit})",
    "first_token": "staff will wait less than {need} for the first word (now {limit})",
    "complete": "staff will wait less than {need} for the whole answer (now {limit})",
    "context": "texts grow beyond {limit} (now up to {need})",
    "load": "the busiest hour brings {times} times the requests",
    "running_cost": "the yearly budget falls below {need} (now {limit})",
    "quality": "the least score rises above {limit} (now {need})",
    "ups_power": "the UPS may carry less than {need} (now {limit})",
    "generator_power": "the generator may carry less than {need} (now {limit})",
    "supply": "panels, battery or grid give less than it needs in some hour of the day",
    "staff": "the staff have less than {need} a month for it (now {limit})",
}

QUANTITIES: Final = {
    "duration_s": "Duration",
    "energy_j": "Energy",
    "gpu_energy_j": "Energy of the GPU boards",
    "gpu_energy_by_power_j": "The same by their power, integrated",
    "gpu_energy_share_j": "GPU energy of the MIG instances given",
    "cpu_energy_j": "Energy of the CPU packages",
    "dram_energy_j": "Energy of the memory (DRAM)",
    "modelled_energy_share": "Share of the energy that is modelled",
    "wall_energy_j": "Energy at the plug",
    "wall_energy_per_host_energy": "Energy at the plug over the host's",
    "net_energy_j": "Energy above idle",
    "idle_power_w": "Idle power",
    "power_w": "Power",
    "gpu_power_w": "Power of the GPU boards",
    "cpu_power_w": "Power of the CPU packages",
    "dram_power_w": "Power of the memory (DRAM)",
    "operational_kgco2e": "Operational carbon",
    "peak_gpu_memory_bytes": "Peak GPU memory",
    "peak_host_memory_bytes": "Peak host memory",
    "steps": "Steps",
    "step_s_p50": "Step time, median",
    "step_s_p95": "Step time, 95 % within",
    "energy_per_step_j": "Energy per step",
    "rounds": "Rounds of federated training",
    "rounds_s": "Time in rounds, all sites",
    "rounds_energy_j": "Energy of the rounds, all sites",
    "waiting_s": "Time spent waiting, all sites",
    "waiting_energy_j": "Energy spent waiting, all sites",
    "bytes_moved": "Moved over the network",
    "samples": "Samples",
    "tokens": "Tokens",
    "flops_per_s": "Model operations per second",
    "mfu": "Model operations over the device's peak",
    "samples_per_s": "Samples per second",
    "tokens_per_s": "Tokens per second",
    "prompt_tokens": "Prompt tokens",
    "output_tokens": "Output tokens",
    "output_tokens_per_s": "Output tokens per second",
    "requests": "Requests",
    "requests_per_s": "Requests per second",
    "energy_per_token_j": "Energy per token",
    "energy_per_output_token_j": "Energy per output token",
    "energy_per_request_j": "Energy per request",
    "ttft_s_p50": "Wait for the first token, median",
    "ttft_s_p95": "Wait for the first token, 95 % within",
    "tpot_s_p50": "Time per output token, median",
    "tpot_s_p95": "Time per output token, 95 % within",
    "e2e_s_p50": "Wait for the whole answer, median",
    "e2e_s_p95": "Wait for the whole answer, 95 % within",
    "chunk_gap_s_p50": "Time between chunks, median",
    "chunk_gap_s_p95": "Time between chunks, 95 % within",
    "client_queue_s_p50": "Wait in the client, median",
    "client_queue_s_p95": "Wait in the client, 95 % within",
    "e2e_per_token_s_p50": "Whole answer per token, median",
    "e2e_per_token_s_p95": "Whole answer per token, 95 % within",
    "gpu_energy_per_token_j": "GPU energy per token",
    "gpu_energy_per_output_token_j": "GPU energy per output token",
    "gpu_energy_per_request_j": "GPU energy per request",
    "weight_bytes": "Memory of the weights",
    "parameters": "Parameters",
    "kv_bytes_per_token": "Memory per token of context",
    "kv_bytes_per_sequence": "Memory of one request's context",
    "busy_power_w": "Busy power",
    "energy_j_per_year": "Energy per year",
    "generator_energy_j_per_year": "Of it from the generator",
    "panels_energy_j_per_year": "Of it from panels and battery",
    "marginal_energy_per_request_j": "Energy that one more request adds",
    "allocated_energy_per_request_j": "Energy of a request with its part of a day at rest",
    "energy_per_used_result_j": "Energy per result that is used",
    "marginal_energy_per_used_result_j": "Energy that one more used result adds",
    "allocated_energy_per_used_result_j": "Energy of a used result with its part of a day at rest",
    "unused_gpu_energy_j": "Energy of GPUs that the server does not use",
    "service_level_share": "Requests within the service level",
    "goodput_per_s": "Requests within the service level, per second",
    "requests_in_flight": "Requests in flight",
    "client_cpu_s": "CPU time of the load client",
    "requests_running": "Requests in the engine's batch",
    "requests_waiting": "Requests that wait in the engine",
    "requests_rejected": "Requests refused by the engine",
    "preemptions": "Requests put back for want of KV cache",
    "prefix_hit_share": "Prompt tokens found in the prefix cache",
    "cached_prompt_tokens": "Prompt tokens from a cache",
    "kv_cache_use": "KV cache in use, mean",
    "kv_cache_use_peak": "KV cache in use, most",
    "engine_queue_s": "Wait in the engine, mean",
    "engine_prefill_s": "Reading the prompt, mean",
    "engine_decode_s": "Writing the answer, mean",
    "engine_flops_per_s": "Operations per second on one GPU",
    "engine_read_bytes_per_s": "Memory read per second on one GPU",
    "engine_written_bytes_per_s": "Memory written per second on one GPU",
    "weights_memory_bytes": "Weights",
    "kv_cache_reserved_bytes": "KV cache, reserved",
    "kv_cache_used_bytes": "KV cache, used at most",
    "memory_overhead_bytes": "Everything else",
    "energy_j_per_day": "Energy per day",
    "idle_energy_j_per_day": "Idle",
    "active_energy_j_per_day": "Active",
    "cooling_energy_j_per_day": "Cooling and losses",
    "operational_kgco2e_per_year": "Operational carbon per year",
    "operational_kgco2e_per_request": "Operational carbon per request",
    "capital_usd": "Purchase",
    "energy_usd_per_year": "Electricity per year",
    "peak_power_w": "Peak power",
    "busy_share": "Busy share of the day",
    "tpot_s": "Time per output token",
    "ttft_s": "Wait for the first word",
    "e2e_s": "Wait for the whole answer",
    "running_usd_per_year": "Cost of running it, per year",
    "life_cost_usd": "Cost over its life",
    "present_value_usd": "Present value of that cost",
    "cost_per_request_usd": "Cost of a request",
    "added_wait_s": "Wait that waking adds (95 % within)",
    "woken_share": "Requests that wake it",
    "energy_j_per_rest_day": "Energy on a day of rest",
    "download_s": "Fetching the weights over the site's link",
}

# Keys of a scenario, in the order of the page; a key that is not here is shown by its own name.
ASKED: Final = {
    "site.circuit_power": "Power that one circuit may carry",
    "site.energy_per_day": "Electricity the site can give",
    "site.tariff": "Price of electricity",
    "site.pue": "Site energy over computer energy (PUE)",
    "site.grid_intensity": "Carbon intensity of the supply",
    "site.host.price": "Computer around the card: price",
    "site.host.idle_power": "Computer around the card: idle",
    "site.host.busy_power": "Computer around the card: busy",
    "site.host.peak_power": "Computer around the card: peak",
    "site.host.sleep_power": "All of it, asleep",
    "site.host.wake_time": "Time to wake until the model answers",
    "site.host.wake_energy": "Energy to wake",
    "site.ups.capacity": "UPS: capacity",
    "site.ups.power": "UPS: power",
    "site.ups.efficiency": "UPS: efficiency",
    "site.solar.peak_power": "Panels: peak power",
    "site.solar.sun_hours": "Panels: hours of full sun in a day",
    "site.solar.efficiency": "Panels: what is left after dust, heat and inverter",
    "site.solar.share": "Panels and battery: share for this computer",
    "site.solar.battery.capacity": "Battery: capacity",
    "site.solar.battery.efficiency": "Battery: efficiency",
    "site.generator.power": "Generator: power",
    "site.generator.fuel_use": "Generator: fuel for a kWh",
    "site.generator.fuel_price": "Generator: price of fuel",
    "site.generator.carbon": "Generator: carbon of fuel",
    "site.outages.per_month": "Outages in a month",
    "site.outages.hours": "Length of an outage",
    "site.link_speed": "Speed of the internet connection",
    "site.staff.hours_per_month": "Hours of the staff in a month",
    "site.staff.hourly_cost": "Cost of an hour of the staff",
    "site.currency.usd": "Worth of the site's currency",
    "workload.prompt.mean": "Length of what is sent, mean",
    "workload.prompt.sd": "Length of what is sent, spread",
    "workload.output.mean": "Length of the answer, mean",
    "workload.output.sd": "Length of the answer, spread",
    "workload.system_prompt": "Fixed instructions before each prompt",
    "workload.turns": "Turns of a conversation, mean",
    "workload.turns_sd": "Turns of a conversation, spread",
    "workload.requests_per_clinician": "Requests of one clinician in a day",
    "workload.service.first_token": "Longest wait for the first word (95 % within)",
    "workload.service.complete": "Longest wait for the whole answer (95 % within)",
    "demand.clinicians": "Clinicians",
    "demand.requests_per_clinician": "Requests of one clinician in a day (this site)",
    "demand.opening": "Opening hours a day",
    "demand.days_per_year": "Working days a year",
    "demand.peak_factor": "Busiest hour over the mean hour",
    "budget": "Budget for the purchase",
    "money.yearly_budget": "Budget for a year",
    "money.life": "How long it is kept",
    "money.discount_rate": "Discount rate of a year",
    "money.import_duty": "Import duty over the price",
    "money.freight": "Freight",
    "money.installation": "Installation, with circuit, UPS and training",
    "money.maintenance": "Maintenance of a year over the price",
    "money.spares": "Spare parts over the price",
    "money.disposal": "Disposal",
    "money.upkeep": "Time of the staff in a month",
    "alternatives.cloud_gpu.price": "Rented GPU: price of an hour",
    "alternatives.cloud_gpu.hours_per_month": "Rented GPU: hours in a month",
    "alternatives.hosted_api.input": "Hosted model: price of what is sent",
    "alternatives.hosted_api.output": "Hosted model: price of what comes back",
    "alternatives.subscription.price": "Subscription: price of one clinician",
    "quality.minimum": "Least score of quality",
    "shared_by": "Clinics that share one computer",
}

# How an option is run, after its device; always on is not said.
MODES: Final = {
    "opening-hours": "switched off outside opening hours",
    "sleep-between-jobs": "asleep between jobs",
    "night-batch": "in one batch at night",
    "shared": "shared with the other clinics",
}

# The same in a cell of the matrix.
SHORT_MODES: Final = {
    "opening-hours": "off at night",
    "sleep-between-jobs": "asleep",
    "night-batch": "night batch",
    "shared": "shared",
}

TRUST: Final = {
    "measured": "a measured run of this model on this device",
    "calibrated": "formulas fitted to public measurements of this device",
    "datasheet": "data sheets and formulas fitted to other devices, not a measured run",
}

BOUNDARIES: Final = {
    "board": "GPU board",
    "package": "CPU package",
    "dram": "memory (DRAM)",
    "module": "whole module",
    "wall": "at the plug",
}

GLOSSARY: Final = [
    ("measured", "Read from a meter, or counted."),
    ("modelled", "Computed by a formula from other figures, with the interval that this leaves."),
    ("declared", "Given by whoever wrote the scenario, with a source."),
    ("assumed", "Declared without a check: a placeholder to replace with your own figure."),
    ("constant", "A published figure, cited."),
    ("absent", "Not measured and not modelled. It is never read as zero."),
    ("interval", "80 % of the time the true figure lies between the two ends."),
    ("margin", "What is left of a limit at the cautious end of the interval, as a share of it."),
    ("idle", "The model is loaded and waits. A small clinic's computer does so nearly all day."),
    ("weight format", "Bits per weight: bf16 has 16, fp8 and int8 have 8, int4 has about 4."),
    ("token", "A piece of a word; about three quarters of an English word."),
    ("TTFT, TPOT", "Time to the first token, and time per output token after it."),
    ("KV cache", "What the model remembers of each token in flight; reserved when it starts."),
    ("in flight", "Sent and not yet answered in full."),
    ("closed loop", "So many requests in flight: each that is answered is followed by the next."),
    ("open loop", "Requests come when they are due, whether or not the server keeps up."),
    ("kWh", "Kilowatt-hour, 3.6 million joules: what an electricity meter counts."),
    ("kgCO2e", "Kilograms of greenhouse gas, counted as carbon dioxide over a hundred years."),
    ("operational carbon", "From the electricity used. The making of the device is not in it."),
    ("board, package, plug", "Where energy was read: GPU card, CPU chip, or the wall socket."),
    ("break-even", "When buying has cost less than renting. The purchase is counted once."),
    ("present value", "What later payments are worth today, at the discount rate."),
    ("dominated", "Another option is as large, takes no more energy and costs no more."),
    ("token premium", "Tokens for the same text over English. It is not an energy."),
]


def limit_word(name: str) -> str:
    """A limit for people; a name without a word of its own is spelt out."""
    return LIMITS.get(name, _spelt(name))


def quantity_word(name: str) -> str:
    """A quantity for people; a name without a word of its own is spelt out."""
    return QUANTITIES.get(name, _spelt(name))


def short_limit(name: str) -> str:
    """A limit in one word where there is one."""
    return SHORT_LIMITS.get(name, _spelt(name).lower())


def _spelt(name: str) -> str:
    return name.replace("_", " ").capitalize()


def inside(word: str) -> str:
    """A word amid a sentence: ``power of the UPS``; ``UPS`` and ``GPU`` stay as they are."""
    return word if word[1:2].isupper() else word[:1].lower() + word[1:]


def short_model(name: str) -> str:
    """A Hugging Face id without its owner: ``Qwen/Qwen3-8B`` is ``Qwen3-8B``."""
    return name.rpartition("/")[2] or name


def count_of(number: float, noun: str) -> str:
    """``4.5 years``, ``1 year``."""
    return f"{number:.4g} {noun}" + ("" if number == 1 else "s")


def count(number: int, noun: str) -> str:
    """``3 options``, ``1 option``."""
    return f"{number:,} {noun}" + ("" if number == 1 else "s")
