from __future__ import annotations

import pytest

from ecoaudit.errors import MeterUnavailableError
from ecoaudit.meters.visible_devices import Board, visible_boards

BOARDS = [
    Board("GPU-aaaa1111-0000", ("MIG-77770000-1111", "MIG-77770000-2222")),
    Board("GPU-aaaa2222-0000"),
    Board("GPU-bbbb3333-0000"),
]


@pytest.mark.parametrize(
    ("mask", "shown"),
    [
        (None, [0, 1, 2]),
        ("", []),
        ("-1", []),
        ("0", [0]),
        ("2,0", [2, 0]),
        (" 1 , 1 ", [1]),
        ("0,2,-1,1", [0, 2]),  # what follows the first number out of range is hidden
        ("0,7,1", [0]),
        ("GPU-bbbb3333-0000", [2]),
        ("gpu-B", [2]),
        ("GPU-aaaa2,0", [1, 0]),
        ("MIG-77770000-2222", [0]),
        ("MIG-GPU-bbbb3333-0000/7/0", [2]),
        ("MIG-77770000-1111,MIG-77770000-2222", [0]),
    ],
)
def test_the_mask_selects_boards(mask: str | None, shown: list[int]) -> None:
    assert visible_boards(mask, BOARDS) == shown


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        ("GPU-cccc", "'GPU-cccc' names no GPU of this machine; `nvidia-smi -L`"),
        ("GPU-aaaa", "'GPU-aaaa' fits more than one GPU"),
        ("0,first", "'first' names no GPU"),
        ("bbbb3333", "'bbbb3333' names no GPU"),
        ("0,,1", "'' names no GPU"),
        ("MIG-88", "'MIG-88' names no GPU"),
    ],
)
def test_a_word_that_names_no_one_board_is_an_error(mask: str, message: str) -> None:
    with pytest.raises(MeterUnavailableError, match="CUDA_VISIBLE_DEVICES: " + message):
        visible_boards(mask, BOARDS)
