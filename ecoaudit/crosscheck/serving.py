"""The peer's side: a process that measures when it is told to, and ends when ecoaudit does."""

from __future__ import annotations

import atexit
import json
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict

from ecoaudit.crosscheck.base import Peer
from ecoaudit.errors import EcoauditError

GRACE_S = 2.0  # from the end of ecoaudit to that of a peer that is busy


def serve(open_peer: Callable[[str | None], Peer]) -> None:
    """Answer ``begin`` and ``end`` on standard input with lines of JSON, until the pipe closes.

    Args:
        open_peer: gives the peer, ready to measure, for the run's country (ISO 3166-1 alpha-3).
    """
    _detach()
    atexit.register(_end)  # registered first, called last: after what a peer cleans up
    asked, answers = _private_pipes()
    threading.Thread(target=_end_with_asker, args=(asked,), daemon=True).start()
    with os.fdopen(asked) as questions, os.fdopen(answers, "w") as out:

        def say(**answer: object) -> None:
            out.write(json.dumps(answer) + "\n")
            out.flush()

        try:
            peer = open_peer(sys.argv[1] or None)
            say(version=peer.version, pid=os.getpid(), parent_pid=os.getppid())
            for question in questions:
                at_s = time.monotonic()
                if question == "begin\n":
                    peer.begin()
                    say(at_s=at_s)
                else:
                    say(at_s=at_s, figures=[asdict(figure) for figure in peer.end()])
        except Exception as error:  # a peer is not ours; whatever it raises is its answer
            text = " ".join(str(error).split())
            known = isinstance(error, EcoauditError)
            say(fault=text if known else f"{type(error).__name__}: {text}".removesuffix(": "))
            for _ in questions:  # until ecoaudit has read it
                pass


def _detach() -> None:
    """Leave ecoaudit's process tree, whose CPU time is measured, and its terminal.

    No thread runs yet. The parent of the child is gone, so the system adopts it.
    """
    if os.fork():
        os._exit(0)
    os.setsid()
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _private_pipes() -> tuple[int, int]:
    """The two pipes under numbers of their own; whatever a peer prints or asks goes nowhere."""
    asked, answers = os.dup(0), os.dup(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    return asked, answers


def _end_with_asker(asked: int) -> None:
    poll = select.poll()
    poll.register(asked, 0)  # only the hang-up, which is always told
    poll.poll()
    time.sleep(GRACE_S)  # for an end in good order
    _end()


def _end() -> None:
    """End with all that the peer started: it may poll in processes of its own."""
    os.killpg(0, signal.SIGKILL)
