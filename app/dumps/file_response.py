"""Send a dump: the whole file or ranges of it, with its strong ETag and digest."""

from base64 import b64encode
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, MalformedRangeHeader, RangeNotSatisfiable, Response
from starlette.types import Receive, Scope, Send

from app.dumps.schemas import Dump
from app.http.caching import matches_etag, set_cache_control
from app.http.problems import render_problem


class DumpResponse(FileResponse):
    """A dump, whose ranges are answered by the framework, and their faults by problems."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the file, the ranges asked for, or a 416."""
        asked = dict(scope["headers"]).get(b"range")
        unless = dict(scope["headers"]).get(b"if-range", b"").decode("latin-1")
        is_used = asked is not None and (not unless or self._should_use_range(unless))
        if asked is not None and is_used:
            size = int(self.headers["content-length"])
            try:
                self._parse_range_header(asked.decode("latin-1"), size)
            except RangeNotSatisfiable:
                answer = render_problem(416, f"The file has {size:,} bytes.")
                answer.headers["Content-Range"] = f"bytes */{size}"
                await answer(scope, receive, send)
                return
            except MalformedRangeHeader:
                is_used = False
        if not is_used:  # a range that cannot be read is left out (RFC 9110, 14.2)
            headers = [pair for pair in scope["headers"] if pair[0] != b"range"]
            scope = {**scope, "headers": headers}
        await super().__call__(scope, receive, send)


def build_dump_response(request: Request, folder: Path, dump: Dump) -> Response:
    """Build the answer with a dump: 304 where the reader has it.

    Raises FileNotFoundError where the file was removed meanwhile.
    """
    tag = f'"{dump.sha256[:40]}"'
    digest = b64encode(bytes.fromhex(dump.sha256)).decode()
    kept = {
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{digest}:",
        "Link": '</v1/datasets>; rel="license", </v1/dumps/datapackage.json>; rel="describedby"',
    }
    path = folder / dump.filename
    status = path.stat()
    answer: Response
    if matches_etag(request.headers.get("if-none-match"), tag):
        answer = Response(status_code=304, headers={"ETag": tag})
    else:
        kind, name = dump.media_type, dump.filename
        answer = DumpResponse(path, 200, kept, kind, filename=name, stat_result=status)
    return set_cache_control(request, answer, is_lasting=True)
