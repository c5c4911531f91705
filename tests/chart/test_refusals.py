"""Values that cannot work are refused before anything is installed, and the message names them."""

from collections.abc import Mapping
from typing import Any

import pytest
from tests.chart.helm import HelmError, needs_helm, render


@needs_helm
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"replica": 3}, "additional properties 'replica' not allowed"),
        ({"replicas": 0}, "at '/replicas': minimum: got 0, want 1"),
        ({"gateways": {"scope": "everywhere"}}, "at '/gateways/scope': value must be one of 'namespace', 'cluster'"),
        ({"crds": {"install": "yes"}}, "at '/crds/install': value must be one of true, false, 'auto'"),
        ({"image": {"tag": "1:2"}}, "at '/image/tag': '1:2' does not match pattern"),
        ({"image": {"tag": 1.0}}, "at '/image/tag': got number, want string"),
        ({"proxies": {"image": "lateen-proxy:1"}}, "at '/proxies/image': got string, want object"),
        ({"proxies": {"service": {"nodePorts": {"http": 30080}}}}, "additional properties 'http' not allowed"),
        ({"proxies": {"service": {"loadBalancerSourceRanges": ["10.0.0.1"]}}}, "does not match pattern"),
        ({"proxies": {"podDisruptionBudget": {"minAvailable": "half"}}}, "'half' does not match pattern"),
        ({"proxies": {"resources": {"limits": {"memory": "1Gb"}}}}, "'1Gb' does not match pattern"),
        ({"podLabels": {"level": 1}}, "at '/podLabels/level': got number, want string"),
        ({"status": {"writesPerSecond": 0}}, "at '/status/writesPerSecond': exclusiveMinimum: got 0, want 0"),
        ({"webhook": {"port": 443}}, "at '/webhook/port': minimum: got 443, want 1,024"),
        ({"log": {"level": "verbose"}}, "at '/log/level': value must be one of"),
        ({"metrics": {"discovery": "both"}}, "at '/metrics/discovery': value must be one of"),
        ({"trustDomain": ""}, "at '/trustDomain': minLength: got 0, want 1"),
    ],
    ids=str,
)
def test_a_value_that_cannot_work_is_refused_by_name(values: Mapping[str, Any], message: str) -> None:
    with pytest.raises(HelmError) as refused:
        render(values, "--show-only", "templates/config.yaml")
    assert message in str(refused.value)
