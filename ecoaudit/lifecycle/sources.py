"""What an account is made from: a profile, a plan, or a ledger that is finished already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ecoaudit.errors import UsageError
from ecoaudit.ledger import LEDGER_SCHEMA, Ledger, load_ledger
from ecoaudit.lifecycle.accounting import Case, Options, ledger_of
from ecoaudit.lifecycle.federated import ledger_of_federation
from ecoaudit.lifecycle.of_plan import account_of_option, option_named
from ecoaudit.lifecycle.of_run import RunFiles
from ecoaudit.plan import PLAN_SCHEMA, load_plan
from ecoaudit.run import RUN_SCHEMA, read_json
from ecoaudit.scenario import Federation, Lookups, available_profiles, load_account


def ledgers_from(
    sources: Sequence[str], options: Sequence[str], how: Options, lookups: Lookups
) -> list[Ledger]:
    """The ledgers of some sources, in their order.

    Args:
        sources: account profiles by path or name, plan files, ledger files.
        options: ids of options of the one plan among them; none: the recommended.
        how: how they are reckoned; of a finished ledger it changes nothing.
        lookups: what finds the names in a profile.

    Raises:
        UsageError: options without a plan, or a source of another kind.
    """
    found: list[Ledger] = []
    plans = 0
    for source in sources:
        if not source.endswith(".json"):
            found.append(_of_profile(source, how, lookups))
            continue
        data = read_json(source)
        schema = data.get("schema") if isinstance(data, dict) else None
        if schema == LEDGER_SCHEMA:
            found.append(load_ledger(source))
        elif schema == PLAN_SCHEMA:
            plans += 1
            found += _of_plan(source, options, how)
        elif schema == RUN_SCHEMA:
            raise UsageError(
                f"{source}: a run alone tells no hardware, life and use; name it in an account:"
                " `ecoaudit profiles show fine-tuning` has one"
            )
        else:
            raise UsageError(
                f"{source}: expected a plan or a ledger, found schema {schema!r}; give an account"
                " as YAML"
            )
    if options and plans != 1:
        raise UsageError("--option names an option of a plan; give one plan file with it")
    return found


def is_finished(source: str) -> bool:
    """Whether a source is a ledger, which is shown as it is.

    Raises:
        FileFormatError: no such JSON file, or no JSON.
    """
    data = read_json(source) if source.endswith(".json") else None
    return isinstance(data, dict) and data.get("schema") == LEDGER_SCHEMA


def check_output(output: str, sources: Sequence[str]) -> None:
    """That writing a ledger there replaces nothing that the user wrote.

    Raises:
        UsageError: it is one of the sources, or a YAML file that is there.
    """
    place = Path(output)
    if not place.exists():
        return
    for source in sources:
        if Path(source).exists() and place.samefile(source):
            raise UsageError(f"-o {output}: is the account's own source; write to another file")
    if place.suffix.lower() in {".yaml", ".yml"}:
        raise UsageError(
            f"-o {output}: is a YAML file, which JSON would replace; write to another file"
        )


def _of_profile(source: str, how: Options, lookups: Lookups) -> Ledger:
    if source in available_profiles("scenarios") and source not in available_profiles("accounts"):
        raise UsageError(
            f"{source} is a scenario; plan it, and account for the plan:"
            f" `ecoaudit plan {source} -o plan.json`, then `ecoaudit lifecycle plan.json`"
        )
    account, path = load_account(source, lookups)
    runs = RunFiles(path.parent)
    if isinstance(account, Federation):
        return ledger_of_federation(account, runs, how)
    return ledger_of(Case(account, runs, how))


def _of_plan(source: str, options: Sequence[str], how: Options) -> list[Ledger]:
    plan, place = load_plan(source), Path(source)
    chosen = [option_named(plan, name) for name in options] or [option_named(plan, None)]
    ledgers = []
    for option in chosen:
        told = account_of_option(plan, option, place)
        case = Case(told.account, RunFiles(place.parent), how, doubts=told.doubts)
        ledgers.append(ledger_of(case))
    return ledgers
