"""Tests of ecoaudit.lifecycle.claims."""
