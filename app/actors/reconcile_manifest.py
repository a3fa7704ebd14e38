"""The manifest of the reconciliation service: what its clients find out before they ask."""

from app.actors.reconcile_models import (
    ReconcileAddress,
    ReconcileEntity,
    ReconcileExtend,
    ReconcileManifest,
    ReconcilePreview,
    ReconcileSetting,
    ReconcileSuggest,
    ReconcileView,
)
from app.actors.schemas import ActorKind

ACTOR_KINDS: tuple[str, ...] = ActorKind.__args__  # type: ignore[attr-defined]
KIND_NAMES = {kind: kind.replace("_", " ") for kind in ACTOR_KINDS}
DAY_SETTING = ReconcileSetting(
    name="on",
    label="Day",
    type="text",
    help_text="A day such as 1990-06-01: codes that were valid then. Empty: all codes.",
)


def build_manifest(root: str) -> ReconcileManifest:
    """Build the manifest of a service at an address."""

    def build_address(path: str) -> ReconcileAddress:
        return ReconcileAddress(service_url=root, service_path=f"/v1/reconcile/{path}")

    return ReconcileManifest(
        identifierSpace=f"{root}/v1/actors/",
        schemaSpace=f"{root}/v1/actors?kind=",
        view=ReconcileView(url=f"{root}/?view=actor&actor={{{{id}}}}"),
        defaultTypes=[ReconcileEntity(id=kind, name=name) for kind, name in KIND_NAMES.items()],
        suggest=ReconcileSuggest(
            entity=build_address("suggest/entity"),
            type=build_address("suggest/type"),
            property=build_address("suggest/property"),
        ),
        extend=ReconcileExtend(
            propose_properties=build_address("properties"), property_settings=[DAY_SETTING]
        ),
        preview=ReconcilePreview(url=f"{root}/v1/reconcile/preview?id={{{{id}}}}"),
    )
