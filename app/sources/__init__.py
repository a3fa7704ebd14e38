"""Sources and datasets: who says so, and where bulk rows come from."""
