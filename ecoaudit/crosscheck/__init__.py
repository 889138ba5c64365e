"""The cross-check: other tools measure the same window, and the differences are explained."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from ecoaudit.crosscheck.comparison import compare
from ecoaudit.crosscheck.process import PeerProcess
from ecoaudit.errors import UsageError, did_you_mean
from ecoaudit.measurement import Device, Measurement

# Peer -> what runs in its process, and how its package is installed. The peer's package has the
# peer's name. A new peer is one line here and its module.
PEERS: dict[str, tuple[str, str]] = {
    "codecarbon": ("ecoaudit.crosscheck.codecarbon", "pip install 'codecarbon>=3.3.2,<4'"),
    "zeus": ("ecoaudit.crosscheck.zeus", "pip install 'zeus>=0.16'"),
}


def peer_names(text: str) -> tuple[str, ...]:
    """The peers that an option such as ``codecarbon,zeus`` names, each once.

    Raises:
        UsageError: no such peer, or one that is not installed.
    """
    names = tuple(dict.fromkeys(word.strip() for word in text.split(",") if word.strip()))
    if not names:
        raise UsageError(f"--crosscheck: expected one or more of {', '.join(PEERS)}")
    for name in names:
        if name not in PEERS:
            raise UsageError(
                f"--crosscheck: {name!r} cannot be compared with; {did_you_mean(name, PEERS)}"
            )
        if find_spec(name) is None:
            raise UsageError(f"--crosscheck: {name} is not installed; {PEERS[name][1]}")
    return names


class Crosscheck:
    """The peers of one run. Start it before the recorder: what a peer needs to get ready is then
    over, and none of its processes is in the measured tree.

    Args:
        names: what :func:`peer_names` gave.
        country: ISO 3166-1 alpha-3 code of the run, if it has one.

    Raises:
        UsageError: ecoaudit is the first process of a container, and would own the peers.
    """

    def __init__(self, names: Sequence[str], country: str | None = None):
        self._mask = os.environ.get("CUDA_VISIBLE_DEVICES")
        self._peers = [PeerProcess(name, PEERS[name][0], country) for name in names]
        with ExitStack() as on_failure:
            on_failure.callback(self.close)
            for peer in self._peers:
                peer.wait_ready()
            on_failure.pop_all()

    def begin(self) -> None:
        """Begin measuring; call it just before the window opens."""
        for peer in self._peers:
            peer.tell("begin")
        for peer in self._peers:
            peer.wait_begun()

    def end(self) -> None:
        """End measuring, and the peers; call it as soon as the window is closed."""
        for peer in self._peers:
            peer.tell("end")
        for peer in self._peers:
            peer.wait_ended()
        self.close()

    def close(self) -> None:
        """End the peers. May be called twice."""
        for peer in self._peers:
            peer.close()

    def compare(self, window: Measurement, devices: Sequence[Device]) -> list[dict[str, Any]]:
        """What each peer says beside what the window saw, as data for the run file's settings.

        Args:
            window: the window that the peers measured too.
            devices: the devices of the run.
        """
        return [asdict(compare(peer, window, devices, self._mask)) for peer in self._peers]
