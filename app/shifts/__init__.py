"""Alignment and shifts: is one actor moving away from another, since when, how surely, and why."""
