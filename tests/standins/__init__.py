"""Simulated hardware for tests: an NVML library (`nvml`) and a powercap tree (`powercap`)."""
