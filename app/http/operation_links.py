"""Links of the OpenAPI document: which operations take the id that an answer has."""

import re

from app.http.problems import OpenApiPart

FIELDS_OF_IDS = {
    "code": "{code}", "dataset": "{code}", "event_id": "{id}", "import_id": "{id}",
    "membership_id": "{actor}:{group}:{role}:{spell}", "name": "{filename}", "shift_id": "{id}",
    "source_id": "{id}", "watch_id": "{id}",
}  # fmt: skip
"""Of each parameter of a path the fields of a document that it is made of."""
FIRST = "/data/0"
"""Place of the first document of a list; an answer of one document has it at the top."""
LINKED: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "listEvents": (FIRST, "event_id", ("getEvent", "getEventHistory")),
    "listActors": (FIRST, "code", ("getActor", "getActorHistory", "listRelations")),
    "listAlliances": (FIRST, "code", ("getAlliance", "listMembers", "getAllianceHistory")),
    "listMemberships": (FIRST, "membership_id", ("getMembership", "getMembershipHistory")),
    "listSources": (FIRST, "source_id", ("getSource", "getSourceHistory")),
    "listDatasets": (FIRST, "dataset", ("getDataset", "getDatasetHistory")),
    "listShifts": (FIRST, "shift_id", ("getShift",)),
    "listDumps": (FIRST, "name", ("getDump",)),
    "listImports": (FIRST, "import_id", ("getImport", "listRejects", "listImportNames")),
    "createEvents": ("", "event_id", ("getEvent", "patchEvent", "retractEvent")),
    "createActors": ("", "code", ("getActor", "patchActor", "retractActor", "createAlias")),
    "createMemberships": (
        "", "membership_id", ("getMembership", "patchMembership", "retractMembership")
    ),
    "createSources": ("", "source_id", ("getSource", "patchSource", "retractSource")),
    "createDatasets": ("", "dataset", ("getDataset", "patchDataset", "retractDataset")),
    "createImport": (
        "", "import_id", ("getImport", "listRejects", "listImportNames", "cancelImport")
    ),
    "createWatch": (
        "", "watch_id",
        ("getWatch", "patchWatch", "testWatch", "listDeliveries", "replayDeliveries",
         "deleteWatch"),
    ),
}  # fmt: skip
"""Of an operation: where its answer has a document, the parameter that takes its id, and of which
operations."""


def add_operation_links(operation: OpenApiPart) -> None:
    """Write the links of an operation into its answers, in place."""
    linked = LINKED.get(operation["operationId"])
    if linked is None:
        return
    place, parameter, targets = linked
    template = FIELDS_OF_IDS[parameter]
    spelled = re.sub(r"\w+", lambda found: f"$response.body#{place}/{found[0]}", template)
    if template.count("{") == 1:  # an expression alone needs no braces
        spelled = spelled.strip("{}")
    for status, response in operation["responses"].items():
        if status.startswith("2"):
            response["links"] = {
                target: {"operationId": target, "parameters": {parameter: spelled}}
                for target in targets
            }
