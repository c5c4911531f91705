"""The cluster through `kubectl`, as its users have it."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from tests.e2e.commands import CommandError, eventually, run

OPERATOR: Final = "lateen-system"
"""The operator's namespace."""
RELEASE: Final = "lateen"
LEASE: Final = "lateen"

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Namespace:
    """One namespace of the cluster."""

    name: str

    def kubectl(self, *arguments: str, given: str = "", within: float = 60.0) -> str:
        """Run `kubectl` in the namespace."""
        return run("kubectl", "--namespace", self.name, *arguments, given=given, within=within)

    def apply(self, *texts: str) -> None:
        """Apply YAML, and refuse fields that nobody knows."""
        self.kubectl("apply", "--validate=strict", "-f", "-", given="\n---\n".join(texts))

    def delete(self, *what: str) -> None:
        """Delete `kind/name`s, and wait until they are gone."""
        self.kubectl("delete", "--ignore-not-found", "--wait", *what)

    def get(self, kind: str, name: str) -> Object:
        """Read an object."""
        found: Object = json.loads(self.kubectl("get", kind, name, "-o", "json"))
        return found

    def list(self, kind: str, labels: str = "", fields: str = "") -> tuple[Object, ...]:
        """Read the objects of a kind that have these labels and fields."""
        chosen = (*(("-l", labels) if labels else ()), *(("--field-selector", fields) if fields else ()))
        found: Object = json.loads(self.kubectl("get", kind, *chosen, "-o", "json"))
        return tuple(found["items"])

    def names(self, kind: str, labels: str = "") -> tuple[str, ...]:
        """Name the objects of a kind that have these labels."""
        return tuple(each["metadata"]["name"] for each in self.list(kind, labels))

    def pods(self, labels: str) -> tuple[str, ...]:
        """Name the pods that are ready and are to stay."""
        return tuple(each["metadata"]["name"] for each in self.list("pods", labels) if _is_ready(each))

    def rolled_out(self, name: str, within: float = 120.0) -> None:
        """Wait until a Deployment is as it is meant to be, the pods that go included."""
        self.kubectl("rollout", "status", f"deployment/{name}", f"--timeout={within:g}s", within=within + 10)
        labels = self.get("deployment", name)["spec"]["selector"]["matchLabels"]
        chosen = ",".join(f"{key}={value}" for key, value in labels.items())
        eventually(
            lambda: not [each for each in self.list("pods", chosen) if each["metadata"].get("deletionTimestamp")],
            within=within,
            what=f"old pods of {name} are gone",
        )

    def programmed(self, *what: str, within: float = 60.0) -> None:
        """Wait until all proxies have the current generation of `kind/name`s."""
        try:
            self.kubectl("wait", "--for=condition=Programmed", f"--timeout={within:g}s", *what, within=within + 10)
        except CommandError as error:
            said = self.kubectl("get", *what, "-o", "jsonpath={range .items[*]}{.kind}{.status}{'\\n'}{end}{.status}")
            raise CommandError(f"{error}\n{said}") from error

    def conditions(self, kind: str, name: str) -> dict[str, Object]:
        """What an object says, by the type of the condition; only what is about its current generation."""
        found = self.get(kind, name)
        generation = found["metadata"]["generation"]
        return {
            each["type"]: each
            for each in found.get("status", {}).get("conditions", ())
            if each.get("observedGeneration", 0) == generation
        }

    def says(self, kind: str, name: str, condition: str, status: str, words: str = "", within: float = 30.0) -> Object:
        """Wait until a condition has a status, and a message with these words."""

        def look() -> Object | None:
            said = self.conditions(kind, name)
            found = said.get(condition, {})
            assert found.get("status") == status, said
            assert words in found.get("message", ""), said
            return found

        found = eventually(look, within=within, what=f"{kind}/{name} says {condition}={status} {words}")
        assert found is not None
        return found

    def events(self, reason: str, about: str = "") -> tuple[str, ...]:
        """Give the messages of Events with a reason, about the object of a name."""
        fields = f"reason={reason}" + (f",involvedObject.name={about}" if about else "")
        return tuple(each["message"] for each in self.list("events", fields=fields))

    def patch(self, what: str, *operations: Object) -> None:
        """Change an object by operations of a JSON patch."""
        self.kubectl("patch", what, "--type=json", "--patch", json.dumps(operations))


def replace(path: str, value: object) -> Object:
    """An operation of a JSON patch."""
    return {"op": "replace", "path": path, "value": value}


def _is_ready(pod: Object) -> bool:
    conditions: Iterable[Object] = pod["status"].get("conditions", ())
    stays = "deletionTimestamp" not in pod["metadata"]
    return stays and any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
