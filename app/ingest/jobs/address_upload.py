"""Uploads that the service fetches itself, by an address that an administrator names."""

import hashlib
import shutil
import tempfile
from pathlib import Path

from anyio import CapacityLimiter, to_thread
from fastapi import Request

from app.access.keys import Principal
from app.errors import ForbiddenError, InvalidParameterError
from app.ingest.jobs import job_store as table
from app.ingest.remote.address import parse_address
from app.ingest.remote.download import DownloadLimits, FileRequest, fetch_file
from app.ingest.remote.errors import DownloadError
from app.settings import Settings

ATTEMPTS = 3
"""Requests for a file while the caller waits."""
_one_at_a_time = CapacityLimiter(1)


async def fetch_upload(request: Request, who: Principal, url: str) -> tuple[Path, str, int]:
    """Fetch a file into the folder of uploads; return its path, its hash and its size.

    Raises `ForbiddenError` where that is not allowed, and `InvalidParameterError` where no file
    comes.
    """
    settings: Settings = request.app.state.settings
    if not settings.import_addresses:
        raise ForbiddenError(
            "Imports by address are off; ENTENTE_IMPORT_ADDRESSES=true switches them on."
        )
    if not who.has_scope("admin"):
        raise ForbiddenError(f"The key has the scope {who.scope}; url needs admin.")
    if await request.body():
        raise InvalidParameterError("url", "needs an empty body", "Send the file or its address.")
    return await to_thread.run_sync(
        _fetch_file, settings, url, request.url.query, limiter=_one_at_a_time
    )


def _fetch_file(settings: Settings, url: str, query: str) -> tuple[Path, str, int]:
    folder = settings.upload_folder
    folder.mkdir(parents=True, exist_ok=True)
    limits = DownloadLimits(
        settings.max_import_bytes, settings.allow_private_addresses, settings.contact, ATTEMPTS
    )
    arriving = Path(tempfile.mkdtemp(dir=folder, prefix=table.ARRIVING_PREFIX))
    try:
        path = fetch_file(FileRequest(parse_address(url)), arriving, limits).path
        digest = hashlib.blake2b(query.encode(), digest_size=8)
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                digest.update(part)
        size = path.stat().st_size
        name = arriving.name.removeprefix(table.ARRIVING_PREFIX)
        return path.rename(folder / f"{table.UPLOADED_PREFIX}{name}"), digest.hexdigest(), size
    except DownloadError as wrong:
        hint = "Check the address with entente load, or send the file itself."
        raise InvalidParameterError("url", str(wrong), hint) from wrong
    finally:
        shutil.rmtree(arriving, ignore_errors=True)
