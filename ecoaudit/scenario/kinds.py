"""The kinds of figure that a profile holds, each with its unit and bounds."""

from __future__ import annotations

from typing import Annotated

from ecoaudit.estimate import Estimate
from ecoaudit.scenario.clock import Clock
from ecoaudit.scenario.fields import Quantity, Words

Power = Annotated[Estimate, Quantity("power")]
SomePower = Annotated[Estimate, Quantity("power", positive=True)]
Energy = Annotated[Estimate, Quantity("energy")]
SomeEnergy = Annotated[Estimate, Quantity("energy", positive=True)]
Time = Annotated[Estimate, Quantity("time", positive=True)]
Duration = Annotated[Estimate, Quantity("time")]  # may be nothing
TimeOfDay = Annotated[float, Clock()]
Money = Annotated[Estimate, Quantity("money")]
EnergyPrice = Annotated[Estimate, Quantity("energy price")]
HourlyPrice = Annotated[Estimate, Quantity("hourly price")]
MonthlyPrice = Annotated[Estimate, Quantity("monthly price")]
TokenPrice = Annotated[Estimate, Quantity("token price")]
Tokens = Annotated[Estimate, Quantity(unit="tokens")]
SomeTokens = Annotated[Estimate, Quantity(unit="tokens", positive=True)]
Share = Annotated[Estimate, Quantity(positive=True, maximum=1.0)]
Portion = Annotated[Estimate, Quantity(maximum=1.0)]  # may be nothing
Name = Annotated[str, Words()]
