"""Doubts about a plan. They weaken its choice, not one figure."""

from __future__ import annotations

from ecoaudit.checks.base import Check

CHECKS: dict[str, Check] = {
    "no-quality-score": Check(
        "nothing says how good the models' answers are, so that options are ranked by size",
        "judge the answers of the first few options on your own cases before you buy",
    ),
    "nothing-fits": Check(
        "no option stays within every limit of the scenario",
        "see the remedy of the first options, which miss by least",
    ),
    "not-measured": Check(
        "the option's speed and power are modelled from datasheets",
        "measure the option with `ecoaudit bench` and give the run to `ecoaudit plan`",
    ),
    "run-not-used": Check("a run given to the plan could not be used", "see `ecoaudit bench`"),
    "token-counts": Check(
        "lengths are token counts of one tokenizer, and models have others",
        "count your own texts with the model's tokenizer and set prompt and output",
    ),
    "assumed-figures": Check(
        "figures of the scenario are assumed, not known",
        "replace them in a copy of the profile: `ecoaudit profiles copy`",
    ),
    "options-left-out": Check(
        "only the best weight format of each model and device is listed",
        "name models and hardware to see every format",
    ),
    "model-note": Check(
        "our table has a note on the model",
        "check the model's own configuration and its memory on the device",
    ),
    "decomposed-text": Check(
        "a text of yours has its letters apart from their marks",
        "compose it (Unicode NFC) before it is sent",
    ),
    "context-not-typed": Check(
        "a model that the user described has no longest context, which was taken to be enough",
        "type context_tokens beside its other figures",
    ),
    "model-assumed": Check(
        "a model's shape was assumed from its size, or its class is not known",
        "give its config.json",
        ("weight_bytes", "kv_*", "ttft_*", "tpot_*", "e2e_*", "energy_*"),
    ),
    "tied-unknown": Check(
        "whether a model's output layer and embedding are one is not known",
        "read tie_word_embeddings in the model's configuration",
    ),
    "outages-unserved": Check(
        "the grid fails, and nothing carries the computer through",
        "add a UPS or a generator, or agree how the work is done without it for that long",
    ),
    "supply-assumed": Check(
        "what feeds the site is followed by the hour, and not all that it takes is stated",
        "state it under the site: `grid`, `outages`, `solar`, `ups`",
    ),
    "nobody-looks-after": Check(
        "nobody at the site looks after a computer",
        "give `staff` a technician's hourly_cost and `money.upkeep` the hours of a month",
    ),
    "near-saturation": Check(
        "the busiest hour may bring more than 80 % of what the recommended option can do, on the"
        " pessimistic end of both",
        "take an option with more room, spread the requests over the day, or measure how much it"
        " can do: `ecoaudit bench`",
        ("ttft_*", "e2e_*"),
    ),
    "calibration-poor": Check(
        "the constants of a calibration meet its own measurements badly",
        "calibrate again with nothing else running on the machine",
        ("tpot_*", "ttft_*", "e2e_*", "energy_*"),
    ),
    "calibration-far": Check(
        "the option's model is more than ten times as large as the device was calibrated with",
        "calibrate with a larger model: --model",
        ("tpot_*", "ttft_*", "e2e_*", "energy_*"),
    ),
    "exchange-assumed": Check(
        "several cards share the model, and what they exchange is not measured on such cards",
        "measure it, or take a card that holds the model alone",
        ("tpot_*", "ttft_*", "e2e_*", "busy_share", "active_energy_*"),
    ),
    "other-engines": Check(
        "the option is a computer with shared memory, which runs other engines than vLLM",
        "measure on the machine",
    ),
}
