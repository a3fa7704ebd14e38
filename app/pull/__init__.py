"""Datasets that are pulled from their sources, and kept current by a ledger of every file."""
