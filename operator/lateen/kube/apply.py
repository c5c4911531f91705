"""Objects that belong together, written by server-side apply and kept as they were written.

A set is what one value of a label names in one namespace; its objects have that value as their
name. They are found again by labels, and looked at by their metadata only: an annotation says what
was applied, and `ownership` whether somebody has changed it since. What has not changed is not
written. What others have labelled like ours is not deleted: we have not applied it.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import structlog

from lateen.kube.client import KubeClient, Manifest
from lateen.kube.ownership import lost_field, owned_fields, require_ours
from lateen.kube.resources import DEPLOYMENTS, ApiResource

SCALER: Final = "lateen-replicas"
"""Field manager that holds the number of replicas until an autoscaler does."""

_log = structlog.get_logger(__name__)


class SetId(NamedTuple):
    """One set."""

    namespace: str
    name: str
    """Value of the label."""


class ObjectId(NamedTuple):
    """One object."""

    resource: ApiResource
    namespace: str
    name: str

    def __str__(self) -> str:
        """Print it for people."""
        return f"{self.resource.kind} {self.namespace}/{self.name}"


class ObjectSets:
    """Everything that one operator has made, set by set."""

    def __init__(
        self,
        client: KubeClient,
        resources: Sequence[ApiResource],
        *,
        ours: Mapping[str, str],
        set_label: str,
        hash_annotation: str,
        namespace: str = "",
    ) -> None:
        """Know nothing yet; `look` before anything else.

        Args:
            client: the API server.
            resources: kinds of objects, in the order in which they are made; they are removed the other way around.
            ours: labels that every object has, and nobody else's.
            set_label: label whose value names the set.
            hash_annotation: annotation whose value differs whenever a manifest does.
            namespace: where all of it is; empty: in any.
        """
        self._client = client
        self._resources = {resource.kind: resource for resource in resources}
        self._ours = ours
        self._namespace = namespace
        self._set_label = set_label
        self._hash = hash_annotation
        self._known: dict[ObjectId, Mapping[str, Any]] = {}
        self._news: list[dict[ObjectId, Mapping[str, Any] | None]] = []
        """For each look that is under way: what has been written meanwhile."""
        self._owned: dict[ObjectId, Mapping[str, Any]] = {}
        """What was ours right after it was written: not always all, where somebody wished for what means nothing."""

    @property
    def selector(self) -> str:
        """Label selector of everything that is ours."""
        return ",".join(f"{name}={value}" for name, value in self._ours.items())

    def metadata_of(self, each: ObjectId) -> Mapping[str, Any] | None:
        """The metadata of an object as it was last seen or written."""
        return self._known.get(each)

    def sets(self) -> dict[SetId, Mapping[str, Any]]:
        """Every set of which something exists that was made here, with the metadata of one of its objects."""
        return {_set_of(each): metadata for each, metadata in self._known.items() if owned_fields(metadata)}

    async def look(self) -> None:
        """See what there is.

        Raises:
            ApiError: it cannot be read.
        """
        seen: dict[ObjectId, Mapping[str, Any] | None] = {}
        news: dict[ObjectId, Mapping[str, Any] | None] = {}
        self._news.append(news)
        try:
            for resource in self._resources.values():
                found, _ = await self._client.list(
                    resource, self._namespace, metadata_only=True, labelSelector=self.selector
                )
                for each in found:
                    metadata = each["metadata"]
                    if metadata["labels"].get(self._set_label) == metadata["name"]:
                        seen[ObjectId(resource, metadata["namespace"], metadata["name"])] = metadata
        finally:
            self._news.remove(news)
        self._known = {each: metadata for each, metadata in (seen | news).items() if metadata is not None}

    async def apply(self, which: SetId, manifests: Iterable[Manifest], *, keep: Collection[str] = ()) -> int:
        """Make a set consist of these objects, in this order. What is as it should be is not touched.

        Args:
            which: the set.
            manifests: its objects, labelled and with the annotation.
            keep: kinds of objects that stay even if no manifest is for them.

        Returns:
            how many objects were written or deleted.

        Raises:
            ApiError: the API server refuses one; those before it are written.
            ForeignObjectError: one is somebody else's.
        """
        wanted: set[ObjectId] = set()
        changed = 0
        for manifest in manifests:
            each = self._id_of(manifest)
            wanted.add(each)
            if self._differs(each, manifest):
                await self._write(each, manifest)
                changed += 1
        for each in self._members(which):
            if each not in wanted and each.resource.kind not in keep:
                await self._delete(each)
                changed += 1
        return changed

    async def remove(self, which: SetId) -> int:
        """Delete all objects of a set, in reverse order; returns how many there were.

        Raises:
            ApiError: the API server refuses.
        """
        members = self._members(which)
        for each in members:
            await self._delete(each)
        return len(members)

    def _members(self, which: SetId) -> list[ObjectId]:
        order = {kind: number for number, kind in enumerate(reversed(self._resources))}
        members = [each for each, metadata in self._known.items() if _set_of(each) == which and owned_fields(metadata)]
        return sorted(members, key=lambda each: order[each.resource.kind])

    def _id_of(self, manifest: Manifest) -> ObjectId:
        metadata = manifest["metadata"]
        return ObjectId(self._resources[manifest["kind"]], metadata["namespace"], metadata["name"])

    def _differs(self, each: ObjectId, manifest: Manifest) -> bool:
        known = self._known.get(each)
        if known is None:
            return True
        if known.get("annotations", {}).get(self._hash) != manifest["metadata"]["annotations"][self._hash]:
            return True
        lost = lost_field(known, manifest) if owned_fields(known) != self._owned.get(each) else ""
        if lost:
            _log.warning("somebody has changed what Lateen made; it is put back", object=str(each), field=lost)
        return bool(lost)

    async def _write(self, each: ObjectId, manifest: Manifest) -> None:
        known = self._known.get(each)
        if known is None:
            found = await self._client.get(each.resource, each.namespace, each.name, metadata_only=True)
            if found is not None:
                require_ours(each, found["metadata"], self._ours)
        elif each.resource is DEPLOYMENTS and "replicas" not in manifest["spec"]:
            await self._hand_over_replicas(each, known)
        written = await self._client.apply(each.resource, manifest)
        self._owned[each] = owned_fields(written["metadata"])
        self._note(each, written["metadata"])

    async def _hand_over_replicas(self, each: ObjectId, known: Mapping[str, Any]) -> None:
        """Keep the number of pods for an autoscaler: a field that its only owner leaves out falls back to 1."""
        if "f:replicas" not in owned_fields(known).get("f:spec", {}):
            return
        found = await self._client.get(each.resource, each.namespace, each.name)
        if found is None:
            return
        metadata = {"name": each.name, "namespace": each.namespace}
        held = {"apiVersion": found["apiVersion"], "kind": found["kind"], "metadata": metadata}
        held["spec"] = {"replicas": found["spec"]["replicas"]}
        await self._client.apply(each.resource, held, manager=SCALER)

    async def _delete(self, each: ObjectId) -> None:
        await self._client.delete(each.resource, each.namespace, each.name)
        self._owned.pop(each, None)
        self._note(each, None)

    def _note(self, each: ObjectId, metadata: Mapping[str, Any] | None) -> None:
        for news in self._news:
            news[each] = metadata
        if metadata is None:
            self._known.pop(each, None)
        else:
            self._known[each] = metadata


def _set_of(each: ObjectId) -> SetId:
    return SetId(each.namespace, each.name)
