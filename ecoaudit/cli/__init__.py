"""The command line: one verb per file, loaded only when it is used.

Commands parse, call and print. Errors become exit codes here and nowhere else.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from ecoaudit import __version__
from ecoaudit.errors import EcoauditError

# Section of `ecoaudit --help` -> verb -> (module under ecoaudit.cli, one line of help).
# The one-line helps stand here so that the overview needs none of the modules.
SECTIONS: dict[str, dict[str, tuple[str, str]]] = {
    "Measure": {
        "doctor": ("doctor", "Show what can be measured here, and how to measure more."),
        "run": ("run", "Measure any command."),
        "bench": ("bench", "Serve a model and drive a scenario's load."),
        "calibrate": ("calibrate", "Measure this card, for plans with any model on it."),
        "runs": ("runs", "List, show, recover, merge and import measured runs."),
    },
    "Plan": {
        "estimate": ("estimate", "Estimate memory, speed and power of a model on a device."),
        "plan": ("plan", "Show which options fit a scenario, and what breaks first."),
        "languages": ("languages", "Show what each patient language costs in tokens and time."),
    },
    "Account": {
        "lifecycle": ("lifecycle", "Account for the whole life, by stage, scope and owner."),
        "claims": ("claims", "Check whether published figures follow from their own inputs."),
        "explain": ("explain", "Show formula, inputs and sources of any figure of a file."),
        "cite": ("cite", "Write a run or a ledger as text or data for others."),
    },
    "Report": {
        "report": ("report", "Write a page from a plan, a run or a ledger."),
        "audit": ("audit", "Bench, plan and report in one."),
    },
    "Files": {
        "profiles": ("profiles", "List, show, copy and check scenario profiles."),
        "schema": ("schema", "Print the JSON Schema of a file format."),
    },
}
_CLOSED_PIPE = 141  # 128 + SIGPIPE: what a shell gives for a program that a closed pipe ended
_MODULES = {verb: entry for verbs in SECTIONS.values() for verb, entry in verbs.items()}


class Verbs(click.Group):
    """The verbs, imported one at a time; ``--help`` shows them by section."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _MODULES:
            return None
        module = import_module(f"ecoaudit.cli.{_MODULES[cmd_name][0]}")
        command: click.Command = module.command
        return command

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if not _nobody_reads():
                raise EcoauditError(f"the other end of a connection went away ({error})") from error
        except SystemExit as ended:  # what rich makes of it
            if not isinstance(ended.__context__, BrokenPipeError):
                raise
        sys.exit(_CLOSED_PIPE)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in _MODULES:
            from ecoaudit.errors import did_you_mean

            ctx.fail(f"no command {args[0]!r}; {did_you_mean(args[0], _MODULES)}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for title, verbs in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(verb, line) for verb, (_, line) in verbs.items()])


@click.group(
    cls=Verbs,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="`ecoaudit VERB --help` shows a verb's options and an example.",
)
@click.version_option(__version__, prog_name="ecoaudit")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """Measure what language models cost a clinic in compute, power, money and carbon, and plan
    which model on which hardware fits."""
    ctx.obj = {"debug": debug}


def main() -> None:
    """Entry point: run the command line and exit with its code.

    0 ok; 1 the thing failed; 2 wrong usage; the child's own code for ``run``; 130 on Ctrl-C; 141
    when whoever reads the output has gone.
    """
    debug = "--debug" in sys.argv[1:2]
    try:
        code = cli.main(standalone_mode=False)
    except EcoauditError as error:
        if debug:
            raise
        _say(str(error))
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        _say("interrupted")
        sys.exit(130)
    except OSError as error:
        if debug:
            raise
        place = f"{error.filename}: " if error.filename else ""
        _say(f"{place}{error.strerror or error}")
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _say(sentence: str) -> None:
    from ecoaudit.printable import printable

    click.echo(printable(f"ecoaudit: {sentence}", keep="\n"), err=True)


def _nobody_reads() -> bool:
    """Whether the reader of the output has gone; what is left to print then goes nowhere."""
    import os
    import select

    poll = select.poll()
    for stream in (1, 2):
        poll.register(stream, 0)
    gone = [stream for stream, event in poll.poll(0) if event & select.POLLERR]
    for stream in gone:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    return bool(gone)
