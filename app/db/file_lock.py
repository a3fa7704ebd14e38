"""A lock on a file that the operating system releases when its process ends, in any way."""

import contextlib
import sys
from pathlib import Path

if sys.platform == "win32":
    import msvcrt

    def _lock(file: int) -> None:
        msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _lock(file: int) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockedError(Exception):
    """The file is locked, by this process or another."""


class FileLock:
    """An exclusive lock on a file; raises `LockedError` if it is taken.

    The lock is on an empty file next to it, with one more suffix, since the file itself may be
    removed while locked. What has a suffix of its own is locked for that purpose alone.
    """

    # A lock with a heartbeat was tried: an import whose process starved was taken for dead.

    def __init__(self, path: Path, suffix: str = ".hold") -> None:
        self._path, self._lock_path = path, path.with_name(f"{path.name}{suffix}")
        self._file = self._lock_path.open("ab")
        try:
            _lock(self._file.fileno())
        except OSError as taken:
            self._file.close()
            raise LockedError(path) from taken

    def close(self) -> None:
        """Release the lock; its own file is removed if the locked file is gone."""
        if sys.platform == "win32":  # Windows cannot remove an open file
            self._file.close()
        if not self._path.exists():
            with contextlib.suppress(OSError):
                self._lock_path.unlink(missing_ok=True)
        self._file.close()
