"""Entente: a sourced record of what states and alliances do to each other."""

import os

# Arrow's own allocator keeps 14 MB for itself; the system's takes what columns of an export need.
# It is chosen when Arrow is loaded, which any part of the application may be the first to do.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
