"""This package loads files of events and related data into the database."""
