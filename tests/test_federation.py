"""The runs of the sites of a federated training, made one: by hand, recorded, and as documented."""

from __future__ import annotations

import json
import math
import re
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ecoaudit.checks import CHECKS, doubt
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.estimate import Basis, Estimate
from ecoaudit.factors.grid import UNIT, GridFactor, grid_factor
from ecoaudit.federation import merge_sites
from ecoaudit.journal import SUFFIX
from ecoaudit.journal_lines import recover
from ecoaudit.measurement import BOARD, PACKAGE, WALL, Device, DeviceEnergy, Measurement
from ecoaudit.merging import merge
from ecoaudit.meters.replay import ReplayMeter
from ecoaudit.recorder import Recorder
from ecoaudit.recording import Window
from ecoaudit.run import Doubt, Run, RunKind, RunStatus, load_run
from ecoaudit.training import Profile
from tests.test_merging import exact, rank_run, values
from tests.test_recorder import CONSTANT, FakeClock

ROOT = Path(__file__).parents[1]
CANARY = "canary-of-Mwangi"
COUNTRIES = ("KEN", "UGA", "POL", "FRA")


def energy(value: float, basis: Basis = Basis.MEASURED, source: str = "test") -> Estimate:
    return Estimate.within(value, 0.1, "J", basis, source)


def pue(value: float) -> Estimate:
    return Estimate.within(value, 0.05, "", Basis.DECLARED, "declared in site.yaml")


def seen(
    path: str, start_s: float, duration_s: float, power_w: float, **counted: Estimate
) -> Measurement:
    """A window in which the processor drew ``power_w``."""
    joules = energy(power_w * duration_s)
    devices = [DeviceEnergy("cpu-package-0", "cpu", PACKAGE, joules, "rapl-powercap")]
    name = path.rpartition("/")[2]
    return Measurement(name, path, start_s, duration_s, devices, quantities=counted)


def site_run(
    number: int,
    *,
    joules: float = 3.6e6,
    country: str | None = "KEN",
    overhead: float | None = 1.5,
    rounds: int = 2,
    started: str = "2026-01-01T00:00:00.000+00:00",
    **changed: Any,
) -> Run:
    """The run of a site: rounds of 10 s with 2 s of waiting after each, at 100 W and 20 W."""
    windows = []
    for each in range(rounds):
        sent = {"bytes_moved": exact(4e6, "bytes")}
        windows += [
            seen("round", 12.0 * each, 10.0, 100.0, **sent),
            seen("round/steps", 12.0 * each, 9.0, 100.0, steps=exact(5, "steps")),
            seen("waiting", 12.0 * each + 10, 2.0, 20.0),
        ]
    stated: dict[str, Any] = {"grid": asdict(grid_factor(country))}
    if overhead is not None:
        stated["pue"] = asdict(pue(overhead))
    cpu = Device("cpu-package-0", "cpu", PACKAGE, "CPU", "rapl-powercap", Basis.MEASURED, "test")
    run = Run(
        id=f"20260101T000000-{number:06x}",
        kind=RunKind.TRAINING,
        name=f"clinic {number}",
        status=RunStatus.COMPLETE,
        started_at=started,
        duration_s=30.0,
        environment={"python": "3.11.0"},
        devices=[cpu],
        settings=stated,
        windows=windows,
        summary={
            "duration_s": exact(30.0, "s"),
            "energy_j": energy(joules),
            "gpu_energy_j": Estimate.absent("J", "no GPU was found"),
            "cpu_energy_j": energy(joules),
            "dram_energy_j": Estimate.absent("J", "no memory meter was found"),
            "modelled_energy_share": exact(0.0, ""),
            "steps": exact(5.0 * rounds, "steps"),
            "tokens": exact(1000.0, "tokens"),
            "tokens_per_s": exact(100.0, "tokens/s"),
            "energy_per_step_j": Estimate.within(10.0, 0.1, "J/step", Basis.MEASURED, "test"),
            "energy_per_token_j": Estimate.within(0.1, 0.1, "J/token", Basis.MEASURED, "test"),
        },
    )
    return replace(run, **changed)


def entries(run: Run) -> dict[str, dict[str, Any]]:
    return {entry["id"]: entry for entry in run.settings["sites"]}


# -- what adds up --------------------------------------------------------------------------------


def test_each_site_counts_at_its_own_grid_and_pue() -> None:
    run = merge_sites([site_run(1, joules=7.2e6, country="KEN", overhead=1.5), site_run(2)])
    own = grid_factor("KEN").intensity.number / 1000
    assert values(run)["energy_j"] == 10.8e6
    assert values(run)["operational_kgco2e"] == pytest.approx((2 + 1) * 1.5 * own)
    far = merge_sites([site_run(1, country="KEN"), site_run(2, country="POL", overhead=None)])
    kenya, poland = (grid_factor(code).intensity.number / 1000 for code in ("KEN", "POL"))
    assert values(far)["operational_kgco2e"] == pytest.approx(1.5 * kenya + poland)
    first, second = far.settings["sites"]
    assert first["operational_kgco2e"]["value"] == pytest.approx(1.5 * kenya)
    assert second["operational_kgco2e"]["value"] == pytest.approx(poland)
    assert (first["grid"]["zone"], second["grid"]["zone"]) == ("KEN", "POL")
    assert (first["pue"]["value"], second["pue"]) == (1.5, None)
    source = far.summary["operational_kgco2e"].source
    assert f"no PUE was stated by site {site_run(2).id}" in source


def test_amounts_add_up_and_rounds_do_not() -> None:
    run = merge_sites([site_run(1), site_run(2, rounds=2)])
    found = values(run)
    assert found["rounds"] == 2
    assert found["rounds_s"] == 40.0
    assert found["rounds_energy_j"] == 4000.0
    assert found["waiting_s"] == 8.0
    assert found["waiting_energy_j"] == 160.0
    assert found["bytes_moved"] == 16e6
    assert found["steps"] == 20
    assert found["tokens"] == 2000
    assert found["energy_per_step_j"] == pytest.approx(10.0)
    assert found["energy_per_token_j"] == pytest.approx(0.1)
    assert found["duration_s"] == 30.0
    assert "tokens_per_s" not in found
    entry = run.settings["sites"][0]
    assert entry["waiting_energy_j"]["value"] == 80.0
    assert entry["waiting_s"]["value"] == 4.0
    assert entry["rounds"]["value"] == 2
    assert entry["bytes_moved"]["value"] == 8e6


def test_the_mean_of_a_step_weighs_sites_by_their_steps() -> None:
    dear = site_run(2)
    dear.summary["energy_per_step_j"] = exact(40.0, "J/step")
    dear.summary["steps"] = exact(30.0, "steps")
    found = values(merge_sites([site_run(1), dear]))
    assert found["energy_per_step_j"] == pytest.approx((10 * 10 + 30 * 40) / 40)


def test_measured_doubt_is_independent_and_modelled_doubt_is_shared() -> None:
    low = merge_sites([site_run(n) for n in range(4)]).summary["energy_j"].numbers[1]
    assert low == pytest.approx(4 * 3.6e6 * (1 - 0.1 / 2))
    modelled = [site_run(n) for n in range(4)]
    for run in modelled:
        run.summary["energy_j"] = energy(3.6e6, Basis.MODELLED)
    low = merge_sites(modelled).summary["energy_j"].numbers[1]
    assert low == pytest.approx(4 * 3.6e6 * 0.9)


def test_devices_of_one_name_at_two_sites_are_two() -> None:
    run = merge_sites([site_run(1), site_run(2)])
    ids = [f"{site_run(n).id}/cpu-package-0" for n in (1, 2)]
    assert [device.id for device in run.devices] == ids
    assert {window.path.partition("/")[0] for window in run.windows} == set(entries(run))
    assert run.windows[0].path == f"{site_run(1).id}/round"
    assert run.windows[0].devices[0].id == ids[0]
    assert values(run)["cpu_energy_j"] == 7.2e6
    assert values(run)["gpu_energy_j"] is None
    assert run.summary["gpu_energy_j"].source == "no GPU was found"


def test_a_site_without_a_gpu_adds_no_gpu_energy_and_is_named() -> None:
    board = Device("GPU-0", "gpu", BOARD, "GPU", "nvml-energy-counter", Basis.MEASURED, "test")
    with_gpu = site_run(1, devices=[board, *site_run(1).devices])
    with_gpu.summary["gpu_energy_j"] = energy(1e6)
    found = merge_sites([with_gpu, site_run(2)]).summary["gpu_energy_j"]
    assert found.value == 1e6
    assert f"nothing is read at this boundary at site {site_run(2).id}" in found.source


def test_a_plug_at_one_site_of_two_is_not_the_federations() -> None:
    plug = Device("plug", "wall", WALL, "plug", "shelly-power", Basis.MEASURED, "test")
    with_plug = site_run(1, devices=[*site_run(1).devices, plug])
    with_plug.summary["wall_energy_j"] = energy(5e6)
    run = merge_sites([with_plug, site_run(2)])
    assert run.summary["wall_energy_j"].value is None
    assert site_run(2).id in run.summary["wall_energy_j"].source
    assert entries(run)[with_plug.id]["wall_energy_j"]["value"] == 5e6
    assert run.devices[1].id == f"{with_plug.id}/wall-0"


def test_starts_and_windows_are_told_from_the_first_start_whatever_the_zones() -> None:
    later = site_run(1, started="2026-01-01T03:00:20.000+03:00")
    run = merge_sites([later, site_run(2)])
    assert run.started_at == "2026-01-01T00:00:00.000+00:00"
    assert run.duration_s == values(run)["duration_s"] == 50.0
    starts = [w.start_s for w in run.windows if w.path == f"{later.id}/waiting"]
    assert starts == [30.0, 42.0]
    assert not [said for said in run.doubts if said.code == "sites-apart"]


def test_time_when_no_site_was_at_work_is_doubted() -> None:
    run = merge_sites([site_run(1), site_run(2, started="2026-01-01T00:01:00.000+00:00")])
    (said,) = [said for said in run.doubts if said.code == "sites-apart"]
    assert said.message.startswith("for 30 s of the 90 s no site's run was going on")
    assert run.duration_s == 90.0


def test_a_merged_job_of_ranks_is_a_site() -> None:
    job = merge([rank_run(0), rank_run(1)])
    run = merge_sites([job, site_run(1, summary={**site_run(1).summary})])
    assert values(run)["gpu_energy_j"] == pytest.approx(2 * 300 * 20)
    assert values(run)["tokens"] == 3000
    assert f"{job.id}/GPU-1" in [device.id for device in run.devices]
    assert f"{job.id}/job" in [window.path for window in run.windows]


def test_a_job_in_two_countries_keeps_what_its_merge_reckoned() -> None:
    ranks = [rank_run(n, per_machine=1, country=code) for n, code in enumerate(("KEN", "POL"))]
    job = merge(ranks)
    run = merge_sites([job, site_run(1)])
    own = values(merge_sites([site_run(1), site_run(2)]))["operational_kgco2e"]
    assert own is not None
    expected = job.summary["operational_kgco2e"].number + own / 2
    assert values(run)["operational_kgco2e"] == pytest.approx(expected)
    zones = [place["grid"]["zone"] for place in entries(run)[job.id]["places"]]
    assert zones == ["KEN", "POL"]


# -- what is lacking -----------------------------------------------------------------------------


@pytest.mark.parametrize("stated", [{}, {"grid": asdict(grid_factor(None))}])
def test_without_a_grid_there_is_no_carbon_and_the_site_is_named(stated: dict[str, Any]) -> None:
    run = merge_sites([site_run(1), site_run(2, settings=stated)])
    found = run.summary["operational_kgco2e"]
    assert found.value is None
    assert found.source.startswith(f"no grid was stated by site {site_run(2).id}")
    assert entries(run)[site_run(2).id]["operational_kgco2e"]["value"] is None
    assert entries(run)[site_run(1).id]["operational_kgco2e"]["value"] > 0
    assert values(run)["energy_j"] == 7.2e6


def test_a_site_that_marked_no_waiting_makes_its_sum_absent() -> None:
    without = site_run(2)
    without = replace(without, windows=[w for w in without.windows if w.name != "waiting"])
    run = merge_sites([site_run(1), without])
    for name in ("waiting_s", "waiting_energy_j"):
        assert values(run)[name] is None
        assert without.id in run.summary[name].source
    nobody = merge_sites([without, replace(without, id="other")])
    assert "waiting_s" not in nobody.summary


def test_absent_energy_names_the_site() -> None:
    silent = site_run(2)
    silent.summary["energy_j"] = Estimate.absent("J", "the meter fell silent")
    run = merge_sites([site_run(1), silent])
    for name in ("energy_j", "operational_kgco2e"):
        assert values(run)[name] is None
        assert silent.id in run.summary[name].source
    assert values(run)["cpu_energy_j"] == 7.2e6


def test_waiting_in_two_threads_at_once_has_a_time_and_no_energy() -> None:
    twice = site_run(2)
    twice = replace(twice, windows=[*twice.windows, seen("waiting", 11.0, 2.0, 20.0)])
    run = merge_sites([site_run(1), twice])
    assert entries(run)[twice.id]["waiting_s"]["value"] == 5.0
    assert values(run)["waiting_s"] == 9.0
    assert "overlap in time" in run.summary["waiting_energy_j"].source


def test_waiting_inside_waiting_counts_once() -> None:
    nested = site_run(2)
    nested = replace(nested, windows=[*nested.windows, seen("waiting/waiting", 10.5, 1.0, 20.0)])
    assert values(merge_sites([site_run(1), nested]))["waiting_energy_j"] == 160.0


def test_unlike_rounds_and_a_killed_site_are_doubted() -> None:
    run = merge_sites([site_run(1, rounds=3), site_run(2, status=RunStatus.RECOVERED)])
    assert run.status is RunStatus.RECOVERED
    assert values(run)["rounds"] == 3
    said = {each.code: each.message for each in run.doubts}
    ids = [site_run(n).id for n in (1, 2)]
    assert said["rounds-differ"].startswith(f"rounds: 3 at {ids[0]}, 2 at {ids[1]}")
    assert said["site-incomplete"].startswith(f"site {ids[1]} (recovered): not complete")


def test_doubts_are_said_once_in_the_lists_words() -> None:
    both = doubt("ram-modelled", f"nothing at /home/{CANARY}")
    one = doubt("cpu-modelled", CANARY)
    other = Doubt(CANARY, CANARY, CANARY)
    run = merge_sites([site_run(1, doubts=[both, one]), site_run(2, doubts=[both, other])])
    assert [(said.code, said.message) for said in run.doubts] == [
        ("cpu-modelled", f"site {site_run(1).id}: {CHECKS['cpu-modelled'].when}"),
        ("ram-modelled", f"all sites: {CHECKS['ram-modelled'].when}"),
        ("site-other-doubt", f"site {site_run(2).id}: {CHECKS['site-other-doubt'].when}"),
    ]


# -- order and text ------------------------------------------------------------------------------

positive = st.floats(1e-3, 1e9)


@st.composite
def random_sites(draw: st.DrawFn) -> list[Run]:
    """Ten sites with figures, places, starts and windows of their own."""
    runs = []
    for number in range(10):
        run = site_run(
            number,
            joules=draw(positive),
            country=draw(st.sampled_from(COUNTRIES)),
            overhead=draw(st.none() | st.floats(1.0, 3.0)),
            rounds=draw(st.integers(1, 3)),
            started=f"2026-01-01T00:00:{draw(st.integers(0, 59_999)) / 1000:06.3f}+00:00",
            duration_s=draw(st.floats(36.0, 1e5)),
            status=draw(st.sampled_from(RunStatus)),
            doubts=[doubt(draw(st.sampled_from(sorted(CHECKS))), "found")],
        )
        run.summary["tokens"] = exact(draw(positive), "tokens")
        run.summary["energy_j"] = energy(draw(positive), draw(st.sampled_from(list(Basis)[:3])))
        runs.append(run)
    return runs


@given(random_sites(), st.lists(st.permutations(range(10)), min_size=4, max_size=4))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_ten_sites_in_any_order_give_one_text(runs: list[Run], orders: list[list[int]]) -> None:
    text = merge_sites(runs).to_json()
    for order in orders:
        assert merge_sites([runs[place] for place in order]).to_json() == text
    found = json.loads(text)
    each = [run.summary["energy_j"].number for run in runs]
    assert found["summary"]["energy_j"]["value"] == pytest.approx(math.fsum(each), rel=1e-12)
    carbon = [site["operational_kgco2e"]["value"] for site in found["settings"]["sites"]]
    total = found["summary"]["operational_kgco2e"]["value"]
    assert total == pytest.approx(math.fsum(carbon), rel=1e-12)
    assert [site["id"] for site in found["settings"]["sites"]] == sorted(run.id for run in runs)


def test_the_united_run_is_a_run_like_others(tmp_path: Path) -> None:
    run = merge_sites([site_run(1), site_run(2)])
    assert load_run(run.save(tmp_path / "federation.json")) == run
    assert run.kind is RunKind.TRAINING
    assert run.name == "federation of 2 sites"


def canary(estimate: Estimate) -> Estimate:
    return estimate.sourced(f"declared in /home/{CANARY}/site.yaml")


def test_no_text_of_a_site_is_in_the_merge_but_its_labels(tmp_path: Path) -> None:
    """A canary in everything that a run file holds in free words, through the files themselves."""
    declared = Estimate.exact(300.0, UNIT, Basis.DECLARED, CANARY)
    grid = GridFactor("KEN", declared, None, "as declared", CANARY, False)
    plug = Device(CANARY, "wall", WALL, CANARY, "shelly-power", Basis.MEASURED, CANARY)
    cpu = replace(site_run(1).devices[0], source=CANARY, details={"host": CANARY})
    telling = site_run(1, devices=[cpu, plug])
    windows = [
        replace(
            window,
            devices=[
                replace(window.devices[0], energy_j=canary(window.devices[0].energy_j)),
                DeviceEnergy(CANARY, "wall", WALL, Estimate.absent("J", CANARY), "shelly-power"),
            ],
            quantities={
                **{name: canary(figure) for name, figure in window.quantities.items()},
                CANARY: exact(1.0, CANARY),
            },
            doubts=[CANARY, "short-run"],
        )
        for window in telling.windows
    ]
    telling = replace(
        telling,
        kind=RunKind.COMMAND,
        name=CANARY,  # of the command, where no --name is given
        environment={"hostname": CANARY, "command": CANARY, "variables": {"USER": CANARY}},
        scenario={"name": CANARY},
        settings={
            "command": CANARY,
            "arguments": [CANARY],
            "parts": CANARY,
            "sites": CANARY,
            "rank": CANARY,
            "grid": asdict(grid),
            "pue": asdict(canary(pue(1.2))),
        },
        windows=windows,
        doubts=[Doubt("short-run", CANARY, CANARY), Doubt(CANARY, CANARY, CANARY)],
        summary={
            **{name: canary(figure) for name, figure in telling.summary.items() if figure.known},
            "wall_energy_j": canary(energy(5e6)),
            "gpu_energy_j": Estimate.absent("J", CANARY),
            CANARY: exact(1.0, CANARY),
        },
    )
    saved = load_run(telling.save(tmp_path / "north.json"))
    text = merge_sites([saved, site_run(2)]).to_json()
    assert CANARY in telling.to_json()
    assert CANARY not in text
    assert json.loads(text)["summary"]["operational_kgco2e"]["value"] > 0


def test_the_users_own_labels_are_carried() -> None:
    labelled = site_run(1, name="north", windows=[seen("epoch of Amina", 0.0, 1.0, 10.0)])
    named = site_run(2, kind=RunKind.COMMAND, name="south")
    run = merge_sites([labelled, named])
    assert [entry["name"] for entry in run.settings["sites"]] == ["north", "south"]
    assert f"{labelled.id}/epoch of Amina" in [window.path for window in run.windows]


# -- refusals ------------------------------------------------------------------------------------


def with_board(number: int, started: str = "2026-01-01T00:00:00.000+00:00") -> Run:
    board = "GPU-8f4d2a10-0000-0000-0000-000000000000"
    seen_here = Device(board, "gpu", BOARD, "GPU", "nvml-power", Basis.MEASURED, "test")
    return site_run(number, devices=[seen_here, *site_run(number).devices], started=started)


def overlapping_jobs() -> list[Run]:
    """Two merged jobs that share a rank's run."""
    return [merge([rank_run(0), replace(rank_run(1), id=each)]) for each in ("a", "b")]


@pytest.mark.parametrize(
    ("runs", "message"),
    [
        ([site_run(1)], "two or more sites"),
        ([site_run(1), site_run(2), site_run(1)], "20260101T000000-000001 was given twice"),
        ([site_run(1), site_run(1, name="x")], "20260101T000000-000001 was given twice"),
        ([site_run(1), rank_run(0)], "aaaaa0 is of rank 0 of a job of 2; merge the ranks first"),
        ([site_run(1), site_run(2, kind=RunKind.INFERENCE)], "000002 is of inference"),
        (
            [site_run(3), merge_sites([site_run(1), site_run(2)])],
            "is itself a merge of sites; give the runs of its sites instead",
        ),
        (overlapping_jobs(), "run 20260101T000000-aaaaa0 is in both"),
        ([with_board(1), with_board(2)], "both recorded board GPU-8f4d2a10"),
        ([site_run(1), site_run(2, started="yesterday")], "000002: started_at: expected a time"),
        ([site_run(1), site_run(2, started="2026-01-01T00:00:00")], "a time with its zone"),
        ([site_run(1), site_run(2, devices=[])], "window 'round' has a device 'cpu-package-0'"),
    ],
)
def test_what_is_no_federation_is_refused(runs: list[Run], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        merge_sites(runs)


def test_a_board_used_by_one_client_after_another_counts_for_both() -> None:
    run = merge_sites([with_board(1), with_board(2, "2026-01-01T00:00:30.000+00:00")])
    assert len(run.devices) == 4


def test_a_grid_that_is_none_is_refused_with_its_place() -> None:
    with pytest.raises(FileFormatError, match="run 20260101T000000-000002: settings: zone"):
        merge_sites([site_run(1), site_run(2, settings={"grid": {}})])


# -- recorded ------------------------------------------------------------------------------------


def client(clock: FakeClock, folder: Path, name: str, country: str, rounds: int) -> Profile:
    """A federated client on a board of 100 W: rounds of 6 s, 2 s of waiting after each."""
    rec = Profile(
        name,
        country=country,
        output=folder / f"{name}.json",
        meters=[ReplayMeter.load(CONSTANT)],
        clock=clock,
        sampling=False,
    )

    def work(seconds: float) -> None:
        for _ in range(round(seconds * 10)):
            clock.t_s += 0.1
            rec.sample()

    with rec:
        for _ in range(rounds):
            with rec.window("round") as this:
                for _ in rec.steps(range(3)):
                    rec.count(tokens=100)
                    work(2)
                this.moved(1000)
                this.moved(500)
            with rec.window("waiting"):
                work(2)
    return rec


def test_recorded_clients_merge_in_any_order(tmp_path: Path) -> None:
    paths = []
    for name, country in (("north", "KEN"), ("south", "POL"), ("east", "UGA")):
        client(FakeClock(), tmp_path, name, country, rounds=3)
        paths.append(tmp_path / f"{name}.json")
    runs = [load_run(path) for path in paths]
    run = merge_sites(runs)
    found = values(run)
    assert found["energy_j"] == pytest.approx(3 * 2400.0)
    assert found["rounds"] == 3
    assert found["rounds_energy_j"] == pytest.approx(3 * 1800.0)
    assert found["waiting_energy_j"] == pytest.approx(3 * 600.0)
    assert found["waiting_s"] == pytest.approx(18.0)
    assert found["bytes_moved"] == 3 * 3 * 1500
    assert found["steps"] == 27
    assert found["tokens"] == 2700
    kilowatthours = 2400 / 3.6e6
    grids = [grid_factor(code).intensity.number for code in ("KEN", "POL", "UGA")]
    expected = kilowatthours * math.fsum(grids) / 1000
    assert found["operational_kgco2e"] == pytest.approx(expected)
    assert merge_sites(runs[::-1]).to_json() == run.to_json()


def test_bytes_moved_of_closed_windows_outlive_a_kill(tmp_path: Path) -> None:
    clock = FakeClock()
    meters = [ReplayMeter.load(CONSTANT)]
    rec = Recorder("x", country="KEN", meters=meters, clock=clock, sampling=False).start()
    with rec.window("round") as first:
        first.moved(2e6)
        clock.t_s += 1
        rec.sample()
    with rec.window("round") as second:
        second.moved(3e6)
        clock.t_s += 1
        rec.sample()
        rec.write_journal()
        (journal,) = (tmp_path / "runs").glob(f"*{SUFFIX}")
        run, _ = recover(journal)
    rec.discard()
    counted = [window.quantities.get("bytes_moved") for window in run.windows]
    assert [each and each.value for each in counted] == [2e6, None]


@pytest.mark.parametrize("amount", [-1, math.nan, math.inf, True, "4", None])
def test_what_moved_must_be_a_number_of_bytes(amount: Any) -> None:
    with pytest.raises(UsageError, match="moved\\(\\) takes bytes"):
        Window("round", "round", 0.0).moved(amount)


def test_nothing_moves_in_a_window_that_has_ended() -> None:
    with pytest.raises(UsageError, match="window 'round' has ended"):
        Window("round", "round", 0.0, 1.0).moved(1)


def test_ranks_of_which_one_speaks_with_the_network_keep_what_it_moved() -> None:
    first = rank_run(0)
    sent = replace(first.windows[2], quantities={"bytes_moved": exact(5.0, "bytes")})
    job = merge([replace(first, windows=[*first.windows[:2], sent]), rank_run(1)])
    steps = next(window for window in job.windows if window.path == "steps")
    assert steps.quantities["bytes_moved"].value == 5.0


def test_the_documented_client_marks_rounds_waiting_and_bytes(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "training.md").read_text("utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    (code,) = [block for block in blocks if 'window("waiting")' in block]
    for name, country in (("north", "KEN"), ("south", "UGA")):
        script = code.replace("north.json", f"{name}.json").replace("KEN", country)
        ended = subprocess.run(
            [sys.executable, "-W", "error", "-c", script],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 0, ended.stderr
    run = merge_sites([load_run(tmp_path / f"{name}.json") for name in ("north", "south")])
    assert [entry["grid"]["zone"] for entry in run.settings["sites"]].count("UGA") == 1
    assert values(run)["rounds"] == 3
    for name in ("waiting_s", "waiting_energy_j", "bytes_moved", "operational_kgco2e"):
        found = values(run)[name]
        assert found is not None
        assert found > 0
