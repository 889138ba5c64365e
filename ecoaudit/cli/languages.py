"""``ecoaudit languages``: how many tokens each patient language takes, by tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ecoaudit.estimate import Estimate
    from ecoaudit.factors.tokenizers import Tokenizer
    from ecoaudit.planning.languages import LanguageCosts
    from ecoaudit.planning.own_text import TextCount
    from ecoaudit.scenario import Scenario

USUAL: Final = ("tekken", "qwen", "o200k", "deepseek", "cl100k")
SHOWN: Final = (
    *("am", "ar", "my", "zh", "en", "fr", "ht", "ha", "hi", "km"),
    *("pbt", "pt", "quy", "shn", "es", "sw", "ta", "ur", "vi", "yo"),
)
NOT_ENERGY: Final = (
    "Counts of the same 997 sentences (FLORES-200); other texts differ. These are tokens, and with"
    " them time and price; they are not energy, which `ecoaudit bench` measures by language."
)


@click.command(
    epilog="""\b
Examples:
  ecoaudit languages
  ecoaudit languages --tokenizer tekken,qwen,o200k --language am --language Khmer
  ecoaudit languages my-clinic.yaml --tokenizer Qwen/Qwen3-8B
  ecoaudit languages --text letter.txt --tokenizer models/qwen3/tokenizer.json
"""
)
@click.argument("scenario", required=False)
@click.option(
    "--tokenizer",
    "tokenizers",
    multiple=True,
    metavar="NAME|FILE",
    help="A tokenizer or a model by name; with --text the file of one, or its model's folder."
    " Several: separated by commas.",
)
@click.option(
    "--language",
    "asked",
    multiple=True,
    metavar="LANGUAGE",
    help="A code (am, zh-Hant, swh_Latn) or an English name; 'all' for all 204.",
)
@click.option(
    "--context",
    type=click.IntRange(min=1),
    help="Tokens that the model takes, with SCENARIO; else that of its models.",
)
@click.option("--text", metavar="FILE", help="A text of your own to count, in UTF-8.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    scenario: str | None,
    tokenizers: tuple[str, ...],
    asked: tuple[str, ...],
    context: int | None,
    text: str | None,
    as_json: bool,
) -> None:
    """Show how many more tokens the same text takes in each language than in English.

    With SCENARIO: what its languages do to the length of prompts and answers, to waiting and to
    the price of tokens. With --text: the tokens of your own text; nothing of it is printed or kept.
    """
    import json

    from ecoaudit.cli.tables import console, print_doubts

    files, names = _split(tokenizers)
    if files and text is None:
        raise _usage(f"{files[0]}: a tokenizer's file counts a text of yours; add --text FILE")
    if context is not None and scenario is None:
        raise _usage("--context is for the prompts of a scenario; name one before the options")
    codes = _codes(asked)
    found: dict[str, Any] = {}
    out = console()
    if scenario is not None:
        found["tokenizers"] = _of_scenario(scenario, names, codes, context)
    elif names or not files:
        found["tokenizers"] = _premiums(names, codes or list(SHOWN))
    counted = None if text is None else _count(text, files)
    uncounted = _usage(
        f"{text}: its tokens were not counted, as no tokenizer's file was given; add --tokenizer"
        " with a tokenizer.json"
    )
    if as_json:
        click.echo(json.dumps(_plain(found, counted), indent=1, ensure_ascii=False))
        if counted is not None and not files:
            raise uncounted
        return
    if scenario is not None:
        _print_costs(found["tokenizers"], out)
    elif found:
        _print_premiums(found["tokenizers"], out)
    if counted is not None:
        _print_text(counted, [each.name for each, _, _ in _tokenizers(names)], out)
        print_doubts(counted.doubts, out)
        if not files:
            raise uncounted


def _usage(sentence: str) -> Exception:
    from ecoaudit.errors import UsageError

    return UsageError(sentence)


def _split(tokenizers: Iterable[str]) -> tuple[list[str], list[str]]:
    """Files and names among what was given."""
    from pathlib import Path

    from ecoaudit.factors.tokenizer_files import is_tokenizer_file

    files: list[str] = []
    names: list[str] = []
    for given in tokenizers:
        for each in [given] if Path(given).is_file() else given.split(","):
            if each.strip():
                (files if is_tokenizer_file(each.strip()) else names).append(each.strip())
    return files, names


def _codes(asked: Sequence[str]) -> list[str]:
    from ecoaudit.factors.languages import language_named, languages

    if "all" in asked:
        return list(languages())
    return list(dict.fromkeys(_short(language_named(each).flores) for each in asked))


def _short(flores: str) -> str:
    """The code without its script where that means the same language."""
    from ecoaudit.factors.languages import find_language

    language = find_language(flores)
    return language.codes[0] if language.usual_script else language.tag


def _tokenizers(names: Iterable[str]) -> list[tuple[Tokenizer, list[str], int | None]]:
    """Each with the model and its context, where one was named."""
    from ecoaudit.errors import NotFoundError
    from ecoaudit.factors.models import find_model
    from ecoaudit.factors.tokenizers import named
    from ecoaudit.planning.languages import tokenizer_of_model

    found: list[tuple[Tokenizer, list[str], int | None]] = []
    for name in names:
        try:
            found.append((named(name), [], None))
        except NotFoundError as error:
            try:
                model = find_model(name)
            except NotFoundError as other:
                raise (other if "/" in name or "could be" in str(other) else error) from None
            found.append((tokenizer_of_model(model), [model.name], model.context_tokens))
    return found


# -- premiums alone --------------------------------------------------------------------------------


def _premiums(names: Sequence[str], codes: Sequence[str]) -> list[dict[str, Any]]:
    from ecoaudit.factors.languages import find_language, languages, token_premium, token_ratio
    from ecoaudit.planning.languages import ends_of

    result = []
    for tokenizer, models, _ in _tokenizers(names or USUAL):
        worst, best = ends_of(codes, tokenizer)
        every, _ = ends_of(languages(), tokenizer)
        rows = [
            {
                "code": code,
                "name": find_language(code).name,
                "token_premium": token_premium(code, tokenizer),
            }
            for code in codes
        ]
        result.append(
            {
                "tokenizer": tokenizer,
                "models": models,
                "languages": rows,
                "worst": worst,
                "best": best,
                "worst_over_best": token_ratio(worst, best, tokenizer),
                "worst_of_all": {
                    "code": _short(every),
                    "token_premium": token_premium(every, tokenizer),
                },
            }
        )
    return result


def _print_premiums(found: list[dict[str, Any]], out: Any) -> None:
    from ecoaudit.cli.tables import table
    from ecoaudit.factors.languages import find_language

    rows = []
    for place, each in enumerate(found[0]["languages"]):
        figures = (_times(one["languages"][place]["token_premium"]) for one in found)
        rows.append((f"{each['name']} ({each['code']})", *figures))
    rows.sort(key=lambda row: row[0])
    heads = [*map(_head, found)]
    out.print(table("Tokens over English, for the same text", ("language", *heads), rows))
    for one in found:
        worst, best = find_language(one["worst"]), find_language(one["best"])
        said = "served worst of all 204 languages"
        if worst is not best:
            said = (
                f"{worst.name} is served worst, with {_times(one['worst_over_best'])} times the"
                f" tokens of {best.name}; of all 204 languages"
            )
        most = one["worst_of_all"]
        premium = _times(most["token_premium"])
        out.print(f"{_head(one)}: {said} {find_language(most['code']).name}, {premium}.")
    for one in found:
        if len(one["tokenizer"].columns) > 1:
            out.print(f"{_head(one)}: {one['tokenizer'].name}.")
    out.print(NOT_ENERGY)


def _head(one: dict[str, Any]) -> str:
    name: str = (one["models"] or [one["tokenizer"].name])[0]
    return name.rpartition("/")[2]


# -- of a scenario ---------------------------------------------------------------------------------


def _of_scenario(
    name: str, names: Sequence[str], codes: Sequence[str], context: int | None
) -> list[tuple[LanguageCosts, list[str], int | None]]:
    """What its languages cost, the models and their context, by tokenizer."""
    from ecoaudit.planning.languages import Served, language_costs
    from ecoaudit.scenario import load_scenario

    scenario = load_scenario(name)
    result = []
    for tokenizer, models, room in _meant(scenario, names):
        served = Served(context_tokens=context or room)
        costs = language_costs(scenario.workload, tokenizer, served, codes)
        if costs is None:
            raise _usage(
                f"{scenario.id}: its workload states no languages; add `languages: {{en: 0.6, es:"
                " 0.4}` to it, or name some with --language"
            )
        result.append((costs, models, served.context_tokens))
    return result


def _meant(
    scenario: Scenario, names: Sequence[str]
) -> list[tuple[Tokenizer, list[str], int | None]]:
    """The tokenizers that were named, else those of the scenario's models, else the usual ones."""
    from ecoaudit.factors.models import Model, find_model
    from ecoaudit.planning.languages import tokenizer_of_model

    if names or not scenario.models:
        return _tokenizers(names or USUAL)
    groups: dict[tuple[tuple[str, ...], int | None], list[Model]] = {}
    for model in map(find_model, scenario.models):
        key = (tokenizer_of_model(model).columns, model.context_tokens)
        groups.setdefault(key, []).append(model)
    return [
        (tokenizer_of_model(models[0]), [each.name for each in models], room)
        for (_, room), models in groups.items()
    ]


def _print_costs(found: list[tuple[LanguageCosts, list[str], int | None]], out: Any) -> None:
    from ecoaudit.cli.tables import table
    from ecoaudit.factors.languages import find_language

    heads = (
        *("language", "share", "tokens over English", "read", "written"),
        *("reading time", "answer time", "price of tokens", "too long"),
    )
    for costs, models, context in found:
        rows = [
            (
                f"{each.name} ({each.code})",
                "-" if each.share is None else f"{each.share.number:.0%}",
                _times(each.token_premium),
                f"{each.prompt_tokens.number:,.0f}",
                f"{each.output_tokens.number:,.0f}",
                f"x {_times(each.relative_reading)}",
                f"x {_times(each.token_premium)}",
                f"x {_times(each.relative_tokens)}",
                _share(each.share_over_context),
            )
            for each in costs.languages
        ]
        title = costs.tokenizer.name
        if models:
            title += ": " + ", ".join(name.rpartition("/")[2] for name in models)
        if context is not None:
            title += f"; context {context:,} tokens"
        out.print(table(title, heads, rows))
        worst, best = find_language(costs.worst), find_language(costs.best)
        said = f"Served worst: {worst.name}"
        if costs.worst != costs.best:
            said += f", with {_times(costs.worst_over_best)} times the tokens of {best.name}"
        if costs.mean_premium.known:
            said += f". All requests together: {_times(costs.mean_premium)} times those of English"
        out.print(f"{said}.\n")
    out.print(
        "read, written: mean tokens of a request, the system prompt in English. price of tokens:"
        " where read and written cost alike. too long: requests that do not fit the context."
    )
    out.print(NOT_ENERGY)


def _times(ratio: Estimate) -> str:
    value, low, high = ratio.numbers
    return f"{value:.2f}" if low == high else f"{value:.2f} ({low:.2f} to {high:.2f})"


def _share(share: Estimate) -> str:
    """A share of requests in per cent; both ends where they differ as shown."""
    if not share.known:
        return "not known"
    ends = [_percent(end) for end in share.numbers[1:]]
    middle = _percent(share.numbers[0])
    return middle if ends[0] == ends[1] else f"{middle} ({ends[0]} to {ends[1]})"


def _percent(share: float) -> str:
    if share < 0.0005:
        return "none"
    return "all" if share > 0.9995 else f"{share:.1%}"


# -- a text of the user's --------------------------------------------------------------------------


def _count(text: str, files: Sequence[str]) -> TextCount:
    from pathlib import Path

    from ecoaudit.factors.tokenizer_files import read_tokenizer
    from ecoaudit.planning.own_text import count_text

    return count_text(Path(text), [read_tokenizer(each) for each in files])


def _print_text(counted: TextCount, names: Sequence[str], out: Any) -> None:
    from ecoaudit.cli.tables import table

    rows = [
        (
            each.tokenizer,
            f"{each.tokens:,}",
            f"{each.per_word:.2f}",
            f"{each.per_character:.3f}",
            f"{each.avoidable:,}",
        )
        for each in counted.counts
    ]
    rows += [(name, "needs its file: --tokenizer FILE", "", "", "") for name in names]
    title = (
        f"{counted.file}: {counted.size_bytes:,} bytes, {counted.characters:,} characters,"
        f" {counted.words:,} words"
    )
    heads = ("tokenizer", "tokens", "per word", "per character", "avoidable by composing (NFC)")
    out.print(table(title, heads, rows or [("give a tokenizer's file", "", "", "", "")]))


def _plain(found: dict[str, Any], counted: TextCount | None) -> dict[str, Any]:
    """What was found, as JSON has it."""
    from dataclasses import asdict, is_dataclass

    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {key: plain(value) for key, value in item.items()}
        if isinstance(item, list):
            return [plain(each) for each in item]
        return asdict(item) if is_dataclass(item) and not isinstance(item, type) else item

    groups = [
        asdict(each[0]) | {"models": each[1], "context_tokens": each[2]}
        if isinstance(each, tuple)
        else plain(each)
        for each in found.get("tokenizers", [])
    ]
    result: dict[str, Any] = {"tokenizers": groups}
    if counted is not None:
        result["text"] = asdict(counted)
        result["doubts"] = [asdict(each) for each in counted.doubts]
    return result
