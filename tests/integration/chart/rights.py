"""What roles grant and what was asked for, in one form, so that both can be compared."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from tests.apiserver.audit_log import Asked
from tests.apiserver.client import ApiClient

_ROLES: Final = "/apis/rbac.authorization.k8s.io/v1"
_CREATED: Final = 201


class Right(NamedTuple):
    """One verb on one kind of object."""

    namespace: str
    """Empty: in every one."""
    group: str
    resource: str
    name: str
    """Empty: whatever it is called."""
    verb: str

    def covers(self, other: "Right") -> bool:
        """Whether it is enough for what was asked."""
        return (
            (self.group, self.resource, self.verb) == (other.group, other.resource, other.verb)
            and self.namespace in {"", other.namespace}
            and self.name in {"", other.name}
        )

    @property
    def narrowness(self) -> tuple[bool, bool]:
        """What is limited to a name is narrower than what is limited to a namespace."""
        return bool(self.name), bool(self.namespace)


def granted(api: ApiClient, role: str, namespace: str) -> set[Right]:
    """What the ClusterRole and the Role of this name grant."""
    everywhere = api.http.get(f"{_ROLES}/clusterroles/{role}").raise_for_status().json()
    here = api.http.get(f"{_ROLES}/namespaces/{namespace}/roles/{role}").raise_for_status().json()
    return {*_rights(everywhere["rules"], ""), *_rights(here["rules"], namespace)}


def _rights(rules: Iterable[Mapping[str, Any]], namespace: str) -> Iterator[Right]:
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for name in rule.get("resourceNames") or ("",):
                    for verb in rule["verbs"]:
                        yield Right(namespace, group, resource, name, verb)


def asked(requests: Iterable[Asked]) -> set[Right]:
    """What was asked for; paths that are no objects are free for all."""
    found = set()
    for each in requests:
        if each.resource:
            right = Right(each.namespace, each.group, each.resource, each.name, each.verb)
            found.add(right)
            if each.verb == "patch" and each.code == _CREATED:  # an apply of what was not there has to be allowed both
                found.add(right._replace(verb="create", name=""))
    return found


def used(grants: set[Right], requests: set[Right]) -> set[Right]:
    """Those that something asked for needs; of several that are enough, the narrowest."""
    found = set()
    for each in requests:
        enough = [right for right in grants if right.covers(each)]
        if enough:
            found.add(max(enough, key=lambda right: right.narrowness))
    return found
