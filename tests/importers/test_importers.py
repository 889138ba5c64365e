"""What every importer keeps to: names and units are ours, no text comes along, refusals say why."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ecoaudit.checks import weakening
from ecoaudit.errors import FileFormatError, UsageError
from ecoaudit.importers import IMPORTERS, import_results
from ecoaudit.importers.base import Setup
from ecoaudit.importers.saying import Said
from ecoaudit.quantities import UNITS
from ecoaudit.reporters import Content, reporter_for
from ecoaudit.run import Run, RunKind, load_run
from tests.importers.results import (
    CANARY,
    SAID,
    aiperf,
    configuration,
    guidellm,
    guidellm_report,
    leaderboard,
    vllm,
    write,
)

EXAMPLES: dict[str, dict[str, Any]] = {
    "vllm": vllm(),
    "guidellm": guidellm_report(guidellm()),
    "aiperf": aiperf(),
    "ml-energy": leaderboard(configuration()),
}


def figures(run: Run) -> dict[str, str]:
    """Name -> unit of every figure of a run."""
    groups = [run.summary, *(g for p in run.curve for g in (p.whole_run, p.steady))]
    return {name: figure.unit for group in groups for name, figure in group.items()}


def page(run: Run, suffix: str) -> str:
    """The report of a run."""
    return reporter_for(f"x{suffix}").render(Content(runs=(run,)))


@pytest.fixture(params=sorted(IMPORTERS))
def tool(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def result(tool: str, tmp_path: Path) -> Path:
    """A file of the tool, under a name that says nothing."""
    return write(tmp_path / "x.json", EXAMPLES[tool])


def test_every_importer_has_an_example() -> None:
    assert EXAMPLES.keys() == IMPORTERS.keys()


def test_a_file_is_known_by_its_keys(tool: str, result: Path) -> None:
    run = import_results([result], said=SAID)
    assert run.settings["imported_from"] == IMPORTERS[tool].tool
    assert run == import_results([result], tool=tool, said=SAID)


def test_the_run_loads_and_can_be_reported(result: Path, tmp_path: Path) -> None:
    run = import_results([result], said=SAID)
    assert run.kind is RunKind.INFERENCE
    assert load_run(run.save(tmp_path / "run.json")) == run
    for suffix in (".html", ".md", ".csv", ".json"):
        assert "tiny" in page(run, suffix)


def test_figures_have_our_names_and_units(result: Path) -> None:
    found = figures(import_results([result], said=SAID))
    assert found == {name: UNITS.get(name) for name in found}
    assert not [name for name in found if "itl" in name]


def test_each_figure_of_time_says_what_it_is(result: Path) -> None:
    run = import_results([result], said=SAID)
    known = {
        re.sub(r"_p\d+$", "", name)
        for point in run.curve
        for group in (point.whole_run, point.steady)
        for name, figure in group.items()
        if figure.known and re.search(r"_s_p\d+$", name)
    }
    assert known
    assert known <= run.settings["definitions"].keys()


def test_no_text_of_the_file_comes_along(result: Path) -> None:
    assert CANARY in result.read_text()
    run = import_results([result], said=SAID)
    assert CANARY not in run.to_json()
    assert CANARY not in page(run, ".html")


def test_the_run_says_which_file_it_is_of(result: Path) -> None:
    run = import_results([result], said=SAID)
    digest = hashlib.sha256(result.read_bytes()).hexdigest()
    assert run.settings["files"] == [
        {"name": "x.json", "sha256": digest, "size_bytes": result.stat().st_size}
    ]
    assert str(result.parent) not in run.to_json()


def test_the_same_file_gives_the_same_run(result: Path) -> None:
    assert import_results([result], said=SAID) == import_results([result], said=SAID)
    other = replace(SAID, setup=replace(SAID.setup, engine_version="0.33.0"))
    assert import_results([result], said=SAID).id != import_results([result], said=other).id


def test_what_the_user_says_is_said_to_be_theirs(result: Path) -> None:
    run = import_results([result], said=SAID)
    assert run.settings["engine_version"] == "0.32.0"
    assert run.settings["said_by_user"]["engine_version"] == "0.32.0"
    (told,) = [doubt for doubt in run.doubts if doubt.code == "said-by-user"]
    assert "engine_version 0.32.0" in told.message


def test_a_figure_without_an_engine_version_is_refused(result: Path) -> None:
    with pytest.raises(UsageError, match=r"which version of vllm served.*--engine-version"):
        import_results([result], said=Said(Setup(engine="vllm")))


def test_an_unknown_engine_must_say_whether_it_keeps_a_kv_cache(
    tool: str, result: Path, tmp_path: Path
) -> None:
    if tool == "vllm":
        result = write(tmp_path / "y.json", vllm(backend="openai", endpoint_type="openai"))
    odd = Said(Setup(engine="transformers", engine_version="4.57"))
    with pytest.raises(UsageError, match=r"kept a KV cache.*--kv-cache"):
        import_results([result], said=odd)
    off = import_results([result], said=replace(odd, setup=replace(odd.setup, kv_cache="off")))
    assert off.settings["kv_cache"] == "off"
    assert "kv-cache-off" in {doubt.code for doubt in off.doubts}
    assert import_results([result], said=SAID).settings["kv_cache"] == "on"  # vLLM always does


def test_what_nobody_says_is_a_doubt(tool: str, result: Path) -> None:
    codes = {doubt.code for doubt in import_results([result], said=SAID).doubts}
    assert {"imported", "unknown-prefix-cache"} <= codes
    assert ("unknown-dtype" in codes) is (tool != "ml-energy")  # bf16 weights say it
    assert ("unknown-weights" in codes) is (tool != "ml-energy")
    assert ("unknown-device" in codes) is (tool in ("vllm", "guidellm"))
    assert ("whole-run-summary" in codes) is (tool != "ml-energy")


def test_a_doubt_of_one_load_says_which(tmp_path: Path) -> None:
    odd = vllm(4, completed=40, num_prompts=41)
    run = import_results([write(tmp_path / "x.json", vllm(2), odd)], said=SAID)
    (said,) = [said for said in run.doubts if said.code == "self-contradiction"]
    assert (said.load, said.message[:9]) == ("4", "level 4: ")
    assert run.summary_point is run.curve[0]
    weak = weakening("ttft_s_p50", run.doubts, run.load_of("ttft_s_p50"))
    assert weak
    assert said not in weak
    (whole,) = [said for said in run.doubts if said.code == "whole-run-summary"]
    assert whole.load is None  # both lack a steady window, which is said once


def test_what_is_said_leaves_no_doubt(tmp_path: Path) -> None:
    all_of_it = Setup(
        engine="vllm",
        engine_version="0.32.0",
        weights="bfloat16",
        dtype="bfloat16",
        gpu="L4",
        gpus=1,
        prefix_cache="off",
        workload="ambient-note",
    )
    run = import_results([write(tmp_path / "x.json", vllm())], said=Said(all_of_it))
    assert not {doubt.code for doubt in run.doubts if doubt.code.startswith("unknown-")}
    assert run.settings["weights"] == "bf16"
    assert [(device.name, device.basis) for device in run.devices] == [("L4", "declared")]
    assert run.scenario == {"workload": {"id": "ambient-note"}}


def test_random_weights_are_said(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm())
    run = import_results([path], said=replace(SAID, random_weights=True))
    assert run.settings["random_weights"] is True
    assert "random-weights" in {doubt.code for doubt in run.doubts}
    assert "random" in page(run, ".md").partition("## Result")[0]
    assert import_results([path], said=SAID).settings["random_weights"] is False


def test_the_user_cannot_overrule_the_file(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm(engine_version="0.31.0"))
    with pytest.raises(
        UsageError, match=r"engine_version is 0\.31\.0, not 0\.32\.0.*--engine-version"
    ):
        import_results([path], said=SAID)
    path = write(tmp_path / "y.json", vllm())
    with pytest.raises(UsageError, match="its load is 2, not --concurrency 8"):
        import_results([path], said=replace(SAID, concurrency=8))


# -- several loads -------------------------------------------------------------------------------


def test_levels_of_one_sweep_become_one_curve(tmp_path: Path) -> None:
    paths = [write(tmp_path / f"{n}.json", vllm(n, date=f"20261122-14031{n}")) for n in (4, 1, 2)]
    run = import_results(paths, said=SAID)
    assert [point.level for point in run.curve] == [1, 2, 4]
    assert run.started_at == "2026-11-22T14:03:11"
    assert run.duration_s == pytest.approx(7.5)
    assert run.settings["summary"]["load"] == "1"
    assert [file["name"] for file in run.settings["files"]] == ["4.json", "1.json", "2.json"]
    assert "uneven-lengths" not in {doubt.code for doubt in run.doubts}
    failed = [doubt.message for doubt in run.doubts if doubt.code == "failed-requests"]
    assert failed == ["1 of 4 requests failed, and are left out"]  # the same of each: said once


def test_what_is_of_one_level_only_names_it(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm(1), vllm(2, completed=9))
    said = [
        d.message
        for d in import_results([path], said=SAID).doubts
        if d.code == "self-contradiction"
    ]
    assert said == [
        "level 2: completed is 9, and its lists hold 3 requests that ended well: its lists are used"
    ]


def test_appended_results_are_read_line_by_line(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm(1), vllm(2), vllm(4, detailed=False))
    run = import_results([path], said=SAID)
    assert [point.level for point in run.curve] == [1, 2, 4]
    assert len(run.settings["files"]) == 1


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (vllm(4, model_id="acme/big"), r"x\.json:2: its model is acme/big, .*--pick model=VALUE"),
        (vllm(4, gpu="L4"), r"x\.json:2: its gpu is L4, and that of .*x\.json:1 is not said"),
        (vllm(2), r"x\.json:2: its load \(2\) is that of .*x\.json:1 too"),
        (aiperf(), r"x\.json:2: is of aiperf, and .*x\.json:1 is of vllm"),
    ],
)
def test_what_does_not_belong_together_is_refused(
    second: dict[str, Any], message: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "x.json", vllm(2), second)
    with pytest.raises(UsageError, match=message):
        import_results([path], said=SAID)


def test_a_file_given_twice_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm(2))
    with pytest.raises(UsageError, match=r"holds the same as x\.json"):
        import_results([path, path], said=SAID)


def test_one_of_several_setups_is_picked(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", vllm(2, gpu="L4"), vllm(2, gpu="A10"), vllm(8, gpu="A10"))
    run = import_results([path], said=SAID, picks={"gpu": "a10"})
    assert [point.level for point in run.curve] == [2, 8]
    run = import_results([path], said=SAID, picks={"gpu": "A10", "concurrency": "8"})
    assert [point.level for point in run.curve] == [8]
    with pytest.raises(UsageError, match="no load has it; there are A10, L4"):
        import_results([path], said=SAID, picks={"gpu": "H100"})
    with pytest.raises(UsageError, match="expected one of model, engine"):
        import_results([path], said=SAID, picks={"gpuu": "H100"})


# -- hostile files -------------------------------------------------------------------------------


def altered(example: dict[str, Any], keys: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """The example with another value at one place."""
    copy: dict[str, Any] = json.loads(json.dumps(example))
    place: Any = copy
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return copy


def paths_in(value: Any, keys: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place in an example."""
    found = [keys] if keys else []
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        found += paths_in(inner, (*keys, key))
    return found


@pytest.mark.parametrize(
    "value",
    [None, True, -3, 10**400, float("nan"), "text", [], {}, [{}], 1e308, 0],
    ids=repr,
)
def test_whatever_stands_anywhere_is_read_or_refused(
    tool: str, value: object, tmp_path: Path
) -> None:
    """No other error than ours, and nothing that no run may hold."""
    example = EXAMPLES[tool]
    read, refusals = 0, dict[tuple[str | int, ...], str]()
    for keys in paths_in(example)[:: 7 if tool == "guidellm" else 1]:
        path = write(tmp_path / "x.json", altered(example, keys, value))
        try:
            run = import_results([path], tool=tool, said=SAID)
        except UsageError as error:
            refusals[keys] = str(error)
            continue
        load_run(run.save(tmp_path / "run.json"))
        read += 1
    assert read > 0
    assert not [keys for keys, text in refusals.items() if CANARY in text or "\n" in text]


def test_a_missing_key_is_named(tool: str, result: Path, tmp_path: Path) -> None:
    whole = EXAMPLES[tool]
    if tool == "ml-energy":
        whole = leaderboard({**configuration(), "avg_output_len": None})
    elif tool == "guidellm":
        whole = guidellm_report({**guidellm(), "scheduler_metrics": None})
    else:
        whole = {**whole, "duration": None, "benchmark_duration": None, "start_times": None}
    path = write(tmp_path / "y.json", whole)
    with pytest.raises(FileFormatError, match=r"y\.json: [\w.]*: expected|before 0\.5"):
        import_results([path], tool=tool, said=SAID)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x\.json:1: not JSON"),
        (
            b'{"model_id": "a", "num_prompts": 3, "comple',
            r"x\.json:1: not JSON .*is the file whole",
        ),
        (b'{"a": 1}\n{"a": 2', r"x\.json:2: not JSON"),
        (b'{\n"a": 1,\n', r"x\.json:3: not JSON"),
        (b"[1, 2]", r"x\.json: expected a JSON object; got a list"),
        (b'"' + b"A" * 99 + b'"', r"x\.json: expected a JSON object; got text"),
        (b"\xff\xfe", r"x\.json: cannot be read"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": 1}', r"is no result that is known here; looked for the keys of vllm: model_id"),
        (b'{"schema": "ecoaudit.run/1"}', "is no result that is known here"),
    ],
)
def test_a_file_of_something_else_is_refused(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        import_results([path], said=SAID)


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(FileFormatError, match=r"none\.json: no such file"):
        import_results([Path("none.json")], said=SAID)
    with pytest.raises(UsageError, match="no importer 'vlm'; did you mean 'vllm'"):
        import_results([Path("none.json")], tool="vlm")
