"""Dumps: whole datasets as files, each written once and named by its version."""
