"""Which GPUs a server uses."""

from __future__ import annotations

from ecoaudit.workloads.serving_boards import ServingBoards, told_apart


def test_a_board_whose_memory_the_server_filled_is_the_servers() -> None:
    before = {"a": 1e9, "b": 1e9, "c": None}
    assert told_apart(before, {"a": 20e9, "b": 1.1e9, "c": 5e9}) == ServingBoards(frozenset("b"))


def test_where_it_cannot_be_told_all_are_the_servers() -> None:
    assert told_apart({"a": 1e9, "b": 1e9}, {"a": 1e9, "b": 1e9}) == ServingBoards()
    assert told_apart({"a": None}, {"a": None}) == ServingBoards()
    assert told_apart({}, {}) == ServingBoards()
