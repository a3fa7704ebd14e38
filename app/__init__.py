"""Entente: a sourced record of what states and alliances do to each other."""

import os

# Arrow's own allocator reserves 14 MB; the system's takes only what the columns of an export need.
# Set here, since Arrow reads it when first imported, which any module may be the first to do.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
