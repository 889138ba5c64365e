"""Workloads: what is driven through an engine."""
