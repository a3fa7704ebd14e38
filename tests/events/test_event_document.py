"""The types of a decoded event name fields of its schema alone."""

from typing import Any

import pytest
from pydantic import BaseModel

from app.events import event_document, schemas


@pytest.mark.parametrize(
    ("document", "schema"),
    [
        (event_document.EventDocument, schemas.Event),
        (event_document.ParticipantDocument, schemas.Participant),
        (event_document.SignalDocument, schemas.Signal),
        (event_document.ReportDocument, schemas.Report),
        (event_document.LocationDocument, schemas.Location),
    ],
)
def test_field_of_a_decoded_document_is_in_its_schema(
    document: Any, schema: type[BaseModel]
) -> None:
    fields = {field.alias or name for name, field in schema.model_fields.items()}
    assert document.__annotations__.keys() <= fields
