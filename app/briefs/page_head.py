"""The head of the explorer's page for a view: its title, and what previews and feed readers ask."""

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError

from app.briefs.render import render_page_head
from app.briefs.views import ViewDescription, describe_view
from app.errors import ClosedDatasetError, InvalidParameterError, MovedError, NotFoundError
from app.http.public_url import resolve_public_url
from app.lineages import StateGoneError
from app.settings import Settings


def build_page_head(request: Request) -> str:
    """Build the elements of the head for the address of a request.

    The head of the first page where the view has no answer, or where reading needs a key.
    """
    settings: Settings = request.app.state.settings
    query = request.url.query if settings.open_reading else ""
    view = _find_view(request, query, settings) or ViewDescription.of_record()
    base = resolve_public_url(request, settings)
    return render_page_head(view, base, f"{base}/{'?' if query else ''}{query}")


def _find_view(request: Request, query: str, settings: Settings) -> ViewDescription | None:
    if not query:
        return None
    try:
        with request.app.state.database.connect() as db:
            return describe_view(db, query, settings.alignment_datasets)
    except (
        InvalidParameterError, NotFoundError, MovedError, StateGoneError, SQLAlchemyError,
        ClosedDatasetError,
    ):  # fmt: skip
        # The page itself says what is wrong, and how to mend it.
        return None
