"""``ecoaudit run``: measure any command."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ecoaudit.cli.options import country_option, output_option, seconds, site_option

if TYPE_CHECKING:
    from ecoaudit.cli.live import LiveLine
    from ecoaudit.recorder import Recorder


@click.command(
    "run",
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    epilog="""\b
Example:
  ecoaudit run --country KEN -o run.json -- python train.py --epochs 3""",
)
@click.option("--name", help="Name of the run; the command's by default.")
@site_option
@country_option
@click.option(
    "--idle",
    "idle_s",
    type=seconds,
    metavar="TIME",
    help="First measure the machine at rest for this long, such as 10s; gives net energy.",
)
@click.option(
    "--idle-after",
    "idle_after_s",
    type=seconds,
    metavar="TIME",
    help="Measure it at rest once the command has ended, too; net energy uses the mean of both.",
)
@click.option(
    "--live", is_flag=True, help="Show power, memory and energy so far in the terminal's last line."
)
@click.option(
    "--crosscheck",
    metavar="PEERS",
    help="Have other tools measure the same window, and compare: codecarbon, zeus or both.",
)
@click.option(
    "--wall",
    multiple=True,
    metavar="METER",
    help="Read a meter at the plug besides: shelly://192.168.1.20, tasmota://HOST,"
    " redfish://HOST/Chassis/1 or csv:FILE; once for each cord of the machine.",
)
@output_option("run file (JSON); kept in the runs folder by default")
@click.option(
    "-q", "--quiet", is_flag=True, help="Do not print the summary, unless it cannot be saved."
)
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    name: str | None,
    site: str | None,
    country: str | None,
    idle_s: float | None,
    idle_after_s: float | None,
    live: bool,
    crosscheck: str | None,
    wall: tuple[str, ...],
    output: str | None,
    quiet: bool,
    command: tuple[str, ...],
) -> int:
    """Measure a command with its children: energy, memory, time, emissions.

    Its input, output, signals and exit code pass through untouched; the summary goes to the
    standard error stream.
    """
    import os
    import sys
    from pathlib import Path

    from ecoaudit.child import end_like, hold_signals
    from ecoaudit.cli.options import load_site_option
    from ecoaudit.command import Surroundings, measure_command
    from ecoaudit.errors import EcoauditError
    from ecoaudit.meters import open_wall_meters
    from ecoaudit.recorder import Recorder
    from ecoaudit.run import RunStatus

    _refuse_option(command[0])
    peers = _peers(crosscheck)
    place = load_site_option(site)
    recorder = Recorder(
        name or Path(command[0]).name,
        own_memory=False,
        country=country,
        site=place,
        output=output,
        extra_meters=open_wall_meters(wall),
        settings={"command": Path(command[0]).name, "arguments": len(command) - 1},
    )
    checking = None
    if peers:
        from ecoaudit.crosscheck import Crosscheck

        checking = Crosscheck(peers, country or (place.country if place else None))
    mask = hold_signals()
    recorder.start()
    around = Surroundings(
        idle_s=idle_s or 0.0,
        idle_after_s=idle_after_s or 0.0,
        line=_live_line(recorder) if live else None,
        crosscheck=checking,
    )
    try:
        ending = measure_command(recorder, command, mask, around)
    finally:
        if checking is not None:
            checking.close()
    if not ending.started:
        click.echo("ecoaudit: interrupted at rest; the command was not started", err=True)
    status = RunStatus.COMPLETE if ending.code == 0 else RunStatus.FAILED
    saved_to: Path | None = recorder.saved_to
    try:
        recorder.finish(RunStatus.INTERRUPTED if ending.asked else status)
    except EcoauditError as error:
        # The command has done its work: its end stays its own, and the figures are still shown.
        click.echo(f"ecoaudit: {error}", err=True)
        saved_to = None
    if not quiet or saved_to is None:
        from ecoaudit.cli.tables import print_run

        try:
            print_run(recorder.run, saved_to)
            sys.stderr.flush()
        except OSError:  # nobody reads the error stream any more; what is left of it goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    return end_like(ending)


def _refuse_option(word: str) -> None:
    """Refuse a command that is no program but an option with a slip in it."""
    import shutil

    from ecoaudit.errors import UsageError, did_you_mean

    if not word.startswith("-") or shutil.which(word) is not None:
        return
    option = word.partition("=")[0]
    known = [name for each in command.params for name in each.opts if name.startswith("--")]
    raise UsageError(
        f"no such option {option} (-- goes before the command); {did_you_mean(option, known)}"
    )


def _peers(text: str | None) -> tuple[str, ...]:
    """The peers that ``--crosscheck`` names."""
    if text is None:
        return ()
    from ecoaudit.crosscheck import peer_names

    return peer_names(text)


def _live_line(recorder: Recorder) -> LiveLine | None:
    """What ``--live`` draws; None, with a sentence, where it cannot be drawn."""
    from ecoaudit.terminal import obstacle

    reason = obstacle()
    if reason is not None:
        click.echo(f"ecoaudit: --live shows nothing: {reason}", err=True)
        return None
    from ecoaudit.cli.live import LiveLine

    return LiveLine(recorder)
