"""HTTP routes for the similarity of alliance portfolios, and for ideal points."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.actors.parameters import resolve_query_actor
from app.db.as_of import resolve_version
from app.errors import InvalidParameterError
from app.examples import example_responses
from app.http.caching import respond_with_version_etag
from app.http.dependencies import DatabaseDep
from app.http.page import build_page_links
from app.http.prefix_router import PrefixRouter
from app.http.problems import COMMON_RESPONSES
from app.http.query_route import QueryRoute
from app.json_encoding import encode_json
from app.query_models import today
from app.similarity.alliance_ties import read_state_periods, require_alliance_datasets
from app.similarity.ideal_points import (
    IdealPointsQuery,
    explain_missing_points,
    measure_approaches,
    read_state_points,
    require_ideal_point_datasets,
)
from app.similarity.portfolios import (
    SimilarityQuery,
    measure_similarities,
    read_ties_for_query,
    resolve_system,
)
from app.similarity.schemas import (
    IdealPoints,
    IdealPointsMeta,
    PortfolioSimilarities,
    PortfolioSimilarityMeta,
)

router = PrefixRouter(
    prefix="/v1", tags=["shifts"], responses=COMMON_RESPONSES, route_class=QueryRoute
)


@router.get(
    "/similarity",
    response_model=PortfolioSimilarities,
    operation_id="getSimilarity",
    responses=example_responses("getSimilarity"),
)
def get_similarity(
    asked: Annotated[SimilarityQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """How similar the alliance portfolios of states were, year by year.

    The ties are those with obligations in the record, and those of loaded alliances. Loaded
    alliances have no versions; `as_of` leaves out the datasets that did not exist at that version.
    """
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            codes = list(
                dict.fromkeys(resolve_query_actor(db, "actors", n, then) for n in asked.actors)
            )
            if len(codes) < 2:
                hint = "Name at least two states, such as ARM,RUS."
                raise InvalidParameterError("actors", "names only one actor", hint)
            kinds = {code for code, _, _ in read_state_periods(db, then)}
            if other := next((code for code in codes if code not in kinds), None):
                raise InvalidParameterError("actors", f"{other} is not a state", "Name states.")
            sets = require_alliance_datasets(db, asked.dataset, then)
            ties = read_ties_for_query(db, asked, sets, then)
            system = resolve_system(db, asked, then)
            if system and (other := next((code for code in codes if code not in system), None)):
                hint = "Add it to the states of the system."
                raise InvalidParameterError("system", f"leaves out {other}", hint)
            data = measure_similarities(db, codes, system, asked, ties, then)
            meta = PortfolioSimilarityMeta(
                version=version, reason=None if data else "no_match", measure=asked.measure,
                datasets=sets,
            )  # fmt: skip
            where = build_page_links(request, None, version)
            if asked.until is None:  # the default, this year, changes with the day
                where.permalink = f"{where.permalink}&until={asked.years[1]:04}"
            found = PortfolioSimilarities(data=data, meta=meta, links=where)
            return Response(encode_json(found), media_type="application/json")

        return respond_with_version_etag(request, version, make_response, today())


@router.get(
    "/ideal-points",
    response_model=IdealPoints,
    operation_id="getIdealPoints",
    responses=example_responses("getIdealPoints"),
)
def get_ideal_points(
    asked: Annotated[IdealPointsQuery, Query()], request: Request, database: DatabaseDep
) -> Response:
    """Ideal points of states in the votes of the General Assembly, and which of two states moved.

    The points come from loaded series (`entente load … --format unga-ideal-points`); without one
    the answer is empty.
    """
    with database.connect() as db:
        version, then = resolve_version(db, asked)

        def make_response() -> Response:
            codes = list(
                dict.fromkeys(resolve_query_actor(db, "actors", n, then) for n in asked.actors)
            )
            sets = require_ideal_point_datasets(db, asked.dataset, then)
            found = read_state_points(db, codes, sets, asked)
            data = [point for code in codes for s in sets for point in found.get((s, code), ())]
            meta = IdealPointsMeta(
                version=version,
                reason=None if data else explain_missing_points(db, sets, asked),
                datasets=sets,
            )
            answer = IdealPoints(
                data=data,
                moved=measure_approaches(found, codes, sets),
                meta=meta,
                links=build_page_links(request, None, version),
            )
            return Response(encode_json(answer), media_type="application/json")

        return respond_with_version_etag(request, version, make_response)
