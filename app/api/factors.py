"""Factors: which published number an activity gets, and why."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import ServicesHere
from app.usecases.explain_factor import explain_factor
from domain.factor import Basis

router = APIRouter(prefix="/v1/factors", tags=["factors"], route_class=StrictRoute)


@router.get("/explain", responses=problem_responses())
def explain(
    request: Request,
    *,
    services: ServicesHere,
    region: Annotated[str, Query(description="US ZIP code, country code, or a region path.", examples=["94110"], max_length=40)],
    year: Annotated[int, Query(ge=1990, le=2199, examples=[2023])],
    kind: Annotated[str, Query(examples=["electricity"], max_length=40)] = "electricity",
    basis: Annotated[Basis, Query(description="Location or market based.")] = Basis.LOCATION,
) -> Response:
    """The factor of a kind, place and year, with every step of the choice."""
    found = explain_factor(services.factor_set, kind=kind, region_text=region, year=year, basis=basis)
    return tagged_response(request, to_json(found), cache_control="public, max-age=3600", vary="Accept")
