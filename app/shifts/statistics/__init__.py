"""Pure numbers: the index, its interval, changepoints and their verdicts."""
