from __future__ import annotations

import pytest

from ecoaudit.errors import UsageError
from ecoaudit.meters.visible_devices import Board, visible_boards

BOARDS = [
    Board("GPU-aaaa1111-0000", ("MIG-77770000-1111", "MIG-77770000-2222"), ((1, 0), (5, 1))),
    Board("GPU-aaaa2222-0000"),
    Board("GPU-bbbb3333-0000"),
]


def places(**environment: str) -> list[int]:
    return visible_boards(environment, BOARDS).places


def codes(**environment: str) -> list[str]:
    return [said.code for said in visible_boards(environment, BOARDS).doubts]


def test_without_a_mask_all_are_shown() -> None:
    assert places() == [0, 1, 2]
    assert codes() == []


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        ("", []),
        ("-1", []),
        ("-1,0", []),
        (",", []),
        (",0", []),
        ("NoDevFiles", []),
        ("0", [0]),
        ("2,0", [2, 0]),
        (" 1 , 1 ", [1]),
        ("0,2,-1,1", [0, 2]),  # what follows the first number out of range is hidden
        ("0,7,1", [0]),
        ("0,", [0]),
        ("0,,1", [0]),  # an empty word ends the list
        ("+1", [1]),
        ("GPU-bbbb3333-0000", [2]),
        ("gpu-B", [2]),
        ("GPU-aaaa2,0", [1, 0]),
        ("MIG-77770000-2222", [0]),
        ("MIG-GPU-aaaa1111-0000/5/1", [0]),
        ("MIG-77770000-1111,MIG-77770000-2222", [0]),
    ],
)
def test_the_mask_of_cuda_selects_boards(mask: str, shown: list[int]) -> None:
    assert places(CUDA_VISIBLE_DEVICES=mask) == shown
    # The container's variable has no say beside it.
    assert places(CUDA_VISIBLE_DEVICES=mask, NVIDIA_VISIBLE_DEVICES="GPU-aaaa2222-0000") == shown


@pytest.mark.parametrize(
    ("mask", "hidden"),
    [
        ("0,2,-1,1", True),
        ("0,7", True),
        ("0,-1", False),
        ("-1,0", False),
        ("0,,1", True),
        ("0,", False),
        ("0,,", False),
        (",", False),
        ("", False),
    ],
)
def test_what_cuda_hides_is_said(mask: str, hidden: bool) -> None:
    assert codes(CUDA_VISIBLE_DEVICES=mask) == ["gpu-hidden"] * hidden


@pytest.mark.parametrize(
    ("mask", "parts"),
    [
        ("0", {0: []}),
        ("MIG-77770000-2222", {0: [1]}),
        ("MIG-77770000-2222,MIG-77770000-1", {0: [1, 0]}),
        ("MIG-77770000-1", {0: [0]}),
        ("MIG-GPU-aaaa1111-0000/5/1", {0: [1]}),
        ("MIG-GPU-aaaa1111-0000/5/1,MIG-GPU-aaaa1111-0000/1/0", {0: [1, 0]}),
    ],
)
def test_the_instances_that_are_named(mask: str, parts: dict[int, list[int | None]]) -> None:
    assert visible_boards({"CUDA_VISIBLE_DEVICES": mask}, BOARDS).parts == parts


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("GPU-cccc", "'GPU-cccc' names no GPU of this machine; `nvidia-smi -L`"),
        ("GPU-aaaa", "'GPU-aaaa' fits more than one GPU"),
        ("0,first", "'first' names no GPU"),
        ("bbbb3333", "'bbbb3333' names no GPU"),
        ("3", "'3' names no GPU of the 3 here; `nvidia-smi -L`"),
        ("7,0", "'7' names no GPU of the 3 here"),
        ("99999999999999999999", "'99999999999999999999' names no GPU"),
        ("--1", "'--1' names no GPU"),
        ("\u00b2", "'\u00b2' names no GPU"),
        ("MIG-", "'MIG-' fits more than one MIG instance"),
        ("MIG-GPU-aaaa1111-0000/5/0", "'MIG-GPU-aaaa1111-0000/5/0' names no MIG instance of that"),
        ("MIG-GPU-bbbb3333-0000/7/0", "'MIG-GPU-bbbb3333-0000/7/0' names no MIG instance"),
        ("MIG-GPU-aaaa1111-0000", "'MIG-GPU-aaaa1111-0000' names no GPU"),
        ("MIG-88", "'MIG-88' names no GPU"),
    ],
)
def test_a_word_that_names_no_one_board_is_an_error(mask: str, message: str) -> None:
    with pytest.raises(UsageError, match="CUDA_VISIBLE_DEVICES: " + message):
        places(CUDA_VISIBLE_DEVICES=mask)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", [0, 1, 2]),
        ("all", [0, 1, 2]),
        ("void", [0, 1, 2]),
        ("nvidia.com/gpu=all", [0, 1, 2]),
        ("/var/run/nvidia-container-devices", [0, 1, 2]),
        ("5,6,7", [0, 1, 2]),  # the runtime gave three: the host's numbers mean nothing here
        ("GPU-x,GPU-y,MIG-z", [0, 1, 2]),
        ("GPU-bbbb3333-0000", [2]),
        ("GPU-bbbb,GPU-aaaa2", [2, 1]),
        ("1", [1]),
        ("2,0", [2, 0]),
        ("0:1", [0]),
        ("nvidia.com/gpu=2", [2]),
        ("MIG-77770000-1111", [0]),
        ("MIG-GPU-aaaa1111-0000/1/0", [0]),
    ],
)
def test_what_a_container_was_given(value: str, shown: list[int]) -> None:
    assert places(NVIDIA_VISIBLE_DEVICES=value) == shown
    left_out = len(shown) < len(BOARDS)
    assert codes(NVIDIA_VISIBLE_DEVICES=value) == ["gpu-left-out"] * left_out


def test_boards_in_a_container_that_was_given_none_are_told() -> None:
    assert places(NVIDIA_VISIBLE_DEVICES="none") == [0, 1, 2]
    (said,) = visible_boards({"NVIDIA_VISIBLE_DEVICES": "none"}, BOARDS).doubts
    assert said.code == "gpu-not-named"
    assert said.message.startswith("NVIDIA_VISIBLE_DEVICES is none, yet the driver shows 3 GPUs")
    assert codes(NVIDIA_VISIBLE_DEVICES="none", CUDA_VISIBLE_DEVICES="0") == []


def test_an_instance_whose_numbers_nvml_does_not_tell() -> None:
    """The board is known, the instance is not."""
    untold = [Board("GPU-aaaa1111-0000", ("MIG-7777", "MIG-8888"), (None, None))]
    shown = visible_boards({"CUDA_VISIBLE_DEVICES": "MIG-GPU-aaaa1111-0000/5/1"}, untold)
    assert shown.parts == {0: [None]}


def test_the_instance_of_a_container() -> None:
    assert visible_boards({"NVIDIA_VISIBLE_DEVICES": "0:1"}, BOARDS).parts == {0: [1]}


@pytest.mark.parametrize(
    "value", ["GPU-cccc", "7", "-1", "first", "GPU-aaaa", "0:2", "0:", "1:0", "MIG-7777"]
)
def test_an_unknown_board_among_more_than_named_is_an_error(value: str) -> None:
    with pytest.raises(UsageError, match=f"NVIDIA_VISIBLE_DEVICES: '{value}'"):
        places(NVIDIA_VISIBLE_DEVICES=value)
