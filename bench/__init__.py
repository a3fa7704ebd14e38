"""Measurements, run by `make bench`; each figure is a ratio inside one run."""
