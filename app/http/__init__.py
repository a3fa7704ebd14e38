"""Floor: what every router shares, knows no capability."""
