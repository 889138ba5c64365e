"""What a profile says of supply, money, rented alternatives, quality and things described in it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from ecoaudit.errors import NotFoundError, ProfileError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.scenario import Described, Lookups, load_scenario, load_site
from ecoaudit.scenario.clock import clock
from ecoaudit.units import J_PER_KWH
from tests.scenario.test_reader import said_of

SITE = """\
name: Test site
country: KEN
currency: {code: KES, usd: 0.0077, date: 2026-11-01}
circuit_power: 500 W
energy_per_day: 5 kWh
tariff: {value: 25 KES/kWh, low: 20 KES/kWh, high: 30 KES/kWh, source: "bill, 2026"}
tariff_by_hour:
  - {start: 18:00, end: 22:00, price: 0.30 USD/kWh}
  - {start: 22:00, end: 06:00, price: 10 KES/kWh}
grid: on
outages: {per_month: 10.7, hours: 6.6 h}
ups: {capacity: 1 kWh, power: 900 W, efficiency: 0.9}
solar:
  peak_power: 2 kW
  sun_hours: 4.5 h
  efficiency: 0.75
  battery: {capacity: 4 kWh, efficiency: 0.9}
  share: 0.5
generator:
  power: 5 kW
  fuel_use: 0.4 L/kWh
  fuel_price: 1.2 USD/L
  carbon: 2.7 kgCO2e/L
link_speed: 2 Mbit/s
staff: {hours_per_month: 4 h, hourly_cost: 12 USD/h, skill: technician}
pue: 1.2
host:
  price: 1000 USD
  idle_power: 40 W
  busy_power: 80 W
  peak_power: 200 W
  sleep_power: 3 W
  wake_time: 40 s
  wake_energy: 6 kJ
"""
SCENARIO = """\
name: Test
site: site.yaml
workload: ambient-note
demand: {clinicians: 4, opening: 8 h, opens_at: 08:30, days_per_year: 250, peak_factor: 2}
budget: 0 USD
money:
  yearly_budget: 60000 KES
  life: 4 years
  discount_rate: 0.08
  import_duty: 0.25
  freight: 300 USD
  installation: 500 USD
  maintenance: 0.05
  spares: 0.1
  disposal: 50 USD
  upkeep: 2 h
alternatives:
  cloud_gpu: {price: 0.8 USD/h, hours_per_month: 170 h}
  hosted_api: {input: 0.5 USD/1M tokens, output: 1.5 USD/1M tokens}
  subscription: {price: 99 USD/month, name: a scribe}
shared_by: 20
quality:
  metric: share of notes accepted by two of our doctors
  minimum: 0.8
  scores: {a/small: 0.7, a/large: {value: 0.9, source: "our review, 2026"}}
models:
  - a/small
  - name: Mine
    hidden_size: 2048
    num_hidden_layers: 24
  - model/config.json
hardware:
  - {name: My card, memory: 24 GB}
"""
CONFIG = {"hidden_size": 4096, "num_hidden_layers": 32}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "site.yaml").write_text(SITE)
    (tmp_path / "scenario.yaml").write_text(SCENARIO)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path


def test_supply_in_house_units(folder: Path) -> None:
    site = load_site(folder / "site.yaml")
    assert site.solar is not None
    assert site.solar.battery is not None
    assert site.generator is not None
    assert site.outages is not None
    assert site.ups is not None
    assert site.solar.peak_power.number == 2000
    assert site.solar.sun_hours == Estimate.exact(
        16200.0, "s", Basis.DECLARED, "declared in site.yaml"
    )
    assert site.solar.battery.capacity.number == 4 * J_PER_KWH
    assert site.generator.fuel_use.number * J_PER_KWH == pytest.approx(0.4)
    assert site.outages.hours.number == pytest.approx(6.6 * 3600)
    assert site.ups.capacity.number == 3.6e6
    assert site.grid is True
    assert site.link_speed is not None
    assert site.link_speed.number == 2e6
    assert site.staff is not None
    assert site.staff.hourly_cost is not None
    assert site.staff.hourly_cost.number * 3600 == pytest.approx(12)


def test_times_of_day_with_and_without_a_leading_nought(folder: Path) -> None:
    # YAML 1.1 takes 18:00 for the number 1080 and 06:00 for text
    bands = load_site(folder / "site.yaml").tariff_by_hour
    assert [(band.start, band.end) for band in bands] == [(64800, 79200), (79200, 21600)]
    assert bands[1].pieces == [(79200, 86400), (0, 21600)]
    assert load_scenario(folder / "scenario.yaml").demand.opens_at == 8.5 * 3600
    assert clock(64800) == "18:00"


def test_amounts_in_the_sites_own_currency(folder: Path) -> None:
    scenario = load_scenario(folder / "scenario.yaml")
    tariff = scenario.site.tariff
    assert tariff.unit == "USD/J"
    per_kwh = [number * J_PER_KWH for number in tariff.numbers]
    assert per_kwh == pytest.approx([25 * 0.0077, 20 * 0.0077, 30 * 0.0077])
    assert tariff.basis is Basis.DECLARED
    assert tariff.source == "bill, 2026; 1 KES = 0.0077 USD on 2026-11-01"
    assert scenario.money.yearly_budget is not None
    assert scenario.money.yearly_budget.number == pytest.approx(462)


def test_the_currency_of_a_site_that_stands_in_the_scenario(folder: Path) -> None:
    inside = "site:\n" + "".join(f"  {line}\n" for line in SITE.splitlines())
    path = folder / "inside.yaml"
    path.write_text(SCENARIO.replace("site: site.yaml\n", inside))
    scenario = load_scenario(path)
    assert scenario.money.yearly_budget is not None
    assert scenario.money.yearly_budget.number == pytest.approx(462)
    path.write_text(path.read_text().replace("usd: 0.0077", "usd: free", 1))
    with pytest.raises(ProfileError, match=r"inside\.yaml:5: site\.currency\.usd: expected a num"):
        load_scenario(path)


def test_a_yield_for_each_hour_instead_of_sun_hours(folder: Path) -> None:
    path = folder / "site.yaml"
    yields = ", ".join("0.5" if 9 <= hour < 15 else "0" for hour in range(24))
    text = SITE.replace("  sun_hours: 4.5 h\n  efficiency: 0.75\n", f"  hourly_yield: [{yields}]\n")
    path.write_text(text)
    solar = load_site(path).solar
    assert solar is not None
    assert solar.hourly_yield is not None
    assert [share.number for share in solar.hourly_yield[8:10]] == [0, 0.5]
    path.write_text(text.replace("0.5, 0.5", "0.5, 1.5", 1))
    with pytest.raises(ProfileError, match=r"hourly_yield\.10: expected at most 1"):
        load_site(path)


def test_money_alternatives_and_quality(folder: Path) -> None:
    scenario = load_scenario(folder / "scenario.yaml")
    assert scenario.budget.number == 0
    assert scenario.money.life is not None
    assert scenario.money.life.number == 4 * 365.25 * 86400
    rented = scenario.alternatives
    assert rented.hosted_api is not None
    assert rented.hosted_api.output.number == pytest.approx(1.5e-6)
    assert rented.subscription is not None
    assert rented.subscription.price == Estimate.exact(
        99.0, "USD/month", Basis.DECLARED, "declared in scenario.yaml"
    )
    assert rented.cloud_gpu is not None
    assert rented.cloud_gpu.price.number * 3600 == pytest.approx(0.8)
    assert scenario.shared_by is not None
    assert scenario.shared_by.number == 20
    assert scenario.quality is not None
    assert scenario.quality.scores["a/large"].source == "our review, 2026"


def test_models_and_devices_that_the_profile_describes(folder: Path) -> None:
    scenario = load_scenario(folder / "scenario.yaml")
    assert scenario.models == ["a/small", "Mine", "model"]
    mine, from_file = scenario.own_models
    assert mine.raw == {"hidden_size": 2048, "num_hidden_layers": 24}
    assert mine.place == "scenario.yaml:28"
    assert (from_file.name, from_file.raw) == ("model", CONFIG)
    assert scenario.hardware == ["My card"]
    assert scenario.own_hardware[0].raw == {"memory": "24 GB"}
    json.dumps(asdict(scenario), allow_nan=False)


def test_keys_of_a_description_win_over_its_file(folder: Path) -> None:
    path = folder / "scenario.yaml"
    text = path.read_text()
    path.write_text(
        text.replace(
            "  - model/config.json", "  - {name: Big, config: model/config.json, hidden_size: 1}"
        )
    )
    big = load_scenario(path).own_models[1]
    assert (big.name, big.raw) == ("Big", {"hidden_size": 1, "num_hidden_layers": 32})


def test_a_description_that_means_nothing_is_told_with_its_line(folder: Path) -> None:
    def refuse(described: object) -> None:
        raise NotFoundError("vocab_size is missing")

    path = folder / "scenario.yaml"
    load_scenario(path, Lookups())
    with pytest.raises(ProfileError) as caught:
        load_scenario(path, Lookups(own_model=refuse))
    assert str(caught.value) == f"{path}:28: models.1: vocab_size is missing"
    with pytest.raises(ProfileError, match=r"scenario\.yaml:33: hardware\.0: vocab"):
        load_scenario(path, Lookups(own_device=refuse))


def test_a_fault_in_a_description_has_the_line_of_its_key(folder: Path) -> None:
    def refuse(described: Described) -> None:
        raise NotFoundError(f"{described.place}: num_hidden_layers: expected 1 or more")

    path = folder / "scenario.yaml"
    with pytest.raises(ProfileError) as caught:
        load_scenario(path, Lookups(own_model=refuse))
    assert str(caught.value) == f"{path}:30: models.1.num_hidden_layers: expected 1 or more"


def test_a_site_without_any_of_it_has_none_of_it() -> None:
    scenario = load_scenario("urban-clinic-summaries")
    assert scenario.site.currency is None
    assert scenario.money.life is None
    assert scenario.alternatives.cloud_gpu is None
    assert scenario.own_models == []


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("code: KES", "code: kes", 3, "currency.code: expected an ISO 4217 code"),
        ("code: KES", "code: USD", 3, "amounts are in USD without it"),
        ("usd: 0.0077", "usd: 0", 3, "currency.usd: expected more than 0"),
        ("usd: 0.0077", "usd: -1", 3, "currency.usd: expected more than 0"),
        ("2026-11-01", "2026-13-01", 3, "currency.date: cannot be read as timestamp"),
        ("2026-11-01", "yesterday", 3, "currency.date: expected a day such as 2026-11-01"),
        ("2026-11-01", "'2026-13-01'", 3, "currency.date: expected a day"),
        (", date: 2026-11-01", "", 3, "currency.date: this key is missing"),
        ("25 KES/kWh", "25 UGX/kWh", 6, "expected all of it in KES, the site's currency"),
        ("25 KES/kWh", "25 USD/kWh", 6, "expected all of it in KES, the site's currency"),
        ("25 KES/kWh", "25 KES", 6, "tariff: expected an energy price with its unit"),
        ("start: 18:00", "start: 18", 8, "tariff_by_hour.0.start: expected a time of day"),
        ("start: 18:00", "start: 1080", 8, "tariff_by_hour.0.start: expected a time of day"),
        ("start: 18:00", "start: 25:00", 8, "expected a time of day from 00:00 to 24:00"),
        ("start: 18:00", "start: noon", 8, "expected a time of day"),
        ("start: 18:00", "starts: 18:00", 8, "unknown key; did you mean 'start'"),
        ("end: 22:00", "end: 18:00", 8, "starts and ends at 18:00"),
        ("end: 22:00", "end: 23:00", 7, "tariff_by_hour: two prices hold at 22:00"),
        ("price: 0.30 USD/kWh", "price: 0.30 USD", 8, "price: expected an energy price"),
        ("price: 0.30 USD/kWh", "price: -0.3 USD/kWh", 8, "expected at least 0"),
        ("grid: on", "grid: maybe", 10, "grid: expected on or off"),
        ("grid: on\n", "", 12, "solar: a site with panels says `grid: on` or `grid: off`"),
        ("grid: on", "grid: ~", 10, "grid: expected on or off; got None"),
        ("per_month: 10.7", "per_month: -1", 11, "outages.per_month: expected at least 0"),
        ("per_month: 10.7", "per_month: often", 11, "expected a number of outages"),
        ("hours: 6.6 h", "hours: 0 h", 11, "outages.hours: expected more than 0"),
        ("hours: 6.6 h", "hours: 6.6", 11, "bare number 6.6"),
        ("hours: 6.6 h", "hours: 100 h", 11, "do not fit in a month"),
        ("capacity: 1 kWh", "capacity: 1 kW", 12, "ups.capacity: expected an energy"),
        ("power: 900 W", "power: 0 W", 12, "ups.power: expected more than 0"),
        ("efficiency: 0.9}", "efficiency: 90}", 12, "ups.efficiency: expected at most 1"),
        ("power: 900 W", "power: '1,5 kW'", 12, "got '1,5 kW': a decimal point is '.', as in 1.5"),
        ("ups: {capacity: 1 kWh,", "ups: {", 12, "ups.capacity: this key is missing"),
        ("ups: {capacity", "ups: {capacty", 12, "ups.capacty: unknown key; did you mean 'capacity"),
        ("peak_power: 2 kW", "peak_power: 2 kWp", 14, "solar.peak_power: expected a power"),
        ("sun_hours: 4.5 h", "sun_hours: 25 h", 15, "solar.sun_hours: expected at most 43200"),
        ("  sun_hours: 4.5 h\n", "", 13, "solar: expected either sun_hours and efficiency, or"),
        ("  sun_hours: 4.5 h\n", "  hourly_yield: [1]\n", 15, "expected 24 figures, one for each"),
        ("  share: 0.5", "  share: 0", 18, "solar.share: expected more than 0"),
        ("{capacity: 4 kWh", "{capacity: -4 kWh", 17, "battery.capacity: expected more than 0"),
        ("{capacity: 4 kWh, efficiency", "{capacity: 4 kWh, effciency", 17, "did you mean 'effic"),
        ("0.4 L/kWh", "0.4 L", 21, "generator.fuel_use: expected a fuel use with its unit"),
        ("0.4 L/kWh", "0 L/kWh", 21, "generator.fuel_use: expected more than 0"),
        ("1.2 USD/L", "1.2 USD", 22, "generator.fuel_price: expected a fuel price"),
        ("2.7 kgCO2e/L", "2.7 kg/L", 23, "generator.carbon: expected a fuel carbon intensity"),
        ("2 Mbit/s", "2 MB/s", 24, "link_speed: expected a data rate"),
        ("2 Mbit/s", "0 Mbit/s", 24, "link_speed: expected more than 0"),
        ("4 h, hourly", "-4 h, hourly", 25, "staff.hours_per_month: expected at least 0"),
        ("12 USD/h", "12 USD", 25, "staff.hourly_cost: expected an hourly price"),
        ("technician", "genius", 25, "staff.skill: input should be 'none', 'technician' or 'it'"),
        ("staff: {", "staff: {hours: 2 h, ", 25, "staff.hours: unknown key"),
        ("staff: {", "staff: 5 #{", 25, "staff: expected keys and values"),
        ("sleep_power: 3 W", "sleep_power: -3 W", 32, "host.sleep_power: expected at least 0"),
        ("wake_time: 40 s", "wake_time: 40", 33, "host.wake_time: expected a time"),
        ("wake_energy: 6 kJ", "wake_energy: 6 kW", 34, "host.wake_energy: expected an energy"),
        ("wake_time: 40 s", "wake: 40 s", 33, "host.wake: unknown key; did you mean"),
        ("pue: 1.2", "pue: 1" + "0" * 400, 26, "pue: expected a finite number"),
    ],
)
def test_a_broken_site_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "site.yaml"
    message = said_of(path, old, new, load_site)
    assert message.startswith(f"{path}:{line}: "), message
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("opens_at: 08:30", "opens_at: 24:00", 4, "opens_at: expected a time of day before 24:00"),
        ("opens_at: 08:30", "opens_at: 8 h", 4, "demand.opens_at: expected a time of day"),
        ("60000 KES", "60000 UGX", 7, "money.yearly_budget: expected all of it in KES"),
        ("60000 KES", "-1 KES", 7, "money.yearly_budget: expected at least 0"),
        ("life: 4 years", "life: 4", 8, "money.life: expected a time"),
        ("life: 4 years", "life: 0 years", 8, "money.life: expected more than 0"),
        ("life: 4 years", "life: 99 years", 8, "money.life: expected at most"),
        ("discount_rate: 0.08", "discount_rate: 8", 9, "discount_rate: expected at most 1"),
        ("discount_rate: 0.08", "discount_rate: 10 %", 9, "got '10 %'; write 0.1"),
        ("import_duty: 0.25", "import_duty: -0.25", 10, "import_duty: expected at least 0"),
        ("freight: 300 USD", "freight: 300 kg", 11, "money.freight: expected an amount of money"),
        ("maintenance: 0.05", "maintenance: 5 %", 13, "money.maintenance: expected a number"),
        ("spares: 0.1", "spare: 0.1", 14, "money.spare: unknown key; did you mean 'spares'"),
        ("disposal: 50 USD", "disposal: free", 15, "money.disposal: expected an amount of money"),
        ("upkeep: 2 h", "upkeep: -2 h", 16, "money.upkeep: expected at least 0"),
        ("0.8 USD/h", "0.8 USD/kWh", 18, "cloud_gpu.price: expected an hourly price"),
        ("{price: 0.8 USD/h,", "{", 18, "alternatives.cloud_gpu.price: this key is missing"),
        ("0.5 USD/1M tokens", "0.5 USD", 19, "hosted_api.input: expected a token price"),
        ("99 USD/month", "99 USD", 20, "subscription.price: expected a monthly price"),
        ("subscription", "subscribtion", 20, "alternatives.subscribtion: unknown key; did you"),
        ("shared_by: 20", "shared_by: 0.5", 21, "shared_by: expected at least 1 clinics"),
        ("minimum: 0.8", "minimum: good", 24, "quality.minimum: expected a number"),
        ("minimum: 0.8", "minimum: .nan", 24, "quality.minimum: expected a finite number"),
        ("a/small: 0.7", "a/small: high", 25, "quality.scores.a/small: expected a number"),
        ("  - name: Mine\n    hidden", "  - hidden", 28, "models.1: this key is missing: name"),
        ("name: Mine", "name: 7", 28, "models.1: name: expected some text; got 7"),
        ("name: Mine", "name: a/small", 28, "models.1: 'a/small' stands here twice"),
        ("hidden_size: 2048", "hidden_size: .inf", 28, "models.1: expected a finite number"),
        ("model/config", "model/none", 31, "models.2: model/none.json: no such file"),
        ("model/config.json", "[a]", 31, "models.2: input should be a valid string"),
        ("models:", "own_models: []\nmodels:", 26, "own_models: unknown key; a description stan"),
        ("memory: 24 GB", "config: 5", 33, "hardware.0: config: expected some text; got 5"),
    ],
)
def test_a_broken_scenario_says_where_and_what(
    folder: Path, old: str, new: str, line: int, said: str
) -> None:
    path = folder / "scenario.yaml"
    message = said_of(path, old, new, load_scenario)
    assert message.startswith(f"{path}:{line}: "), message
    assert said in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "expected the keys and values of a config.json"),
        ('{"a": NaN}', "expected a finite number"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_broken_config_is_told_with_the_profiles_line(folder: Path, text: str, said: str) -> None:
    (folder / "model" / "config.json").write_text(text)
    with pytest.raises(ProfileError) as caught:
        load_scenario(folder / "scenario.yaml")
    assert str(caught.value).startswith(f"{folder / 'scenario.yaml'}:31: models.2: ")
    assert said in str(caught.value)


def test_money_in_a_currency_that_nobody_gave(folder: Path) -> None:
    path = folder / "site.yaml"
    path.write_text(path.read_text().replace("currency:", "# currency:", 1))
    with pytest.raises(
        ProfileError, match=r"site\.yaml:6: tariff: 'KES' is no currency that is kn"
    ):
        load_site(path)


def test_text_stays_at_the_site_unless_it_is_plainly_said_that_it_may_leave(folder: Path) -> None:
    path = folder / "site.yaml"
    for written, stays in (("false", False), ("off", False), ("on", True)):
        path.write_text(f"{SITE}data_must_stay: {written}\n")
        assert load_site(path).data_must_stay is stays
    for written in ("0", "'f'", "perhaps"):
        path.write_text(f"{SITE}data_must_stay: {written}\n")
        with pytest.raises(ProfileError, match=r":35: data_must_stay: expected on or off"):
            load_site(path)
