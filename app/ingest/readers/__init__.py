"""Turns files of every form into rows."""
