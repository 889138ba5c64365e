"""``ecoaudit estimate``: one point, a table of points, rows that cannot be computed."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from ecoaudit.factors.hardware import find_device
from ecoaudit.factors.models import find_model
from ecoaudit.planning.point_table import COLUMNS
from tests.calibrations import calibration, known_constants
from tests.cli.conftest import Ecoaudit

HEADER = "model,gpu,n_gpus,weights,concurrency,input_tokens,output_tokens"


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_one_point_on_the_terminal(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit("estimate", "--model", "Qwen3-8B", "--gpu", "L4")
    assert done.returncode == 0
    for word in ("Qwen/Qwen3-8B, bf16, 1 x NVIDIA L4", "ttft_s", "J/token", "80 % interval"):
        assert word in done.stdout
    assert "fits: " in done.stdout
    assert "datasheet: roofline with constants of other devices" in done.stdout


def test_a_table_keeps_its_rows_and_says_why_one_cannot_be_computed(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    table, answered = tmp_path / "points.csv", tmp_path / "answered.csv"
    lines = [
        f"{HEADER},mine",
        "Qwen3-8B,RTX 4060 Ti 16GB,1,awq,2,1500,500,first",
        "nobody/nothing,L4,1,bf16,1,100,100,second",
        "Llama-3.1-8B,H100 SXM,,,,,,third",
        "Llama-3.1-8B,H100 SXM,1,bf16,many,100,100,fourth",
        "Llama-3.1-8B,M4 Pro,1,bf16,1,100,100,fifth",
    ]
    table.write_text("\ufeff" + "\r\n".join(lines) + "\r\n", "utf-8")
    done = ecoaudit("estimate", "--csv", table, "-o", answered)
    assert done.returncode == 0
    assert "3 of 5 rows computed; see the column error" in done.stderr
    found = rows(answered.read_text())
    assert [row["mine"] for row in found] == ["first", "second", "third", "fourth", "fifth"]
    assert list(found[0])[-len(COLUMNS) :] == list(COLUMNS)
    first, second, third, fourth, fifth = found
    assert first["weights"] == "awq"  # as it was asked
    assert first["fits"] == "yes"
    low, value, high = (float(first[f"tpot_s{end}"]) for end in ("_low", "", "_high"))
    assert low < value < high
    assert "no model 'nobody/nothing'" in second["error"]
    assert second["tpot_s"] == ""
    assert (third["basis"], third["error"]) == ("calibrated", "")
    assert fourth["error"] == "concurrency: expected a number; got 'many'"
    assert "not sourced" in fifth["error"]
    assert float(fifth["memory_bytes"]) > 16e9
    assert fifth["tpot_s"] == ""
    # without -o the same goes to the output
    assert rows(ecoaudit("estimate", "--csv", table).stdout) == found


def test_defaults_that_were_taken_and_cells_that_are_too_many_are_told(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    table = tmp_path / "points.csv"
    lines = [HEADER, "Qwen3-8B,L4,,,,,300", "Qwen3-8B,L4,1,bf16,1,100,100,8,9"]
    table.write_text("\n".join(lines) + "\n")
    first, second = rows(ecoaudit("estimate", "--csv", table).stdout)
    assert [first[name] for name in HEADER.split(",")] == [
        *("Qwen3-8B", "L4", "1", "bf16", "1", "1000", "300")
    ]
    assert first["error"] == ""
    assert second["error"] == "9 cells, 7 columns"
    assert second["tpot_s"] == ""


def test_json_has_unit_interval_basis_and_source(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit(
        *("estimate", "--model", "Llama-3.1-70B", "--gpu", "H100 SXM", "--gpus", "2"),
        *("--weights", "fp8", "--concurrency", "8", "--json"),
    )
    (found,) = json.loads(done.stdout)
    assert found["fits"] is True
    assert found["basis"] == "calibrated"
    for figure in found["figures"].values():
        assert figure["low"] < figure["value"] < figure["high"]
        assert figure["unit"]
        assert figure["source"]


def test_a_model_from_its_configuration(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": 2048,
        "num_hidden_layers": 16,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "intermediate_size": 8192,
        "vocab_size": 128256,
        "tie_word_embeddings": True,
        "max_position_embeddings": 131072,
    }
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    own = ecoaudit("estimate", "--model", path, "--gpu", "L4", "--json")
    table = ecoaudit("estimate", "--model", "Llama-3.2-1B", "--gpu", "L4", "--json")
    figures = [json.loads(done.stdout)[0]["figures"]["memory_bytes"] for done in (own, table)]
    assert figures[0] == figures[1]


def test_what_is_wrong_is_one_sentence(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    lacking = tmp_path / "lacking.csv"
    lacking.write_text("model,card\nQwen3-8B,L4\n")
    hollow, nothing = tmp_path / "hollow.csv", tmp_path / "nothing.csv"
    hollow.write_text(f"{HEADER}\n")
    nothing.write_text("")
    for arguments, words in (
        (("--model", "Qwen3-8B"), "name a model and a device"),
        (("--model", "Qwen3-8B", "--gpu", "H9000"), "no device 'H9000'"),
        (("--model", "Qwen3-8B", "--gpu", "L4", "--weights", "int3"), "no weight format 'int3'"),
        (("--model", "Qwen3-8B", "--gpu", "L4", "--gpus", "1.5"), "expected a whole number"),
        (("--csv", str(hollow)), "hollow.csv: the table is empty"),
        (("--csv", str(nothing)), "nothing.csv: the table is empty"),
        (
            ("--model", "Qwen3-8B", "--gpu", "L4", "--concurrency", "1e9"),
            "concurrency: expected a number above 0 and below 1,000,000,000; got '1e9'",
        ),
        (
            ("--model", "Qwen3-8B", "--gpu", "L4", "--input-tokens", "40800"),
            "41,000 tokens together are beyond the context of Qwen/Qwen3-8B, 40,960",
        ),
        (("--csv", str(lacking)), "lacking.csv:1: it has no column 'gpu'"),
        (("--csv", str(tmp_path / "none.csv")), "none.csv: cannot be read"),
    ):
        done = ecoaudit("estimate", *arguments)
        assert done.returncode in (1, 2)
        assert words in done.stderr
        assert "Traceback" not in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1


QLORA = ("estimate", "--train", "qlora", "--model", "Llama-3.1-8B", "--gpu", "RTX 3060 12GB")


def test_the_memory_of_fine_tuning_by_part(ecoaudit: Ecoaudit) -> None:
    done = ecoaudit(*QLORA, "--sequence", "2048")
    assert done.returncode == 0
    for word in ("qlora of rank 16", "1 x 2048 tokens", "weights_bytes", "framework_bytes"):
        assert word in done.stdout
    assert "fits: it takes up to 11.5 GB of 12.0 GB" in done.stdout
    more = ecoaudit(*QLORA, "--sequence", "2,048", "--batch", "2")
    assert "does not fit: " in more.stdout


def test_fine_tuning_as_json_adds_up(ecoaudit: Ecoaudit) -> None:
    (found,) = json.loads(ecoaudit(*QLORA, "--rank", "8", "--no-checkpointing", "--json").stdout)
    figures = found["figures"]
    assert list(figures)[-1] == "memory_bytes"
    parts = [figure["value"] for name, figure in figures.items() if name != "memory_bytes"]
    assert figures["memory_bytes"]["value"] == pytest.approx(sum(parts))
    assert figures["adapters_bytes"]["value"] == 2 * 41_943_040 / 2  # half the rank
    assert found["asked"]["checkpointing"] == "false"
    assert found["fits"] is False
    assert found["device_memory_bytes"]["low"] == 12e9
    full = ("estimate", "--train", "full", "--model", "Llama-3.2-1B", "--gpu", "L4", "--json")
    (found,) = json.loads(ecoaudit(*full).stdout)
    assert "adapters_bytes" not in found["figures"]
    assert found["fits"] is True


def test_fine_tuning_that_means_nothing_is_one_sentence(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    for arguments, words in (
        (("--train", "dpo"), "no way to train is called 'dpo'; known: full, lora, qlora"),
        (("--train", "full", "--rank", "8"), "full training has no adapters"),
        (("--train", "lora", "--gpus", "2"), "fine-tuning on one device; leave --gpus out"),
        (("--train", "lora", "--input-tokens", "9"), "leave --input-tokens out"),
        (("--train", "lora", "--csv", tmp_path / "points.csv"), "leave --csv out"),
        (("--train", "lora", "-o", tmp_path / "answered.csv"), "leave --output out"),
        (("--batch", "2"), "--batch: it belongs to fine-tuning; add --train lora"),
        (("--no-checkpointing",), "--no-checkpointing: it belongs to fine-tuning"),
        (("--train", "lora", "--batch", "0"), "--batch: expected a whole number above 0; got '0'"),
        (("--train", "lora", "--sequence", "long"), "--sequence: expected a whole number"),
    ):
        done = ecoaudit("estimate", "--model", "Llama-3.2-1B", "--gpu", "L4", *arguments)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.strip().splitlines()) == 1
    nobody = ecoaudit("estimate", "--train", "lora", "--gpu", "L4")
    assert "name a model and a device" in nobody.stderr


def test_a_calibrated_device_answers_with_its_own_constants(
    ecoaudit: Ecoaudit, tmp_path: Path
) -> None:
    slow = known_constants({"weights": 1.6, "layer": 1.6})
    calibration(find_model("Llama-3.2-1B"), find_device("L4"), slow).save(tmp_path / "c.json")
    words = ("estimate", "--model", "Qwen3-1.7B", "--gpu", "L4", "--json")
    plain, own = ecoaudit(*words), ecoaudit(*words, "--calibration", "c.json")
    assert own.returncode == 0, own.stderr
    (before,), (after,) = json.loads(plain.stdout), json.loads(own.stdout)
    assert (before["basis"], after["basis"]) == ("datasheet", "calibrated")
    times = [row["figures"]["tpot_s"]["value"] for row in (before, after)]
    assert times[1] > 1.3 * times[0]


def test_a_calibration_that_is_none_is_refused(ecoaudit: Ecoaudit, tmp_path: Path) -> None:
    ecoaudit("run", "-q", "-o", "x.json", "--", "true")
    refused = ecoaudit(
        "estimate", "--model", "Qwen3-1.7B", "--gpu", "L4", "--calibration", "x.json"
    )
    assert refused.returncode == 2
    assert "x.json: it is no calibration; make one with `ecoaudit calibrate`" in refused.stderr
    trained = ecoaudit("estimate", "--train", "lora", "--model", "Qwen3-1.7B", "--gpu", "L4",
                       "--calibration", "x.json")  # fmt: skip
    assert trained.returncode == 2
    assert "leave --calibration out" in trained.stderr
