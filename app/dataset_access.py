"""What readers without a key for a dataset get of it: decision 023. Pure."""

from typing import Literal

DatasetAccess = Literal["open", "sums", "closed"]
"""`open`: all; `sums`: counts, alignment and shifts, but no rows; `closed`: neither."""
Purpose = Literal["rows", "sums"]
"""What an answer gives out: rows, or sums over many of them."""
ALL_DATASETS = "*"
"""In the list of a key: every dataset."""
