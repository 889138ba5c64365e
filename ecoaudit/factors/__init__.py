"""Sourced tables: every row has its unit, its source and its year."""
