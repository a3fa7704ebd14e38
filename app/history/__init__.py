"""History: what was written when, by whom and why; what changed since."""
