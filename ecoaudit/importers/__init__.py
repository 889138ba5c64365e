"""Results of other load tools as runs of ecoaudit: renamed, never copied.

A new tool is one module with an :class:`Importer`, and one line here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ecoaudit.errors import FileFormatError, UsageError, did_you_mean
from ecoaudit.importers import aiperf, guidellm, ml_energy, vllm_bench
from ecoaudit.importers.base import Importer, Level
from ecoaudit.importers.choosing import chosen
from ecoaudit.importers.joining import joined
from ecoaudit.importers.proving import proved
from ecoaudit.importers.reading import Document, documents
from ecoaudit.importers.saying import Said, completed
from ecoaudit.run import Run

# Name for --from -> what reads its files.
IMPORTERS: dict[str, Importer] = {
    "vllm": vllm_bench.IMPORTER,
    "guidellm": guidellm.IMPORTER,
    "aiperf": aiperf.IMPORTER,
    "ml-energy": ml_energy.IMPORTER,
}


def import_results(
    paths: Sequence[Path],
    *,
    tool: str | None = None,
    said: Said | None = None,
    picks: Mapping[str, str] | None = None,
    name: str | None = None,
) -> Run:
    """One run of the results of one sweep: the loads of all files, which one setup served.

    Args:
        paths: the result files; each may hold several loads.
        tool: a key of ``IMPORTERS``; None recognises it by the keys of the files.
        said: what the user says of what the files leave out.
        picks: keeps the loads that have these values, where a file holds several setups.
        name: of the run.

    Raises:
        FileFormatError: a file cannot be read, is of no tool, or contradicts itself.
        UsageError: what the files and the user say is not enough for a figure that means anything,
            or does not belong in one run.
    """
    if not paths:
        raise UsageError("name at least one result file")
    if tool is not None and tool not in IMPORTERS:
        raise UsageError(f"no importer {tool!r}; {did_you_mean(tool, IMPORTERS)}")
    found: list[Level] = []
    read: dict[str, Document] = {}
    tools: dict[str, str] = {}
    for path in paths:
        held = list(documents(path))
        if held[0].sha256 in read:
            raise UsageError(f"{path}: holds the same as {read[held[0].sha256].name}, given before")
        for document in held:
            key = tool or recognised(document)
            tools[key] = document.at.place()
            found += IMPORTERS[key].read(document)
            read[document.sha256] = document
    if len(tools) > 1:
        first, second = list(tools.items())[:2]
        raise UsageError(
            f"{second[1]}: is of {second[0]}, and {first[1]} is of {first[0]}: their definitions"
            " differ; import each tool's files by themselves"
        )
    told = said or Said()
    kept = [proved(level, told) for level in completed(chosen(found, picks or {}), told)]
    return joined(kept, IMPORTERS[next(iter(tools))], list(read.values()), told, name)


def recognised(document: Document) -> str:
    """Which tool wrote a file, by its keys.

    Raises:
        FileFormatError: none that is known.
    """
    for key, importer in IMPORTERS.items():
        if importer.recognises(document.at.value):
            return key
    looked = "; ".join(f"{key}: {importer.looked_for}" for key, importer in IMPORTERS.items())
    raise FileFormatError(
        f"{document.at.place()}: is no result that is known here; looked for the keys of {looked}"
    )
