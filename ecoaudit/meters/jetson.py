"""NVIDIA Jetson modules through the sensor on their supply (INA3221), in the kernel's hwmon files.

The rail that feeds the whole module is read, with CPU, GPU and memory in it. The rails behind it
are parts of it, and none is read: Orin NX and Orin Nano have one for CPU and GPU together. A
module without that rail (AGX) is refused: NVIDIA does not document which of its rails add up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ecoaudit.checks import doubt
from ecoaudit.errors import MeterUnavailableError
from ecoaudit.estimate import Basis
from ecoaudit.measurement import MODULE, Device, Reading
from ecoaudit.meters.graphics_cards import entries, sysfs, text
from ecoaudit.run import Doubt

_STEP_S = 0.1  # the chip measures every few milliseconds; ten times a second is how we read it
_WHOLE = "VDD_IN"  # NVIDIA: the total power of the module
_CHANNELS = (1, 2, 3)  # further ones are sums and shunt voltages (hwmon/ina3221.rst)


class NoJetsonError(MeterUnavailableError):
    """This machine is no Jetson, as opposed to one that cannot be read."""


class JetsonMeter:
    """Reads what the whole module draws at its supply: mV times mA, sampled.

    Args:
        root: stands for /sys; by default ``ECOAUDIT_SYSFS`` or /sys itself.

    Raises:
        NoJetsonError: this machine is no Jetson.
        MeterUnavailableError: it has no sensor of the whole module, or it cannot be read.
    """

    name = "jetson"

    def __init__(self, root: Path | None = None):
        place = root or sysfs()
        tree = place / "firmware" / "devicetree" / "base"
        if "nvidia,tegra" not in text(tree / "compatible"):
            raise NoJetsonError("this machine is no NVIDIA Jetson")
        name = text(tree / "model").strip("\0") or "NVIDIA Jetson"
        rails = _rails(place)
        if _WHOLE not in rails:
            seen = f", only for {', '.join(sorted(rails))}" if rails else " at all"
            raise MeterUnavailableError(
                f"{name} has no sensor for the whole module{seen};"
                " measure with a meter at the plug: --wall"
            )
        folder, channel = rails[_WHOLE]
        self._doubts: list[Doubt] = []
        self._files: list[int] = []
        try:
            for kind in ("in", "curr"):
                self._files.append(os.open(folder / f"{kind}{channel}_input", os.O_RDONLY))
            self._power_w()
        except (OSError, ValueError) as error:
            self.close()
            raise MeterUnavailableError(
                f"{name}: the sensor of {_WHOLE} cannot be read ({error}); run as a user who may"
                f" read {folder}"
            ) from None
        self._device = Device(
            id="jetson-module",
            kind="module",
            boundary=MODULE,
            name=name,
            method="ina3221-power",
            basis=Basis.MEASURED,
            source=f"{name}: sampled power of its rail {_WHOLE} (INA3221), the whole module with"
            " CPU, GPU and memory, taken as +-10 %",
            # Texas Instruments, INA3221 data sheet (SBOS576B): offset up to 80 uV, gain 0.25 %.
            # Over NVIDIA's shunts of 5 mOhm the offset is 16 mA: 6 % at 5 W and 19 V.
            relative_low=0.1,
            relative_high=0.1,
            step_s=_STEP_S,
            details={"rail": _WHOLE},
        )

    def devices(self) -> Sequence[Device]:
        return [self._device]

    def read(self, now_s: float) -> Sequence[Reading]:
        power_w = None
        try:
            power_w = self._power_w()
        except (OSError, ValueError) as error:
            self._say(f"its sensor does not always answer ({error})")
        return [Reading(self._device.id, now_s, None, power_w)]

    def doubts(self) -> Sequence[Doubt]:
        return list(self._doubts)

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())

    def _power_w(self) -> float:
        """Power now [W].

        Raises:
            OSError: the sensor does not answer.
            ValueError: what it says is no power: a running module draws more than nothing.
        """
        millivolts, milliamperes = (int(os.pread(file, 32, 0)) for file in self._files)
        if millivolts * milliamperes <= 0:
            raise ValueError(f"{millivolts} mV, {milliamperes} mA")
        return millivolts * milliamperes / 1e6

    def _say(self, what: str) -> None:
        said = doubt("module-failed", f"{self._device.name}: {what}")
        if said not in self._doubts:
            self._doubts.append(said)


def _rails(root: Path) -> dict[str, tuple[Path, int]]:
    """The supplies that have a sensor: name -> folder and number of the channel."""
    rails = {}
    for folder in entries(root / "class" / "hwmon"):
        if text(folder / "name") != "ina3221":
            continue
        for channel in _CHANNELS:
            label = text(folder / f"in{channel}_label")
            if label and text(folder / f"in{channel}_enable") != "0":
                rails[label] = (folder, channel)
    return rails
