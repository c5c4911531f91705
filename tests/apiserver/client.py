"""Objects at an API server, by plain HTTP: apply, read, delete, wait."""

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache, partial
from typing import Any, Final, TypeAlias

import httpx
from tests.apiserver.control_plane import wait_until

from lateen.kube.yaml_json import to_yaml_json

Manifest: TypeAlias = Mapping[str, Any]

MANAGER: Final = "tests"
_APPLY: Final = "application/apply-patch+yaml"
_TABLE: Final = "application/json;as=Table;v=v1;g=meta.k8s.io"


class RefusedError(Exception):
    """The API server refused a request."""

    def __init__(self, answer: httpx.Response) -> None:
        """Keep status code and message of the answer."""
        self.code = answer.status_code
        self.status: dict[str, Any] = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        self.message = str(self.status.get("message", answer.text))
        super().__init__(f"{self.code}: {self.message}")


class ApiClient:
    """What a test wants of an API server. Everything unknown or doubtful in an object is an error."""

    def __init__(self, http: httpx.Client) -> None:
        """Speak through an HTTP client that has address and token."""
        self.http = http
        self._plurals = cache(self._read_plurals)

    def apply(self, manifest: Manifest, *, namespace: str = "default", dry_run: bool = False) -> dict[str, Any]:
        """Create or change an object by server-side apply, with strict field validation.

        Raises:
            RefusedError: the API server refuses it, or warns about it.
        """
        parameters = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        if dry_run:
            parameters["dryRun"] = "All"
        url = self.url_of(manifest, namespace=namespace)
        content = to_yaml_json(manifest)
        answer = self.http.patch(url, params=parameters, content=content, headers={"Content-Type": _APPLY})
        if "warning" in answer.headers:
            raise AssertionError(f"{url}: {answer.headers['warning']}")
        return _json(answer)

    def create(self, manifest: Manifest, *, namespace: str = "default", dry_run: bool = False) -> dict[str, Any]:
        """Create an object, with strict field validation.

        Raises:
            RefusedError: the API server refuses it.
        """
        parameters = {"fieldValidation": "Strict", **({"dryRun": "All"} if dry_run else {})}
        collection = self.url_of(manifest, namespace=namespace).rpartition("/")[0]
        return _json(self.http.post(collection, params=parameters, json=manifest))

    def patch_status(self, manifest: Manifest, status: Manifest, *, namespace: str = "default") -> dict[str, Any]:
        """Merge into the status of an object."""
        url = f"{self.url_of(manifest, namespace=namespace)}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        return _json(self.http.patch(url, content=json.dumps({"status": status}), headers=headers))

    def get(self, manifest: Manifest, *, namespace: str = "default", version: str = "") -> dict[str, Any]:
        """Read an object, as `version` of its group if given."""
        return _json(self.http.get(self.url_of(manifest, namespace=namespace, version=version)))

    def delete(self, manifest: Manifest, *, namespace: str = "default") -> None:
        """Delete an object; one that is not there is fine."""
        answer = self.http.delete(self.url_of(manifest, namespace=namespace))
        if answer.status_code != httpx.codes.NOT_FOUND:
            _json(answer)

    def table(self, manifest: Manifest, *, namespace: str = "default") -> dict[str, Any]:
        """What `kubectl get` shows of an object, by column."""
        url = self.url_of(manifest, namespace=namespace)
        found = _json(self.http.get(url, headers={"Accept": _TABLE}))
        names = [column["name"] for column in found["columnDefinitions"]]
        return dict(zip(names, found["rows"][0]["cells"], strict=True))

    def install(self, definitions: Iterable[Manifest]) -> None:
        """Apply CustomResourceDefinitions, and wait until their kinds can be used."""
        applied = [self.apply(definition) for definition in definitions]
        for definition in applied:
            self._wait_for_condition(definition, "Established")
        for definition in applied:
            spec = definition["spec"]
            for version in spec["versions"]:
                url = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
                wait_until(partial(self._is_served, url))
        self._plurals.cache_clear()

    def uninstall(self, definition: Manifest) -> None:
        """Delete a CustomResourceDefinition with its objects, and wait until the kind is unknown."""
        self.delete(definition)
        spec = definition["spec"]
        for version in spec["versions"]:
            url = f"/apis/{spec['group']}/{version['name']}/{spec['names']['plural']}"
            wait_until(partial(self._is_unknown, url))
        self._plurals.cache_clear()

    def _is_unknown(self, url: str) -> bool:
        return self.http.get(url).status_code == httpx.codes.NOT_FOUND

    def _is_served(self, url: str) -> bool:
        return self.http.get(url).is_success

    def url_of(self, manifest: Manifest, *, namespace: str = "default", version: str = "") -> str:
        """Path of an object."""
        api, name = str(manifest["apiVersion"]), manifest["metadata"]["name"]
        if version:
            api = f"{api.partition('/')[0]}/{version}"
        base = f"/apis/{api}" if "/" in api else f"/api/{api}"
        plural, namespaced = self._plurals(base)[manifest["kind"]]
        within = f"/namespaces/{manifest['metadata'].get('namespace', namespace)}" if namespaced else ""
        return f"{base}{within}/{plural}/{name}"

    def _read_plurals(self, base: str) -> dict[str, tuple[str, bool]]:
        resources = _json(self.http.get(base))["resources"]
        return {each["kind"]: (each["name"], each["namespaced"]) for each in resources if "/" not in each["name"]}

    def _wait_for_condition(self, manifest: Manifest, wanted: str) -> None:
        collection, _, name = self.url_of(manifest).rpartition("/")
        for _, found in self.watch(collection, fieldSelector=f"metadata.name={name}"):
            conditions = found.get("status", {}).get("conditions") or ()
            if any(each["type"] == wanted and each["status"] == "True" for each in conditions):
                return
        raise AssertionError(f"{name} never became {wanted}")

    def watch(self, collection: str, **parameters: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Each event of a collection as it comes, existing objects first; ends after a minute."""
        asked = {"watch": "true", "timeoutSeconds": "60", **parameters}
        with self.http.stream("GET", collection, params=asked, timeout=70) as answer:
            for line in answer.iter_lines():
                event = json.loads(line)
                yield event["type"], event["object"]


def _json(answer: httpx.Response) -> dict[str, Any]:
    if not answer.is_success:
        raise RefusedError(answer)
    found: dict[str, Any] = answer.json()
    return found
