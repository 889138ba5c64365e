"""Doubts about what was measured, with the thresholds from which they are said."""

from __future__ import annotations

from ecoaudit.checks.base import (
    CARBON,
    CPU,
    DRAM,
    EVERY,
    GPU,
    HOST,
    IDLE,
    MEMORY,
    PARTS,
    SPEED,
    WALL,
    Check,
)

SHORTEST_RUN_S = 5.0  # below this the counter's step and the sensor's window weigh too much
WINDOW_STEPS = 10  # of a device's reading: a shorter window is called short
FEWEST_READINGS = 10  # of sampled power in a run
UNSTEADY_SHARE = 0.05  # of the energy that sampled power may have missed between its readings
COUNTER_AGAINST_POWER = 0.05  # above this difference the run says so (as InferenceX does)
MODELLED_SHARE = 0.5  # of the energy
WALL_SHORTEST_S = 30.0  # of a run with a meter at the plug, whose readings may be a second old
LONGEST_GAP_S = 2.0  # between two readings
THROTTLED_SHARE = 0.05  # of the looks at a board
IDLE_DRIFT = 0.1  # between idle before and idle after

_DOCTOR = "`ecoaudit doctor` says how to measure it here"

CHECKS: dict[str, Check] = {
    "short-run": Check(
        f"the run lasted under {SHORTEST_RUN_S:g} s",
        "measure a longer run, or repeat the work in it",
        PARTS,
    ),
    "short-window": Check(
        f"a window is shorter than {WINDOW_STEPS} steps of a device's reading",
        "make the window longer, or repeat the work in it; its interval says how far it may be off",
    ),
    "few-readings": Check(
        f"power that is sampled, not counted, was read fewer than {FEWEST_READINGS} times",
        "measure a longer run",
        PARTS,
    ),
    "unsteady-power": Check(
        f"power that is sampled, not counted, changed so fast that {UNSTEADY_SHARE:.0%} of the"
        " energy or more may have been missed between its readings",
        "measure longer, or repeat the work in it",
        PARTS,
    ),
    "mostly-modelled": Check(f"over {MODELLED_SHARE:.0%} of the energy is modelled", _DOCTOR, HOST),
    "cpu-modelled": Check("no sensor of the CPU could be read", _DOCTOR, CPU),
    "ram-modelled": Check("no sensor of the memory could be read", _DOCTOR, DRAM),
    "gpu-not-read": Check(
        "a GPU, or the driver of all of them, refuses to be read, or no meter of ours reads it: its"
        " energy is in no figure",
        "`ecoaudit doctor` shows what can be read",
        GPU,
    ),
    "gpu-lost": Check(
        "a GPU gave no answer, or none that can be used, for part of a run: what it used meanwhile"
        " is not known, and the upper end of its energy takes it at its power limit",
        "look at the driver's log, and run it again",
        GPU,
    ),
    "gpu-order": Check(
        "CUDA_VISIBLE_DEVICES gives numbers on a machine with unlike GPUs, which CUDA may count in"
        " another order than NVML",
        "set CUDA_DEVICE_ORDER=PCI_BUS_ID, or name them by UUID",
        GPU,
    ),
    "gpu-hidden": Check(
        "a list of visible GPUs, such as CUDA_VISIBLE_DEVICES, holds a number that no GPU has,"
        " or an empty word, which hides all that follow it",
        "name GPUs that are there: `nvidia-smi -L`",
        GPU,
    ),
    "gpu-left-out": Check(
        "NVIDIA_VISIBLE_DEVICES names some of the GPUs that the driver shows, and only those were"
        " counted",
        "name those that the program uses in CUDA_VISIBLE_DEVICES, or unset the variable",
        GPU,
    ),
    "gpu-not-named": Check(
        "NVIDIA_VISIBLE_DEVICES is none, yet the driver shows GPUs, which were counted",
        "name those that the program uses in CUDA_VISIBLE_DEVICES; empty means none",
        GPU,
    ),
    "gpu-shared": Check(
        "other programs used a board, whose energy is counted whole",
        "measure with the board to yourself",
        GPU,
    ),
    "mig-board": Check(
        "a board is cut into MIG instances, and the whole board is measured",
        "measure with the whole board to yourself",
        GPU,
    ),
    "throttled": Check(
        f"a board's clocks were held down in {THROTTLED_SHARE:.0%} of the time or more",
        "cool it, or raise the limit, if you want its full speed measured",
        SPEED,
    ),
    "counter-reset": Check(
        "an energy counter was set back in mid-run",
        "run it again if the gap matters",
        PARTS,
    ),
    "counter-stuck": Check(
        "an energy counter stood still, and no power of 0 W was read; power was integrated instead,"
        " or where there is none the energy is absent or a lower bound",
        "mistrust this counter; a newer driver may mend it, and what a virtual machine shows of its"
        " host's may never move: measure on the host, or with a meter at the plug (--wall)",
        PARTS,
    ),
    "counter-failed": Check(
        "an energy counter stopped answering; power was integrated instead",
        "look at the driver's log",
        PARTS,
    ),
    "counter-against-power": Check(
        f"a device's counter and its integrated power differ by over {COUNTER_AGAINST_POWER:.0%}",
        "hold both against a meter at the plug before comparing it with another board",
        PARTS,
    ),
    "power-too-uneven": Check(
        "a device's counter and its integrated power differ by over"
        f" {COUNTER_AGAINST_POWER:.0%}, and the power, sampled, cannot follow this load: the"
        " counter is what is reported",
        "measure longer; the interval of the energy by power holds what the counter says",
        ("gpu_energy_by_power_j",),
    ),
    "sampled-power": Check(
        "a board's power is sampled, for want of a counter: a load that switches in step with the"
        " readings is not seen, and no interval holds that",
        "hold it against a meter at the plug (--wall), or repeat the run with another batch size",
        GPU,
    ),
    "zero-power": Check(
        "a board said that it drew 0 W, and its counter stood still",
        "hold it against a meter at the plug (--wall): a board at rest draws some watts",
        GPU,
    ),
    "rapl-failed": Check(
        "a counter of the CPU or memory could not be read at times: without an answer for part of a"
        " run, its energy has a wider upper end or is absent",
        "`ecoaudit doctor` shows what can be read, and how to open what is closed",
        PARTS,
    ),
    "rapl-gap": Check(
        "a counter of the CPU or memory was left unread for so long that it may have started over"
        " more than once: what it counted then is left out, and the upper end holds what may have"
        " been used",
        "do not stop the program for minutes",
        PARTS,
    ),
    "module-failed": Check(
        "the sensor of a module that holds CPU, GPU and memory could not be read, or not always",
        "`ecoaudit doctor` shows what can be read; a meter at the plug (--wall) has it too",
        HOST,
    ),
    "wall-failed": Check(
        "a meter at the plug did not answer, or not always",
        "check the meter and its network, then run it again",
        WALL,
    ),
    "wall-reset": Check(
        "the counter of a meter at the plug was set back",
        "reset no meter in a run",
        WALL,
    ),
    "wall-against-counter": Check(
        "the power of a meter at the plug, integrated, and its own counter differ",
        "run longer, or use a faster meter",
        WALL,
    ),
    "wall-short": Check(
        f"a run with a meter at the plug lasted under {WALL_SHORTEST_S:g} s, which is short against"
        " the time by which such a meter lags",
        "measure for a minute or more",
        WALL,
    ),
    "wall-log": Check(
        "the log of a meter does not cover the run, or not closely enough, or has rows that cannot"
        " be read",
        "start the log before the run, end it after, and see that both clocks agree",
        WALL,
    ),
    "reading-gap": Check(
        f"nothing was read for over {LONGEST_GAP_S:g} s",
        "run it again if power was sampled, or if the peak of memory matters",
        (*PARTS, *MEMORY),
    ),
    "sampling": Check(
        "a reading failed in a way that nobody foresaw",
        "`ecoaudit doctor` shows what can be read",
        PARTS,
    ),
    "suspended": Check(
        "the computer slept during the run",
        "keep the computer awake while it is measured, and run it again",
        PARTS,
    ),
    "clock-set": Check(
        "the wall clock was set during the run",
        "mistrust the time of day in the run, and logs joined to it by time of day",
    ),
    "idle-drift": Check(
        f"idle before and idle after the command differ by over {IDLE_DRIFT:.0%}",
        "let the machine settle first, and run it again",
        IDLE,
    ),
    "idle-unsteady": Check(
        "the power of the machine at rest was so uneven, and did not settle, that its mean is"
        f" uncertain by over {IDLE_DRIFT:.0%}",
        "rest longer (--idle, --idle-after), with nothing else running",
        IDLE,
    ),
    "child-outlives": Check(
        "processes that the command had started went on after its end",
        "have the command wait for them",
        PARTS,
    ),
    "journal": Check(
        "the journal could not be written: had the run been killed, it would have been lost",
        "free space, or point ECOAUDIT_RUNS to a folder that can be written",
    ),
    "recovered": Check("the run was killed", "run it again if the end matters", EVERY),
    "grid-fallback": Check(
        "no place was given, so the carbon figure uses a world average",
        "name the site's country: --country KEN, or --site with a site profile",
        CARBON,
    ),
    "crosscheck": Check(
        "a tool that was to measure the same window gave no figure",
        "run it by itself to see why",
    ),
}
