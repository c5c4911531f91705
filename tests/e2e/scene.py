"""What the tests apply: services in the namespace `e2e`, and routes to them through proxies in `default`."""

from importlib.metadata import version
from pathlib import Path
from textwrap import indent
from typing import Final

from tests.e2e.kubernetes import Namespace

IMAGE: Final = f"lateen:{version('lateen')}"
"""The operator's image: it has Python, so it runs services and loads as well."""
DOMAIN: Final = "e2e.example.com"
EDGE: Final = Namespace("default")
"""Where the proxies are that this machine reaches."""
SHOP: Final = Namespace("e2e")
PROXIES: Final = "lateen-ingressgateway"
"""The Deployment of the proxies in `EDGE`."""

_SERVER: Final = Path(__file__).with_name("backend.py")

GATEWAY: Final = f"""
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  selector: {{istio: ingressgateway}}
  servers:
    - port: {{number: 80, name: http, protocol: HTTP}}
      hosts: ["{SHOP.name}/*.{DOMAIN}"]
"""


def server() -> str:
    """The ConfigMap with the program that services run."""
    program = indent(_SERVER.read_text(), "    ")
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: server}}\ndata:\n  server.py: |\n{program}"


def service(name: str, *, app: str = "") -> str:
    """A Service on port 8080; the pods are those of an app of its name, if no other is given."""
    return f"""
apiVersion: v1
kind: Service
metadata: {{name: {name}}}
spec:
  selector: {{app: {app or name}}}
  ports: [{{name: http, port: 8080}}]
"""


def deployment(name: str, app: str, *, version: str = "", replicas: int = 1, tls_secret: str = "") -> str:
    """Pods of a service."""
    labels = f"{{app: {app}, version: '{version}'}}"
    tls = f"\n        - name: tls\n          secret: {{secretName: {tls_secret}}}" if tls_secret else ""
    mount = "\n            - {name: tls, mountPath: /tls}" if tls_secret else ""
    return f"""
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {labels}}}
  template:
    metadata: {{labels: {labels}}}
    spec:
      terminationGracePeriodSeconds: 10
      containers:
        - name: server
          image: {IMAGE}
          command: [python3, /etc/server/server.py]
          env: [{{name: VERSION, value: '{version}'}}]
          readinessProbe:
            tcpSocket: {{port: 8080}}
            periodSeconds: 1
          lifecycle:
            preStop: {{sleep: {{seconds: 4}}}}
          volumeMounts:
            - {{name: server, mountPath: /etc/server}}{mount}
      volumes:
        - name: server
          configMap: {{name: server}}{tls}
"""


def routes(name: str, http: str, *, gateway: str = f"{EDGE.name}/edge") -> str:
    """A VirtualService for `NAME.e2e.example.com`; `http` is YAML of its rules."""
    return f"""
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: {name}}}
spec:
  hosts: [{host_of(name)}]
  gateways: [{gateway}]
  http:
{indent(http.strip(), "    ")}
"""


def to(service_name: str, subset: str = "", weight: int = 0) -> str:
    """A destination in a rule's `route`."""
    chosen = f", subset: {subset}" if subset else ""
    share = f", weight: {weight}" if weight else ""
    return f"{{destination: {{host: {service_name}{chosen}}}{share}}}"


def rule(name: str, host: str, policy: str = "", *, subsets: tuple[str, ...] = ()) -> str:
    """A DestinationRule; `policy` is YAML of its traffic policy, `subsets` are values of the label `version`."""
    chosen = ", ".join(f"{{name: {each}, labels: {{version: {each}}}}}" for each in subsets)
    return f"""
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: {name}}}
spec:
  host: {host}
  {f"trafficPolicy: {{{policy}}}" if policy else ""}
  {f"subsets: [{chosen}]" if subsets else ""}
"""


def host_of(name: str) -> str:
    """The name that requests ask for."""
    return f"{name}.{DOMAIN}"
