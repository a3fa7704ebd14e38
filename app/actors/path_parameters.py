"""Actors in the path of a route."""

from typing import Annotated

from fastapi import Path

ActorName = Annotated[str, Path(description="Any name or code of the actor.", examples=["ARM"])]
