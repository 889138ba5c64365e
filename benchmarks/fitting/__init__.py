"""Fits the constants of speed and power on public rows, and says how well models held out are met.

The rows are data of others and stay where they are; what is fitted goes into
``ecoaudit/sizing/constants.csv`` and docs/accuracy.md.

    python -m benchmarks.fitting DATA_FOLDER [--save]      # about a minute
"""
