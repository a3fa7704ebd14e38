"""The number of processors that this program may use."""

import os
from pathlib import Path

_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def count_processors() -> int:
    """Count the processors that this process may use, at least 1; a container's quota is one bound.

    Linux gives a quota as microseconds of processor time in a period of microseconds, or `max`.
    """
    chosen = getattr(os, "sched_getaffinity", None)  # not on every platform
    count = len(chosen(0)) if chosen else os.cpu_count() or 1
    try:
        quota, period = _QUOTA.read_text().split()
    except (OSError, ValueError):
        return count
    return max(1, min(count, int(quota) // int(period))) if quota.isdecimal() else count
