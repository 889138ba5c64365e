"""``python -m benchmarks.fitting DATA_FOLDER [--save]``"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from ecoaudit.sizing.constants import ANY, TABLE, columns, written

from .report import PAGE, page, summary
from .rows import read_data
from .study import Group, Study

LEAST_MODELS = 4  # shapes that a device's own constants rest on; with fewer it takes ``any``


def main() -> None:
    """Fit, print the errors, and write the table and the page if asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fitting", description=__doc__)
    parser.add_argument("data", type=Path, help="folder with the public rows")
    parser.add_argument("--save", action="store_true", help=f"write {TABLE.name} and {PAGE.name}")
    arguments = parser.parse_args()
    data = read_data(arguments.data)
    study = Study(data)
    groups = study.run()
    kept = kept_of(groups)
    print(summary(groups))
    if arguments.save:
        save_constants(kept, TABLE)
        PAGE.write_text(page(data, groups, kept, len(study.anchors.points)), "utf-8")


def kept_of(groups: list[Group]) -> list[Group]:
    """Those whose constants are committed."""
    return [each for each in groups if each.name == ANY or each.constants.models >= LEAST_MODELS]


def save_constants(groups: list[Group], path: Path) -> None:
    """Write the table of constants."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns(), lineterminator="\n")
        writer.writeheader()
        for group in groups:
            writer.writerow(written(group.constants))


if __name__ == "__main__":
    main()
