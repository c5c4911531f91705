"""Files laid over a cluster's objects."""

import asyncio
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from tests.unit.runtime.stage import CART, GATEWAY, ROUTES, SETTINGS, objects

from lateen.compile.settings import CompileSettings
from lateen.model.keys import Key, Kind
from lateen.model.objects import Severity
from lateen.runtime.app import build_intake
from lateen.runtime.notices import Notice
from lateen.runtime.offline import Files, read_files
from lateen.runtime.overlay import Manifests, Overlay, TwoDoors, lay_over
from lateen.validation.intake import Intake

OTHER = GATEWAY.replace("name: edge}", "name: aaa}").replace("HTTP}", "TCP}")
"""Contradicts the Gateway; which of the two is refused depends on their ages alone."""

TLS = GATEWAY.replace(
    'protocol: HTTP}\n      hosts: ["shop.example.com"]',
    'protocol: HTTPS}\n      hosts: ["shop.example.com"]\n      tls: {mode: SIMPLE, credentialName: shop-tls}',
)


def cluster(*texts: str, created: str = "2026-01-01T00:00:00Z") -> Manifests:
    found = {}
    for change in objects(*texts):
        assert change.raw is not None
        metadata = {**change.raw["metadata"], "namespace": "default", "creationTimestamp": created}
        found[change.key] = {**change.raw, "metadata": metadata}
    return found


async def no_secrets(_: Collection[Key]) -> Manifests:
    return {}


def written(directory: Path, *texts: str) -> Files:
    """Read a file with these objects; none without any."""
    file = directory / "new.yaml"
    if texts:
        file.write_text("---".join(texts))
    return read_files([file] if texts else [], build_intake(SETTINGS))


async def over(manifests: Manifests, directory: Path, *texts: str) -> Overlay:
    files = await asyncio.to_thread(written, directory, *texts)
    return await lay_over(manifests, files, CompileSettings(), build_intake(SETTINGS), no_secrets)


def said(notices: list[Notice]) -> list[tuple[str, str, str]]:
    return [(Path(each.file).name, str(each.key), each.code) for each in notices]


async def test_without_files_nothing_is_new(tmp_path: Path) -> None:
    overlay = await over(cluster(GATEWAY, ROUTES), tmp_path)
    assert overlay.notices() == []
    assert said(overlay.notices(everything=True)) == [("", "VirtualService/default/shop", "LAT0303")]


async def test_an_object_of_a_file_takes_the_place_of_the_clusters(tmp_path: Path) -> None:
    overlay = await over(cluster(GATEWAY, ROUTES, CART), tmp_path, ROUTES.replace("host: cart", "host: none"))
    assert said(overlay.notices()) == [("new.yaml", "VirtualService/default/shop", "LAT0303")]


async def test_what_is_new_about_others_is_told_with_the_files(tmp_path: Path) -> None:
    overlay = await over(cluster(GATEWAY, ROUTES, CART), tmp_path, CART.replace("cart.default", "cart.elsewhere"))
    assert said(overlay.notices()) == [("", "VirtualService/default/shop", "LAT0303")]


async def test_what_was_wrong_before_is_told_only_if_asked_for(tmp_path: Path) -> None:
    overlay = await over(cluster(GATEWAY, ROUTES), tmp_path, GATEWAY)
    assert overlay.notices() == []
    assert len(overlay.notices(everything=True)) == 1


async def test_a_new_object_is_the_youngest_and_a_changed_one_keeps_its_age(tmp_path: Path) -> None:
    refused = ("Gateway/default/aaa", "LAT0201")
    overlay = await over(cluster(GATEWAY), tmp_path, OTHER)
    assert [each[1:] for each in said(overlay.notices())] == [refused]
    both = {**cluster(GATEWAY), **cluster(OTHER, created="2026-02-01T00:00:00Z")}
    changed = await over(both, tmp_path, GATEWAY.replace("shop.example", "*.example"))
    assert [each[1:] for each in said(changed.notices(everything=True))] == [refused]


async def test_a_refused_object_leaves_the_clusters_in_use(tmp_path: Path) -> None:
    overlay = await over(cluster(GATEWAY, ROUTES, CART), tmp_path, ROUTES.replace("prefix: /cart", "prefix: 7"))
    assert [(each.code, each.line) for each in overlay.notices()] == [("LAT0101", 9)]
    assert "other" not in str(overlay.offline.compiler.findings_of(Key(Kind.GATEWAY, "default", "edge")))


async def test_only_secrets_that_are_named_are_read(tmp_path: Path) -> None:
    asked: list[Collection[Key]] = []

    async def fetch(keys: Collection[Key]) -> Mapping[Key, Mapping[str, Any]]:
        asked.append(keys)
        return {}

    files = await asyncio.to_thread(written, tmp_path, TLS)
    overlay = await lay_over(cluster(GATEWAY), files, CompileSettings(), build_intake(SETTINGS), fetch)
    assert [[key.name for key in keys] for keys in asked] == [["shop-tls"]]
    assert [each.code for each in overlay.notices()] == ["LAT0307"]


def test_files_pass_a_door_of_their_own() -> None:
    (change,) = objects(CART.replace("spec:", "spec:\n  colour: red"))
    assert change.raw is not None
    strict, lenient = Intake(unknown_fields=Severity.ERROR), Intake()
    assert TwoDoors(lenient, strict, ()).admit(change.key, change.raw).object is not None
    assert TwoDoors(lenient, strict, (change.key,)).admit(change.key, change.raw).object is None
