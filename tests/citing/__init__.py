"""Tests of the formats of `cite`."""
