"""Errors of files that are fetched by address."""

from app.ingest.formats.errors import UnreadableFileError


class DownloadError(UnreadableFileError):
    """A file cannot be fetched; the message completes "the address …"."""

    def __init__(self, message: str, url: str = "", status: int = 0) -> None:
        super().__init__(message)
        self.url = url
        """The address that the message is about, where that is not the one asked for."""
        self.status = status
        """The status of the answer; 0 where there is none."""
        self.date = ""
        """The server's own `Date`, where there is one."""
        self.body = b""
        """The beginning of the answer's body."""


class UntrustedHostError(DownloadError):
    """A host has no certificate that is valid now."""


class WrongDigestError(DownloadError):
    """A file arrived whole, and has another checksum than it must have."""


class InterruptedDownloadError(DownloadError):
    """A file did not arrive, or not whole, for a reason that may pass.

    `wait` has the seconds that the server asks to wait; 0 where it does not say.
    """

    def __init__(self, message: str, wait: float = 0.0, status: int = 0) -> None:
        super().__init__(message, status=status)
        self.wait = wait
