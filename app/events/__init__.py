"""Events: what happened, between whom, when, and which sources report it."""
