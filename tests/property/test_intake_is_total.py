"""Whatever a document contains, the door answers; it accepts an object exactly if it found no error."""

from copy import deepcopy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from lateen.model.keys import Key, Kind
from lateen.model.objects import Problem, Severity
from lateen.validation.intake import Intake

NAMES = st.sampled_from(
    [
        *("servers", "port", "number", "name", "protocol", "hosts", "tls", "mode", "https_redirect", "selector"),
        *("http", "route", "destination", "host", "match", "uri", "exact", "headers", "timeout", "trafficPolicy"),
        *("ports", "endpoints", "address", "labels", "resolution", "workloadSelector", "exportTo", "conditions"),
        *("data", "stringData", "status", "podIPs", "metadata", "spec", "annotations", "unknownField"),
    ],
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["*", "*.a.com", "a.com", "80", "HTTP", "DNS", "5s", "unix:///a", "10.0.0.0/8", "~/a.com", "../x"]),
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(NAMES, inner, max_size=5),
        st.dictionaries(st.one_of(st.text(max_size=3), st.integers()), inner, max_size=2),
    ),
    max_leaves=20,
)
LENIENT = Intake()
STRICT = Intake(unknown_fields=Severity.ERROR)
OBJECTS = st.dictionaries(st.one_of(NAMES, st.sampled_from(["apiVersion", "kind", "metadata", "spec"])), VALUES)


@given(kind=st.sampled_from(Kind), raw=OBJECTS, spec=st.one_of(st.none(), st.dictionaries(NAMES, VALUES, max_size=6)))
@settings(max_examples=150, deadline=None)
def test_every_document_is_admitted_or_refused_with_an_error(kind: Kind, raw: Any, spec: Any) -> None:
    document = raw if spec is None else {**raw, "spec": spec}
    admission = LENIENT.admit(Key(kind, "shop", "one"), document)
    refused = any(problem.severity is Severity.ERROR for problem in admission.problems)
    assert (admission.object is None) == refused


VALID: dict[Kind, Any] = {
    Kind.GATEWAY: {
        "selector": {"app": "edge"},
        "servers": [
            {
                "hosts": ["shop/*.example.com", "a.example.org"],
                "port": {"number": 443, "name": "https", "protocol": "HTTPS"},
                "tls": {"mode": "SIMPLE", "credentialName": "a", "cipherSuites": ["ALL"], "minProtocolVersion": 1},
            },
            {"hosts": ["*"], "port": {"number": 80, "name": "http", "protocol": "HTTP"}, "bind": "10.0.0.1"},
        ],
    },
    Kind.SERVICE_ENTRY: {
        "hosts": ["api.example.com", "*.example.org"],
        "addresses": ["10.0.0.0/8"],
        "ports": [{"number": 443, "name": "https", "protocol": "HTTPS", "targetPort": 8443}],
        "resolution": "STATIC",
        "location": "MESH_INTERNAL",
        "endpoints": [{"address": "10.0.0.1", "ports": {"https": 8443}, "labels": {"version": "v1"}, "weight": 3}],
        "exportTo": [".", "other"],
    },
    Kind.WORKLOAD_ENTRY: {"address": "10.0.0.1", "ports": {"http": 80}, "labels": {"app": "a"}, "locality": "r/z"},
    Kind.VIRTUAL_SERVICE: {
        "hosts": ["cart.example.com"],
        "gateways": ["edge/main"],
        "exportTo": ["*"],
        "http": [
            {
                "match": [{"uri": {"prefix": "/"}, "headers": {"x": {"regex": "a.*"}}, "port": 80}],
                "route": [{"destination": {"host": "cart", "port": {"number": 80}}, "weight": 100}],
                "timeout": "5s",
                "retries": {"attempts": 2, "perTryTimeout": "1s", "retryOn": "5xx,503"},
                "fault": {"abort": {"httpStatus": 503, "percentage": {"value": 1}}},
                "corsPolicy": {"allowOrigins": [{"exact": "a"}], "maxAge": "24h"},
                "headers": {"request": {"set": {"a": "%HOSTNAME%"}}},
                "mirror": {"host": "b"},
            },
        ],
        "tcp": [{"match": [{"destinationSubnets": ["10.0.0.0/8"]}], "route": [{"destination": {"host": "a"}}]}],
    },
    Kind.DESTINATION_RULE: {
        "host": "cart",
        "trafficPolicy": {
            "loadBalancer": {"consistentHash": {"httpCookie": {"name": "a", "ttl": "0s"}, "maglev": {"tableSize": 7}}},
            "connectionPool": {"http": {"http2MaxRequests": 5}, "tcp": {"connectTimeout": "1s"}},
            "outlierDetection": {"consecutive5xxErrors": 3, "interval": "10s"},
            "tls": {"mode": "MUTUAL", "credentialName": "a"},
            "portLevelSettings": [{"port": {"number": 80}, "tls": {"mode": "DISABLE"}}],
        },
        "subsets": [{"name": "v1", "labels": {"version": "v1"}}],
    },
}


@given(st.data())
@settings(max_examples=250, deadline=None)
def test_one_wrong_value_in_a_valid_object_is_survived(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(VALID)))
    spec = deepcopy(VALID[kind])
    place = spec
    while True:
        step = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[step], dict | list) or not place[step] or data.draw(st.booleans()):
            break
        place = place[step]
    place[step] = data.draw(VALUES)
    admission = LENIENT.admit(Key(kind, "shop", "one"), {"spec": spec})
    refused = any(problem.severity is Severity.ERROR for problem in admission.problems)
    assert (admission.object is None) == refused


def test_the_objects_that_are_spoilt_above_are_valid() -> None:
    for kind, spec in VALID.items():
        assert LENIENT.admit(Key(kind, "shop", "one"), {"spec": spec}).object is not None


@given(raw=st.one_of(VALUES, OBJECTS))
@settings(max_examples=100, deadline=None)
def test_every_document_gets_a_name_or_a_reason(raw: Any) -> None:
    assert isinstance(LENIENT.identify(raw), Key | Problem)


@given(kind=st.sampled_from(Kind), spec=st.dictionaries(NAMES, VALUES, max_size=6))
@settings(max_examples=100, deadline=None)
def test_strictness_never_accepts_more(kind: Kind, spec: Any) -> None:
    key, document = Key(kind, "shop", "one"), {"spec": spec}
    if LENIENT.admit(key, document).object is None:
        assert STRICT.admit(key, document).object is None
