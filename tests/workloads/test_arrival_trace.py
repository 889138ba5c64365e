"""Reading a recorded course of requests."""

from __future__ import annotations

from pathlib import Path

import numpy
import pytest

from ecoaudit.errors import FileFormatError
from ecoaudit.workloads.arrival_trace import read_trace
from ecoaudit.workloads.lengths import Shape

WHOLE = "a whole number from 1 to 10,000,000"
HEAD = "arrival_s,input_tokens,output_tokens\n"


def test_a_trace_gives_times_and_lengths(tmp_path: Path) -> None:
    file = tmp_path / "monday.csv"
    file.write_text(
        "clinic,arrival_s,output_tokens,input_tokens\na,100.5,20,300\nb,100.5,1,5\na,103,40,9\n"
    )
    load = read_trace(file)
    assert list(load.times(numpy.random.default_rng(0))) == [0.0, 0.0, 2.5]
    assert load.shapes == [Shape(300, 20), Shape(8, 1), Shape(9, 40)]
    assert (load.count, load.lasts_s, load.rate_per_s) == (3, 2.5, 1.2)
    assert load.lengthened == 1
    assert load.name == "trace monday.csv (05fbf8a4), 3 requests, 1.2 requests/s"


def test_a_trace_is_known_by_its_content(tmp_path: Path) -> None:
    def name(text: str, file: str = "t.csv") -> str:
        (tmp_path / file).write_text(text)
        return read_trace(tmp_path / file).arrivals

    as_it_was = name(HEAD + "0,40,5\n1,50,7\n")
    assert name(HEAD + "0,41,5\n1,50,7\n") != as_it_was
    assert name(HEAD + "0,40,5\n1.5,50,7\n") != as_it_was
    assert name(HEAD + "0,3,5\n1,50,7\n") != name(HEAD + "0,4,5\n1,50,7\n")  # both sent as 8
    written_otherwise = "\ufeffoutput_tokens,arrival_s,input_tokens\r\n5,10,40\r\n7,11,50\r\n"
    assert name(written_otherwise) == as_it_was


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "arrival_s,input\n1,2\n",
            ":1: no column input_tokens, output_tokens; expected arrival_s,",
        ),
        (HEAD, ": holds no request"),
        ("", ":1: no column arrival_s, input_tokens, output_tokens"),
        (HEAD + "1,10,10\nx,10,10\n", ":3: arrival_s: expected seconds, 0 or more; got text"),
        (HEAD + "-1,10,10\n", ":2: arrival_s: expected seconds, 0 or more; got -1"),
        (HEAD + "nan,10,10\n", ":2: arrival_s: expected seconds"),
        (HEAD + "1,10.5,10\n", f":2: input_tokens: expected {WHOLE}"),
        (HEAD + "1,10\n", f":2: output_tokens: expected {WHOLE}; got nothing"),
        (HEAD + "1,10,1e300\n", ":2: output_tokens: expected a whole number"),
        (HEAD + "1,Jane Doe,1\n", f":2: input_tokens: expected {WHOLE}"),
        (HEAD + "1,10,0\n", ":2: output_tokens: expected a whole number"),
        (HEAD + "5,10,10\n4,10,10\n", ":3: arrival_s goes back to 4 s; sort it"),
    ],
)
def test_what_is_no_trace_is_told_by_its_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.csv"
    file.write_text(text)
    with pytest.raises(FileFormatError) as caught:
        read_trace(file)
    assert str(caught.value).startswith(f"{file}{said}")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="cannot be read"):
        read_trace(tmp_path / "none.csv")
