"""Which process works on a file: a hold ends with the process that has it, however that ends."""

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


class HeldError(Exception):
    """Somebody else has it, in this process or another."""


class Hold:
    """The right to work on a file, for one at a time; raises `HeldError`.

    It is a lock on a small file beside it, which the system takes back from whoever is killed:
    nobody has to give signs of life, and nobody who lives is taken for dead.
    """

    def __init__(self, path: Path) -> None:
        self._of, self._beside = path, path.with_name(f"{path.name}.hold")
        self._file = self._beside.open("ab")
        try:
            _lock(self._file.fileno())
        except OSError as taken:
            self._file.close()
            raise HeldError(path) from taken

    def close(self) -> None:
        """Let others have it; where the file is gone, nobody will want it any more."""
        if sys.platform == "win32":  # where no open file can be removed
            self._file.close()
        if not self._of.exists():
            with contextlib.suppress(OSError):
                self._beside.unlink(missing_ok=True)
        self._file.close()
