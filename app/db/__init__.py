"""Floor: knows SQL, knows no HTTP and no capability."""
