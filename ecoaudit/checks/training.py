"""Doubts about the steps of a training loop, and about several ranks of one job."""

from __future__ import annotations

from ecoaudit.checks.base import CPU, EVERY, GPU, STEPS, Check

CHECKS: dict[str, Check] = {
    "no-steps": Check(
        "the loop made no whole step after its warm-up",
        "run more steps, or lower warmup",
        STEPS,
    ),
    "no-figures": Check(
        "what was counted in the loop could not be read at its end",
        "count plain numbers",
        STEPS,
    ),
    "uncounted": Check(
        "tokens or samples were counted in some steps and not in others",
        "call rec.count(...) in every step",
        STEPS,
    ),
    "batch-not-counted": Check(
        "a trainer's batch could not be counted",
        "give count_tokens a function of the batch that gives its tokens and samples",
        STEPS,
    ),
    "one-rank": Check(
        "the run is that of one rank of a larger job",
        "`ecoaudit runs merge` makes one run of all ranks' runs",
        EVERY,
    ),
    "rank-board": Check(
        "a rank's board was taken by its number, and the boards are unlike",
        "set CUDA_DEVICE_ORDER=PCI_BUS_ID",
        GPU,
    ),
    "rank-cpu": Check(
        "the modelled CPU counts one rank's processes, not the other ranks' on the machine",
        "start the ranks with torchrun, whose processes are counted together",
        CPU,
    ),
    "rounds-differ": Check(
        "the sites of a federated training marked unlike numbers of rounds",
        "look in `settings.sites` which site left rounds out, or was cut short",
        ("rounds",),
    ),
    "site-incomplete": Check(
        "the run of a site of a federated training did not end well; what it did after that is not"
        " counted",
        "leave the site out, or say that the figures are too low",
        EVERY,
    ),
    "site-other-doubt": Check(
        "the run of a site says a doubt that this version of ecoaudit does not know",
        "read the site's own file, or merge with the newest version of those used",
        EVERY,
    ),
    "sites-apart": Check(
        "at some time between the first start and the last end no site's run was going on, by the"
        " sites' own clocks",
        "check the sites' clocks; where they are right, take the duration of each site instead",
        ("duration_s",),
    ),
    "steps-differ": Check(
        "the ranks counted unlike numbers of steps",
        "hold the same loop and the same warm-up on every rank",
        STEPS,
    ),
}
