"""``ecoaudit run``: measure any command."""

from __future__ import annotations

import click

from ecoaudit.cli.options import country_option, output_option, seconds, site_option


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
    "--wall",
    multiple=True,
    metavar="METER",
    help="Read a meter at the plug besides: shelly://192.168.1.20, tasmota://HOST,"
    " redfish://HOST/Chassis/1 or csv:FILE; once for each cord of the machine.",
)
@output_option("run file (JSON); kept in the runs folder by default")
@click.option("-q", "--quiet", is_flag=True, help="Do not print the summary.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    name: str | None,
    site: str | None,
    country: str | None,
    idle_s: float | None,
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

    from ecoaudit.child import Child, CommandError, end_like, hold_signals, rest
    from ecoaudit.cli.options import load_site_option
    from ecoaudit.errors import EcoauditError
    from ecoaudit.meters import open_wall_meters
    from ecoaudit.recorder import Recorder
    from ecoaudit.recording import net_of_idle
    from ecoaudit.run import RunStatus

    recorder = Recorder(
        name or Path(command[0]).name,
        own_memory=False,
        country=country,
        site=load_site_option(site),
        output=output,
        extra_meters=open_wall_meters(wall),
        settings={"command": Path(command[0]).name, "arguments": len(command) - 1},
    )
    mask = hold_signals()
    recorder.start()
    idle = None
    if idle_s:
        with recorder.window("idle") as idle:
            rested = rest(idle_s)
        if not rested:
            recorder.finish(RunStatus.INTERRUPTED)
            raise KeyboardInterrupt
    window = recorder.open_window("command")
    try:
        child = Child(command, mask)
    except CommandError:
        recorder.discard()
        raise
    ending = child.wait()
    recorder.close_window(window)
    if idle is not None:
        recorder.summary.update(net_of_idle(recorder.measure(window), recorder.measure(idle)))
    status = RunStatus.COMPLETE if ending.code == 0 else RunStatus.FAILED
    place: Path | None = recorder.saved_to
    try:
        recorder.finish(RunStatus.INTERRUPTED if ending.asked else status)
    except EcoauditError as error:
        # The command has done its work: its end stays its own, and the figures are still shown.
        click.echo(f"ecoaudit: {error}", err=True)
        place = None
    if not quiet:
        from ecoaudit.cli.tables import print_run

        try:
            print_run(recorder.run, place)
            sys.stderr.flush()
        except OSError:  # nobody reads the error stream any more; what is left of it goes nowhere
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    return end_like(ending)
