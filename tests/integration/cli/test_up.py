"""`lateen up` with a real Envoy, from the first request to the last."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.integration.cli.program import Backend, House, Up, a_backend, a_house, gateway, get, route, service
from tests.ports import free_port

pytestmark = pytest.mark.envoy


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    """Give an empty directory for files."""
    async with a_house(tmp_path) as made:
        yield made


@pytest.fixture
async def cart() -> AsyncIterator[Backend]:
    """Give a backend named cart."""
    async with a_backend("cart") as backend:
        yield backend


@pytest.fixture
async def user() -> AsyncIterator[Backend]:
    """Give a backend named user."""
    async with a_backend("user") as backend:
        yield backend


async def ended(pid: int) -> None:
    """Wait for the end of a process that is no child."""
    over = asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    loop.add_reader(descriptor, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def live(up: Up, number: int) -> None:
    """Wait until a batch is live."""
    event = await up.until("live", lambda each: each["number"] >= number)
    assert not event["rejected"]


async def test_files_are_served_followed_and_kept_when_they_break(house: House, cart: Backend, user: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(port), route("cart"), service(cart), service(user))
    async with house.up() as up:
        listening = await up.until("listening")
        assert [each["url"] for each in listening["ports"]] == [f"http://127.0.0.1:{port}"]
        await up.until("serving")
        assert await get(port) == (200, "cart")

        house.write("shop.yaml", gateway(port), route("user"), service(cart), service(user))
        await live(up, 2)
        assert await get(port) == (200, "user")

        house.write("shop.yaml", gateway(port), route("cart"), "a: [1,\n\nb: 2\n")
        broken = await up.until("file")
        assert (broken["kept"], broken["problems"][0]["file"], broken["problems"][0]["code"]) == (
            4,
            "./shop.yaml",
            "LAT0100",
        )
        assert await get(port) == (200, "user"), "what was served stays"

        house.write("shop.yaml", gateway(port), route("cart"), service(cart), service(user))
        assert (await up.until("file"))["healed"]
        await live(up, 3)
        assert await get(port) == (200, "cart")

        house.write("shop.yaml", gateway(port), route("cart", prefix="[1]"), service(cart), service(user))
        rejected = await up.until("compiled")
        assert rejected["rejected"] == ["VirtualService/default/shop-edge"]
        assert rejected["findings"][0]["line"] > 0
        assert await get(port) == (200, "cart")

        up.signal()
        await up.until("stopped")
        result = await up.end()
        assert (result.code, result.err) == (0, "")


async def test_status_and_dump_describe_the_running_instance(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(80), route("cart"), service(cart))
    async with house.up("--port-shift", str(port - 80)) as up:
        await up.until("serving")
        report = await house.status()
        (proxy,) = report["proxies"]
        assert (proxy["proxy"], proxy["phase"]) == ("shared/app=edge", "ready")
        assert {each["type"]: each["count"] for each in proxy["streams"][0]["types"]}["routes"] == 1
        assert [(each["number"], each["port"]) for each in report["listening"]] == [(80, port)]
        assert report["changes"][0]["live_seconds"] > 0
        conditions = {
            each["kind"]: {condition["type"]: condition["status"] for condition in each["conditions"]}
            for each in report["objects"]
        }
        assert conditions["VirtualService"] == {"Accepted": "True", "ResolvedRefs": "True", "Programmed": "True"}
        human = await house.run("status")
        assert "shared/app=edge: ready" in human.out
        dumped = json.loads((await house.run("dump", "routes", "-o", "json")).out)
        assert [(each["name"], each["state"]) for each in dumped] == [(f"http.{port}/shop.example.com", "acknowledged")]
    assert (await house.run("status")).code == 1


async def test_an_envoy_that_is_killed_comes_back_with_its_state(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(port), route("cart"), service(cart))
    async with house.up() as up:
        await up.until("serving")
        (proxy,) = (await house.status())["proxies"]
        os.kill(proxy["pid"], signal.SIGKILL)
        crashed = await up.until("proxy", lambda each: each["phase"] == "restarting")
        assert crashed["error"] == "ended by SIGKILL"
        await up.until("restored")
        assert await get(port) == (200, "cart")
        (after,) = (await house.status())["proxies"]
        assert after["restarts"] == 1
        assert after["pid"] != proxy["pid"]


async def test_ctrl_c_lets_a_slow_request_end(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(port), route("cart"), service(cart))
    async with house.up("--drain", "25") as up:
        await up.until("serving")
        request = asyncio.create_task(get(port, "/slow"))
        await cart.asked.wait()
        up.signal()
        await up.until("proxy", lambda each: each["phase"] == "draining")
        assert not request.done()
        cart.answer.set()
        assert await request == (200, "cart")
        await up.until("stopped")
        result = await up.end()
        assert (result.code, result.err) == (0, "")


async def test_a_second_ctrl_c_ends_at_once(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(port), route("cart"), service(cart))
    async with house.up("--drain", "3600") as up:
        ready = await up.until("proxy", lambda each: each["phase"] == "ready")
        request = asyncio.create_task(get(port, "/slow"))
        await cart.asked.wait()
        up.signal()
        await up.until("proxy", lambda each: each["phase"] == "draining")
        up.signal()
        assert (await up.end()).code == 130
        await ended(ready["pid"])
        await asyncio.wait([request])
        assert request.exception() is not None


async def test_a_second_instance_on_the_same_ports_says_who_has_them(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("shop.yaml", gateway(port), route("cart"), service(cart))
    async with house.up() as up:
        ready = await up.until("proxy", lambda each: each["phase"] == "ready")
        same = await house.run("up", ".")
        assert (same.code, same.out) == (1, "")
        assert same.err.startswith(f"lateen: an instance named 'default' is already running (pid {up.process.pid})")
        other = await house.run("up", ".", "--name", "other")
        assert other.code == 1
        assert f"lateen: nothing can be served: 127.0.0.1:{port} is in use by pid {ready['pid']} (" in other.err
        assert await get(port) == (200, "cart")


async def test_a_taken_port_keeps_nothing_else_from_being_served(house: House, cart: Backend) -> None:
    port, taken = free_port(), free_port()
    house.write("shop.yaml", gateway(port), gateway(taken, "other"), service(cart))
    house.write("routes.yaml", route("cart"), route("cart", name="other"))
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", taken))
        holder.listen()
        async with house.up() as up:
            refused = await up.until("port_taken")
            assert f"127.0.0.1:{taken} is in use by pid {os.getpid()} (" in refused["reason"]
            assert [each["gateway"] for each in refused["ports"]] == ["default/other"]
            await up.until("serving")
            assert await get(port) == (200, "cart")
            report = await house.status()
            assert "LAT0202" in [each["code"] for each in report["findings"]]
            holder.close()
            await up.until("listening", lambda each: len(each["ports"]) == 2)
            assert await get(taken) == (200, "cart")


async def test_calls_between_services_are_routed_by_host(house: House, cart: Backend) -> None:
    port = free_port()
    house.write("cart.yaml", service(cart))
    async with house.up("--mesh-port", str(port)) as up:
        listening = await up.until("listening")
        assert [(each["gateway"], each["port"]) for each in listening["ports"]] == [("mesh", port)]
        await up.until("serving")
        assert await get(port, host="cart") == (200, "cart")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none",), "lateen: none: No such file or directory\n"),
        ((".", "--name", "../up"), "lateen: '../up' cannot name an instance: "),
        ((".", "--envoy", "none"), "lateen: none (--envoy) is not a program that can be run\n"),
    ],
)
async def test_what_the_user_got_wrong_is_one_line(house: House, arguments: tuple[str, ...], message: str) -> None:
    result = await house.run("up", *arguments)
    assert result.code == 1
    assert result.err.startswith(message)
    assert len(result.err.splitlines()) == 1
