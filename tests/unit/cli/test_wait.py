"""`lateen wait` at an instance that answers as a test says."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import uvicorn
from click.testing import CliRunner, Result
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from lateen.cli.main import cli
from lateen.cli.wait import Progress
from lateen.infra.state import InstanceInfo, open_instance
from lateen.model.keys import Key, Kind
from lateen.status.verdict import Standing, Verdict

CART = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")
Answers = dict[str, list[tuple[str, str]]]


@contextmanager
def answering(root: Path, answers: Answers) -> Iterator[list[dict[str, str]]]:
    """Run an instance that gives each object's answers in turn, and keep the questions."""
    asked: list[dict[str, str]] = []

    async def wait(request: Request) -> JSONResponse:
        asked.append(dict(request.query_params))
        verdict, message = answers[request.query_params["object"]].pop(0)
        return JSONResponse({"verdict": verdict, "message": message})

    with open_instance(root / "lateen", "default") as state:
        state.announce(InstanceInfo("default", os.getpid(), str(state.control_socket), "", ("shop",)))
        app = Starlette(routes=[Route("/v1/wait", wait)])
        server = uvicorn.Server(uvicorn.Config(app, uds=str(state.control_socket), log_config=None, lifespan="off"))
        ready = threading.Event()
        startup = server.startup

        async def announce_startup(sockets: object = None) -> None:
            await startup()
            ready.set()

        server.startup = announce_startup  # type: ignore[method-assign]  # to know when it listens
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            assert ready.wait(30)
            yield asked
        finally:
            server.should_exit = True
            thread.join()


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory for instances."""
    made = tmp_path_factory.mktemp("r")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made))
    monkeypatch.setenv("KUBECONFIG", str(made / "none"))
    return made


def wait(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["wait", *arguments])


def test_it_ends_well_when_all_objects_are_live(root: Path) -> None:
    answers: Answers = {
        "VirtualService/shop/cart": [("open", "not yet"), ("holds", "Programmed is True: m")],
        "DestinationRule/default/cart": [("holds", "Programmed is True: n")],
    }
    with answering(root, answers) as asked:
        result = wait("vs/shop/cart", "dr/cart")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        "VirtualService shop/cart: Programmed is True: m\nDestinationRule default/cart: Programmed is True: n\n"
    )
    mine = [each for each in asked if each["object"] == "VirtualService/shop/cart"]
    assert [(each["for"], each["known"]) for each in mine] == [("Programmed", ""), ("Programmed", "not yet")]


def test_what_is_refused_ends_it_at_once(root: Path) -> None:
    with answering(root, {"VirtualService/shop/cart": [("refused", "Accepted is False (Invalid): why")]}):
        result = wait("vs/cart", "-n", "shop")
    assert result.exit_code == 1
    assert result.stderr == "VirtualService shop/cart is refused: Accepted is False (Invalid): why\n"


def test_what_is_absent_ends_it_at_once(root: Path) -> None:
    with answering(root, {"VirtualService/default/cart": [("absent", "it does not exist")]}):
        result = wait("vs/cart", "--for", "accepted")
    assert result.exit_code == 1
    assert result.stderr == "VirtualService default/cart: it does not exist\n"


def test_when_the_time_is_over_it_says_how_things_stand(root: Path) -> None:
    with answering(root, {"VirtualService/default/cart": [("open", "acknowledged by 0 of 1 proxies")]}):
        result = wait("vs/cart", "--timeout", "0")
    assert result.exit_code == 1
    assert result.stderr == "VirtualService default/cart is not Programmed: acknowledged by 0 of 1 proxies\n"


def test_wrong_usage_has_its_own_exit_code(root: Path) -> None:
    assert [wait(*each).exit_code for each in ((), ("cart",), ("vs/cart", "--for", "Ready"))] == [2, 2, 2]
    assert wait("vs/cart").stderr == (
        "lateen: no instance named 'default' is running; start one with `lateen up DIR`\n"
    )


def test_without_an_instance_the_cluster_is_offered_if_there_is_one(root: Path) -> None:
    content = {
        "current-context": "kind-shop",
        "contexts": [{"name": "kind-shop", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {}}],
    }
    (root / "none").write_text(json.dumps(content))
    assert wait("vs/cart").stderr.endswith(", or ask the cluster of the context 'kind-shop' with --cluster\n")
    (root / "none").write_text("{}")
    assert wait("vs/cart").stderr.endswith("; start one with `lateen up DIR`\n")


def test_progress_is_told_once_it_takes_long(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    progress.tell(Standing(CART, Verdict.OPEN, "a"))
    progress.tell(Standing(CART, Verdict.OPEN, "b"))
    assert capsys.readouterr().err == ""
    progress.speak()
    progress.tell(Standing(CART, Verdict.OPEN, "c"))
    progress.tell(Standing(CART, Verdict.HOLDS, "d"))
    assert (
        capsys.readouterr().err == "waiting for VirtualService shop/cart: b\nwaiting for VirtualService shop/cart: c\n"
    )
