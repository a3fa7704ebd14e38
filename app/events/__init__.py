"""Events: what happened, between whom, when, and who says so."""
