"""What one object says wrongly by itself is refused by the API server, in words, and by Lateen's own door as well."""

from typing import Any, Final

import pytest
import yaml
from tests.apiserver.client import ApiClient, RefusedError

from lateen.crds.resources import GROUP
from lateen.model.keys import Key
from lateen.model.objects import Severity
from lateen.validation.intake import Intake

pytestmark = pytest.mark.timeout(240)

GATEWAY: Final = [
    ("selector: {a: b}", "spec.servers: Required value"),
    ("servers: []", "should have at least 1 items"),
    ("servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: []}]", "should have at least 1 items"),
    ("servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: [shop]}]", "hosts[0]"),
    ("servers: [{port: {number: 80, protocol: HTTP}, hosts: ['*']}]", "port.name: Required value"),
    ("servers: [{port: {number: 80, name: a, protocol: SMTP}, hosts: ['*']}]", "port.protocol"),
    ("servers: [{port: {number: 0, name: a, protocol: HTTP}, hosts: ['*']}]", "between 1 and 65535"),
    ("servers: [{port: {number: 70000, name: a, protocol: HTTP}, hosts: ['*']}]", "less than or equal to 65535"),
    ("servers: [{port: {number: 80, name: a, protocol: HTTP}, bind: 'unix:///s', hosts: ['*']}]", "unix socket is 0"),
    (
        "servers: [{port: {number: 80, name: a, protocol: HTTP, targetPort: 8080}, hosts: ['*']}]",
        "targetPort has no effect on Gateways",
    ),
    ("servers: [{port: {number: 443, name: a, protocol: https}, hosts: ['*']}]", "HTTPS and TLS need tls"),
    ("servers: [{port: {number: 70, name: a, protocol: TCP}, hosts: ['*'], tls: {}}]", "no use for tls"),
    (
        "servers: [{port: {number: 80, name: a, protocol: HTTP}, hosts: ['*'], tls: {mode: SIMPLE}}]",
        "only httpsRedirect is possible",
    ),
]
TLS: Final = [
    ("{mode: SIMPLE}", "needs serverCertificate and privateKey"),
    ("{mode: MUTUAL, serverCertificate: a, privateKey: b}", "caCertificates or a credential is needed"),
    ("{mode: SIMPLE, credentialName: a, credentialNames: [b]}", "certificates come from one place"),
    ("{mode: SIMPLE, credentialNames: [a, b, c]}", "must have at most 2 items"),
    ("{mode: SIMPLE, tlsCertificates: [{serverCertificate: a}]}", "has a serverCertificate and a privateKey"),
    ("{mode: ISTIO_MUTUAL, credentialName: a}", "ISTIO_MUTUAL uses the certificates of the mesh"),
    ("{mode: SIMPLE, serverCertificate: a, privateKey: b, caCrl: c}", "SIMPLE asks for no client certificates"),
    ("{mode: SOMETIMES}", "Unsupported value"),
]
VIRTUAL_SERVICE: Final = [
    ("hosts: [a]", "http, tls or tcp is needed"),
    ("gateways: [g]\nhttp: [{route: [{destination: {host: a}}]}]", "without hosts it is for others to delegate to"),
    ("http: [{delegate: {name: other}}]", "cannot delegate further"),
    ("hosts: ['*']\nhttp: [{route: [{destination: {host: a}}]}]", "possible only at gateways"),
    ("hosts: [a]\nexportTo: ['*', b]\nhttp: [{route: [{destination: {host: a}}]}]", "'*' stands alone"),
    ("hosts: [a]\ntls: [{route: [{destination: {host: a}}]}]", "match: Required value"),
    ("hosts: [a]\ntcp: [{match: [{port: 80}]}]", "route: Required value"),
]
HTTP_RULE: Final = [
    ("{match: [{uri: {prefix: /}}]}", "needs route, redirect, directResponse or delegate"),
    ("{redirect: {uri: /a}, route: [{destination: {host: a}}]}", "redirect excludes route"),
    ("{redirect: {uri: /a}, directResponse: {status: 200}}", "only one of redirect and directResponse"),
    ("{directResponse: {status: 200}, rewrite: {uri: /}}", "directResponse excludes route, fault and rewrite"),
    ("{directResponse: {status: 100}}", "greater than or equal to 200"),
    ("{delegate: {name: b}, route: [{destination: {host: a}}]}", "neither route nor redirect"),
    ("{route: [{destination: {}}]}", "destination.host: Required value"),
    ("{route: [{destination: {host: '*'}}]}", "destination.host"),
    ("{route: [{destination: {host: a, port: {number: 0}}}]}", "greater than or equal to 1"),
    ("{route: [{destination: {host: a}, weight: -1}]}", "greater than or equal to 0"),
    ("{route: [{destination: {host: a}}], match: [{uri: {exact: /a, prefix: /b}}]}", "at most 1"),
    ("{route: [{destination: {host: a}}], match: [{headers: {x: {regex: ''}}}]}", "at least 1 chars"),
    ("{route: [{destination: {host: a}}], match: [{method: {prefix: ''}}]}", "at least 1 chars"),
    ("{route: [{destination: {host: a}}], timeout: 0s}", "at least 1ms"),
    ("{route: [{destination: {host: a}}], timeout: soon}", "at least 1ms"),
    ("{route: [{destination: {host: a}}], retries: {retryOn: 5xx}}", "0 switches retries off"),
    (
        "{route: [{destination: {host: a}}], mirror: {host: b}, mirrors: [{destination: {host: c}}]}",
        "mirror and mirrors",
    ),
    ("{route: [{destination: {host: a}}], mirror: {host: b}, mirrorPercent: 101}", "less than or equal to 100"),
    ("{route: [{destination: {host: a}}], mirror: {host: b}, mirror_percent: 101}", "less than or equal to 100"),
    ("{route: [{destination: {host: a}}], fault: {}}", "needs delay or abort"),
    ("{route: [{destination: {host: a}}], fault: {abort: {grpcStatus: FINE}}}", "Unsupported value"),
    ("{route: [{destination: {host: a}}], fault: {abort: {http2Error: A}}}", "http2Error is not supported"),
    ("{route: [{destination: {host: a}}], fault: {delay: {exponentialDelay: 1s}}}", "use fixedDelay"),
    ("{route: [{destination: {host: a}}], rewrite: {}}", "needs uri, uriRegexRewrite or authority"),
    (
        "{route: [{destination: {host: a}}], rewrite: {uri: /, uriRegexRewrite: {match: a, rewrite: b}}}",
        "only one of uri and uriRegexRewrite",
    ),
    ("{route: [{destination: {host: a}}], corsPolicy: {maxAge: 1500ms}}", "whole seconds"),
    ("{route: [{destination: {host: a}}], corsPolicy: {allowMethods: [FETCH]}}", "Unsupported value"),
    ("{route: [{destination: {host: a}}], corsPolicy: {allowOrigins: [{}]}}", "at least 1 properties"),
    ("{route: [{destination: {host: a}}], headers: {request: {set: {'': a}}}}", "a header name is expected"),
    ("{route: [{destination: {host: a}, headers: {response: {remove: ['']}}}]}", "at least 1 chars"),
    ("{redirect: {}}", "a redirect needs"),
    ("{redirect: {port: 80, derivePort: FROM_REQUEST_PORT}}", "only one of port and derivePort"),
    ("{redirect: {uri: /a, redirectCode: 200}}", "status is 3xx"),
    ("{directResponse: {status: 200, body: {string: a, bytes: YQ==}}}", "only one of string and bytes"),
]
TRAFFIC_POLICY: Final = [
    ("{}", "at least 1 properties"),
    ("{connectionPool: {}}", "at least 1 properties"),
    ("{connectionPool: {tcp: {maxConnections: -1}}}", "greater than or equal to 0"),
    ("{connectionPool: {tcp: {connectTimeout: 100us}}}", "at least 1ms"),
    ("{connectionPool: {tcp: {idleTimeout: -1s}}}", "a duration is expected"),
    ("{connectionPool: {http: {useClientProtocol: true, h2UpgradePolicy: UPGRADE}}}", "exclude each other"),
    ("{connectionPool: {http: {http2KeepAlive: {interval: 1s}}}}", "timeout: Required value"),
    ("{outlierDetection: {maxEjectionPercent: 101}}", "less than or equal to 100"),
    ("{outlierDetection: {consecutiveLocalOriginFailures: 1}}", "needs splitExternalLocalOriginErrors"),
    ("{outlierDetection: {outlierDetectionHttpErrorCodes: [600]}}", "less than or equal to 599"),
    ("{outlierDetection: {interval: 1s}, circuitBreaker: {interval: 1s}}", "older spelling of outlierDetection"),
    ("{circuitBreaker: {baseEjectionTime: 0s}}", "at least 1ms"),
    ("{loadBalancer: {simple: RANDOM, consistentHash: {useSourceIp: true}}}", "only one of simple"),
    ("{loadBalancer: {consistentHash: {useSourceIp: true, httpHeaderName: a}}}", "only one of httpHeaderName"),
    ("{loadBalancer: {consistentHash: {httpCookie: {ttl: 0s}}}}", "name: Required value"),
    (
        "{loadBalancer: {consistentHash: {useSourceIp: true, ringHash: {}, maglev: {tableSize: 7}}}}",
        "only one of ringHash",
    ),
    ("{loadBalancer: {warmup: {minimumPercent: 10}}}", "duration: Required value"),
    ("{loadBalancer: {warmup: {duration: 1s, aggression: 0}}}", "greater than 0"),
    ("{loadBalancer: {localityLbSetting: {}, zoneAwareLbSetting: {}}}", "only one of localityLbSetting"),
    ("{loadBalancer: {zoneAwareLbSetting: {minClusterSize: 0}}}", "greater than or equal to 1"),
    ("{loadBalancer: {localityLbSetting: {failover: [{from: eu/west, to: us}]}}}", "failover[0].from"),
    ("{loadBalancer: {localityLbSetting: {distribute: [{from: eu, to: {eu: 101}}]}}}", "less than or equal to 100"),
    ("{tls: {mode: MUTUAL}}", "MUTUAL needs clientCertificate and privateKey"),
    ("{tls: {mode: SIMPLE, credentialName: a, caCertificates: b}}", "credentialName excludes"),
    ("{tls: {mode: SIMPLE, insecureSkipVerify: true, subjectAltNames: [a]}}", "insecureSkipVerify excludes"),
    (
        "{tunnel: {targetHost: a.b, targetPort: 80}, proxyProtocol: {version: V1}}",
        "only one of tunnel and proxyProtocol",
    ),
    ("{tunnel: {targetHost: a.b, targetPort: 80, protocol: GET}}", "Unsupported value"),
    ("{retryBudget: {percent: 101}}", "less than or equal to 100"),
    ("{portLevelSettings: [{port: {number: 80}}]}", "at least 2 properties"),
    ("{portLevelSettings: [{tls: {mode: SIMPLE}}]}", "port: Required value"),
    ("{portLevelSettings: [{port: {number: 80}, outlierDetection: {interval: 0s}}]}", "at least 1ms"),
]
DESTINATION_RULE: Final = [
    ("trafficPolicy: {tls: {mode: SIMPLE}}", "host: Required value"),
    ("host: a\nsubsets: [{labels: {a: b}}]", "name: Required value"),
    ("host: a\nsubsets: [{name: v_1}]", "subsets[0].name"),
    ("host: a\nsubsets: [{name: v1, trafficPolicy: {outlierDetection: {interval: 0s}}}]", "at least 1ms"),
    ("host: a\nworkloadSelector: {matchLabels: {a: 'b*'}}", "no wildcards"),
]
SERVICE_ENTRY: Final = [
    ("resolution: DNS", "hosts: Required value"),
    ("hosts: ['*']", "'*' alone is no host"),
    ("hosts: [a.b]\nports: [{number: 0, name: a}]", "greater than or equal to 1"),
    ("hosts: [a.b]\nports: [{number: 80, name: a}, {number: 80, name: b}]", "a port number is used twice"),
    ("hosts: [a.b]\nports: [{number: 80, name: a}, {number: 81, name: a}]", "Duplicate value"),
    ("hosts: [a.b]\naddresses: [10.0.0.0/8]\nresolution: DNS", "NONE and STATIC only"),
    ("hosts: [a.b]\nendpoints: [{address: 1.1.1.1}]", "NONE uses no endpoints"),
    (
        "hosts: [a.b]\nresolution: STATIC\nworkloadSelector: {labels: {a: b}}\nendpoints: [{address: 1.1.1.1}]",
        "only one of workloadSelector and endpoints",
    ),
    (
        "hosts: [a.b]\nresolution: DNS_ROUND_ROBIN\nendpoints: [{address: a.b}, {address: b.c}]",
        "at most one endpoint",
    ),
    ("hosts: [a.b]\nresolution: DYNAMIC_DNS", "for wildcard hosts"),
    ("hosts: ['*.b']\nresolution: DYNAMIC_DNS\nports: [{number: 1, name: a, protocol: TCP}]", "host in each request"),
    (
        "hosts: [a.b, c.d]\nresolution: DNS\nports: [{number: 1, name: a, protocol: TCP}]",
        "protocols that name the host",
    ),
    ("hosts: [a.b]\nresolution: DNS\nendpoints: [{address: 'unix:///a'}]", "needs the resolution STATIC"),
    ("hosts: [a.b]\nexportTo: ['~', a]", "stand alone"),
]
WORKLOAD_ENTRY: Final = [
    ("labels: {a: b}", "an address is required"),
    ("address: 'unix://a/b'", "absolute path"),
    ("address: 'unix:///a'\nports: {http: 80}", "has no ports"),
    ("address: 1.1.1.1\nports: {http: 99999}", "less than or equal to 65535"),
]
SIDECAR: Final = [
    ("workloadSelector: {labels: {a: b}}", "is needed"),
    ("egress: [{port: {number: 80}}]", "hosts: Required value"),
    ("egress: [{hosts: [a]}]", "egress[0].hosts[0]"),
    ("egress: [{hosts: ['*/*']}, {hosts: ['./*']}]", "only the last listener"),
    ("egress: [{hosts: ['*/*'], port: {protocol: HTTP}}]", "binds to a unix socket"),
    ("ingress: [{port: {protocol: HTTP}}]", "number: Required value"),
    ("ingress: [{port: {number: 80, protocol: HTTP}, tls: {}}]", "for the protocols HTTPS and TLS"),
    (
        "ingress: [{port: {number: 80, protocol: TLS}, tls: {mode: SIMPLE, credentialName: a}}]",
        "neither credentials",
    ),
    ("outboundTrafficPolicy: {egressProxy: {host: a.b, port: {number: 80}}}", "needs the mode ALLOW_ANY"),
]

REFUSED: Final = [
    *(("Gateway", spec, message) for spec, message in GATEWAY),
    *(
        (
            "Gateway",
            f"servers: [{{port: {{number: 443, name: a, protocol: HTTPS}}, hosts: ['*'], tls: {tls}}}]",
            message,
        )
        for tls, message in TLS
    ),
    *(("VirtualService", spec, message) for spec, message in VIRTUAL_SERVICE),
    *(("VirtualService", f"hosts: [a]\nhttp: [{rule}]", message) for rule, message in HTTP_RULE),
    *(("DestinationRule", spec, message) for spec, message in DESTINATION_RULE),
    *(("DestinationRule", f"host: a\ntrafficPolicy: {policy}", message) for policy, message in TRAFFIC_POLICY),
    *(("ServiceEntry", spec, message) for spec, message in SERVICE_ENTRY),
    *(("WorkloadEntry", spec, message) for spec, message in WORKLOAD_ENTRY),
    *(("Sidecar", spec, message) for spec, message in SIDECAR),
]


def manifest(kind: str, spec: str) -> dict[str, Any]:
    name = {"name": "refused"}
    return {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": name, "spec": yaml.safe_load(spec)}


@pytest.mark.apiserver
@pytest.mark.parametrize(("kind", "spec", "message"), REFUSED, ids=[f"{kind}: {spec}" for kind, spec, _ in REFUSED])
def test_it_is_refused_and_says_why(api: ApiClient, kind: str, spec: str, message: str) -> None:
    with pytest.raises(RefusedError) as refusal:
        api.create(manifest(kind, spec), dry_run=True)
    assert refusal.value.code == 422
    assert message in refusal.value.message


@pytest.mark.parametrize(
    ("kind", "spec"), [case[:2] for case in REFUSED], ids=[f"{case[0]}: {case[1]}" for case in REFUSED]
)
def test_lateen_refuses_it_as_well(kind: str, spec: str) -> None:
    """Otherwise an object could be good in a file and bad in a cluster."""
    intake = Intake()
    raw = manifest(kind, spec)
    key = intake.identify(raw)
    assert isinstance(key, Key)
    assert any(problem.severity is Severity.ERROR for problem in intake.admit(key, raw).problems)


@pytest.mark.apiserver
def test_a_missing_spec_is_refused(api: ApiClient) -> None:
    for kind in ("Gateway", "VirtualService", "DestinationRule", "ServiceEntry", "WorkloadEntry", "Sidecar"):
        bare = {"apiVersion": f"{GROUP}/v1", "kind": kind, "metadata": {"name": "bare"}}
        with pytest.raises(RefusedError, match="spec: Required value"):
            api.create(bare, dry_run=True)
