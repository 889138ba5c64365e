"""``python -m ecoaudit``."""

from ecoaudit.cli import main

if __name__ == "__main__":
    main()
