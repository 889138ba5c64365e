"""A recorded course of requests: when each came, and how long its prompt and its answer were."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

from ecoaudit.errors import FileFormatError
from ecoaudit.workloads.lengths import MIN_PROMPT_TOKENS, Shape
from ecoaudit.workloads.loads import Once

_MOST_TOKENS = 10_000_000
COLUMNS = ("arrival_s", "input_tokens", "output_tokens")


def read_trace(path: str | Path) -> Once:
    """A load that repeats a recorded one: a CSV file with the columns of ``COLUMNS``.

    Arrivals count from the first of them [s] and must not go back. Prompts of under eight tokens
    are taken as eight, so many make each prompt unlike all others, and are counted as
    ``lengthened``. Other columns are not read. A hash of what was read is part of the load's name:
    a trace that was edited is another load.

    Raises:
        FileFormatError: no such file, or a line that is no request, by its number.
    """
    place = Path(path)
    try:
        with place.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file)
            missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
            if missing:
                raise FileFormatError(
                    f"{place}:1: no column {', '.join(missing)}; expected {','.join(COLUMNS)}"
                )
            read = [_request(place, rows.line_num, [row[name] for name in COLUMNS]) for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{place}: cannot be read ({error})") from error
    if not read:
        raise FileFormatError(f"{place}: holds no request")
    for (before_s, _, _), (time_s, _, line) in pairwise(read):
        if time_s < before_s:
            raise FileFormatError(f"{place}:{line}: arrival_s goes back to {time_s:g} s; sort it")
    first_s = read[0][0]
    times = [time_s - first_s for time_s, _, _ in read]
    shapes = [shape for _, shape, _ in read]
    return Once(
        f"trace {place.name} ({_digest(times, shapes)}), {len(read)} requests",
        "trace",
        len(read),
        times[-1],
        lambda _: iter(times),
        [_unlike_others(shape) for shape in shapes],
        sum(shape.prompt_tokens < MIN_PROMPT_TOKENS for shape in shapes),
        "give a longer trace: --arrivals",
    )


def _unlike_others(shape: Shape) -> Shape:
    """The request with a prompt that is long enough to be unlike all others."""
    return replace(shape, prompt_tokens=max(shape.prompt_tokens, MIN_PROMPT_TOKENS))


def _digest(times_s: Sequence[float], shapes: Sequence[Shape]) -> str:
    """The beginning of a hash of what a trace asks for, whatever its file is called."""
    rows = (
        f"{time_s!r},{shape.prompt_tokens},{shape.output_tokens}\n"
        for time_s, shape in zip(times_s, shapes, strict=True)
    )
    return hashlib.sha256("".join(rows).encode()).hexdigest()[:8]


def _request(place: Path, line: int, words: Sequence[str | None]) -> tuple[float, Shape, int]:
    numbers = []
    for name, word in zip(COLUMNS, words, strict=True):
        try:
            number = float(word or "")
        except ValueError:
            number = math.nan
        if name == COLUMNS[0]:
            fits, what = 0 <= number < math.inf, "seconds, 0 or more"
        else:
            fits = number.is_integer() and 1 <= number <= _MOST_TOKENS
            what = f"a whole number from 1 to {_MOST_TOKENS:,}"
        if not fits:
            got = f"{number:g}" if math.isfinite(number) else "text" if word else "nothing"
            raise FileFormatError(f"{place}:{line}: {name}: expected {what}; got {got}")
        numbers.append(number)
    prompt, output = int(numbers[1]), int(numbers[2])
    return numbers[0], Shape(prompt, output), line
