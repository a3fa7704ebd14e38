"""The HTTP layer: what all routers share; it knows no capability."""
