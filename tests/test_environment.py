from __future__ import annotations

import getpass
import json
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import psutil
import pytest

import ecoaudit
from ecoaudit import environment
from ecoaudit.environment import describe, installed_packages

NAMES = {
    *("os", "kernel", "architecture", "cpu", "cpu_sockets", "logical_cpus", "memory_bytes"),
    *("cpu_governor", "virtual_machine", "container", "python", "ecoaudit", "packages"),
}


def test_the_facts() -> None:
    facts = describe()
    assert set(facts) == NAMES
    assert facts["kernel"] == platform.release()
    assert facts["logical_cpus"] == psutil.cpu_count()
    assert facts["memory_bytes"] == psutil.virtual_memory().total
    assert facts["python"] == platform.python_version()
    assert facts["ecoaudit"] == ecoaudit.__version__
    assert facts["packages"]["codecarbon"] == metadata.version("codecarbon")
    assert json.loads(json.dumps(facts, allow_nan=False)) == facts


def test_nothing_that_names_a_person_or_a_place() -> None:
    facts = describe()
    texts = [str(value) for value in [*facts.values(), *facts["packages"].values()]]
    assert platform.node() not in texts
    assert getpass.getuser() not in texts
    assert not any(str(Path.home()) + "/" in text or str(Path.cwd()) in text for text in texts)


def test_a_package_that_is_not_installed_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_PACKAGES", ("psutil", "no-such-package"))
    assert installed_packages() == {"psutil": metadata.version("psutil")}


def test_what_cannot_be_had_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails() -> None:
        raise RuntimeError("no /proc")

    monkeypatch.setattr(psutil, "virtual_memory", fails)
    monkeypatch.setattr(environment, "_GOVERNOR", tmp_path / "none")
    monkeypatch.setattr(environment, "_CGROUP", tmp_path / "none")
    facts = describe()
    assert set(facts) == NAMES
    assert facts["cpu"] == facts["memory_bytes"] == facts["cpu_governor"] == "unknown"


@pytest.mark.parametrize(
    ("cgroup", "container"),
    [("0::/\n", False), ("12:cpu:/docker/3f2a\n", True), ("0::/kubepods/besteffort\n", True)],
)
def test_a_container_by_its_cgroup(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cgroup: str, container: bool
) -> None:
    (tmp_path / "cgroup").write_text(cgroup)
    monkeypatch.setattr(environment, "_CGROUP", tmp_path / "cgroup")
    monkeypatch.setattr(environment, "_CONTAINER_FILES", ())
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert describe()["container"] is container


def test_no_package_is_imported_to_learn_its_version() -> None:
    script = (
        "import sys; from ecoaudit.environment import describe; describe();"
        "heavy = {'torch', 'vllm', 'transformers', 'codecarbon', 'pynvml'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
