"""What kopf is told: to follow everything that is watched, to keep nothing, and to write nothing."""

from typing import Any

import kopf

from lateen.kube.handlers import build_registry, pause_before, watch_settings
from lateen.kube.resources import RESOURCES
from lateen.kube.storages import NoMemories
from lateen.kube.watching import WATCHED, WatchSettings
from lateen.model.keys import Kind


async def login(**_: Any) -> None:
    """Log in nowhere."""


def handlers() -> dict[str, Any]:
    registry = build_registry(login)
    return {handler.id: handler for handler in registry._watching.get_all_handlers()}


def test_every_watched_kind_has_a_handler_of_its_own() -> None:
    found = handlers()
    assert set(found) == {str(kind) for kind in WATCHED}
    for kind in WATCHED:
        selector, resource = found[kind].selector, RESOURCES[kind]
        assert (selector.group, selector.version, selector.any_name) == (
            resource.group,
            resource.version,
            resource.plural,
        )


def test_secrets_are_not_watched() -> None:
    assert Kind.SECRET not in WATCHED


def test_there_are_no_handlers_for_which_kopf_would_write() -> None:
    registry = build_registry(login)
    others = (registry._changing, registry._spawning, registry._indexing, registry._webhooks)
    assert [each for kind in others for each in kind.get_all_handlers()] == []


def test_kopf_stands_alone_and_posts_nothing() -> None:
    settings = watch_settings(WatchSettings())
    assert settings.peering.standalone
    assert not settings.posting.enabled
    assert isinstance(settings.persistence.diffbase_storage, kopf.DiffBaseStorage)
    assert settings.persistence.diffbase_storage.build(body=kopf.Body({"spec": {}})) == {}


async def test_kopf_remembers_no_object() -> None:
    memories = NoMemories()
    await memories.recall({"metadata": {"uid": "a"}}, noticed_by_listing=True)
    assert list(memories.iter_all_memories()) == []


def test_who_is_refused_again_and_again_logs_in_ever_more_rarely_and_for_ever() -> None:
    assert [pause_before(refusals) for refusals in (0, 1, 2, 3, 6, 7, 10_000)] == [0, 0, 2, 4, 30, 30, 30]
