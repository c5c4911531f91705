"""Checks of single values."""

from collections.abc import Iterable

import pytest

from lateen.model.objects import Problem, Severity
from lateen.validation.syntax import (
    check_dns_label,
    check_duration,
    check_export_to,
    check_fqdn,
    check_fractional_percent,
    check_header_name,
    check_ip_address,
    check_ip_subnet,
    check_labels,
    check_percent,
    check_port,
    check_regex,
    check_selector,
    check_wildcard_domain,
    problem,
    under,
    warning,
)


def paths(problems: Iterable[Problem]) -> list[tuple[str | int, ...]]:
    return [each.path for each in problems]


def test_problems_are_put_where_the_value_stands() -> None:
    assert paths(under(problem("wrong", "number"), "spec", "ports", 3)) == [("spec", "ports", 3, "number")]
    assert warning("odd", "name")[0].severity is Severity.WARNING


@pytest.mark.parametrize("text", ["a", "A-b", "0", "x" * 63])
def test_a_dns_label_has_letters_digits_and_inner_hyphens(text: str) -> None:
    assert not check_dns_label(text)


@pytest.mark.parametrize("text", ["", "-a", "a-", "a.b", "a_b", "x" * 64, "a\n", "ä"])
def test_anything_else_is_no_dns_label(text: str) -> None:
    assert check_dns_label(text)


@pytest.mark.parametrize("name", ["a.com", "a", "a.com.", "1.a", "A.com", ".".join(["x" * 63] * 3)])
def test_a_domain_name_is_a_list_of_labels(name: str) -> None:
    assert not check_fqdn(name)


@pytest.mark.parametrize("name", ["", ".", "a..com", "*.a.com", "a.123", "10.0.0.1", "a.com..", "-.com", "a." * 128])
def test_no_domain_name_has_a_number_last_an_empty_label_or_a_wildcard(name: str) -> None:
    assert check_fqdn(name)


@pytest.mark.parametrize("name", ["*", "*.a.com", "*a.com", "*-a.com", "a.com", "123", "*.com.", "a.", "*."])
def test_the_first_label_may_be_a_wildcard(name: str) -> None:
    assert not check_wildcard_domain(name)


@pytest.mark.parametrize("name", ["", "**", "a*.com", "a.*.com", "*..com", "*-.com", "*.1", "*." + "x" * 300])
def test_a_wildcard_stands_nowhere_else(name: str) -> None:
    assert check_wildcard_domain(name)


@pytest.mark.parametrize("text", ["10.0.0.0/8", "10.1.2.3/8", "::/0", "2001:db8::/32", "10.0.0.1", "::1"])
def test_a_subnet_is_an_address_with_or_without_length(text: str) -> None:
    assert not check_ip_subnet(text)


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0/8", "a/8", "10.0.0.0/255.0.0.0", "10.0.0.0/", "/8", "", "1/2/3"]
)
def test_anything_else_is_no_subnet(text: str) -> None:
    assert check_ip_subnet(text)


def test_an_address_has_no_length() -> None:
    assert not check_ip_address("10.0.0.1")
    assert check_ip_address("10.0.0.1/32")


def test_ports_go_from_1_to_65535() -> None:
    assert [bool(check_port(number)) for number in (0, 1, 65535, 65536, -1)] == [True, False, False, True, True]


@pytest.mark.parametrize("seconds", [0.001, 1.0, 0.1, 5400.0, 1.234, 9e9])
def test_durations_are_whole_milliseconds(seconds: float) -> None:
    assert not check_duration(seconds)


@pytest.mark.parametrize("seconds", [0.0, 0.0005, 0.0015, 1.0000001, -1.0])
def test_durations_below_or_between_milliseconds_are_refused(seconds: float) -> None:
    assert check_duration(seconds)


def test_percentages_have_their_limits() -> None:
    assert [bool(check_percent(value)) for value in (-1, 0, 100, 101)] == [True, False, False, True]
    fractions = (0, 0.0001, 100.0, 0.00009, 100.1, -0.5)
    assert [bool(check_fractional_percent(value)) for value in fractions] == [False, False, False, True, True, True]


def test_expressions_are_re2_of_at_most_1024_bytes() -> None:
    assert not check_regex("a.*(b|c)")
    assert not check_regex("x" * 1024)
    for wrong in ("", "*", "(", "x" * 1025, "ä" * 513, r"(?=a)", r"\1"):
        assert check_regex(wrong)


def test_expressions_are_read_byte_by_byte_as_the_proxy_reads_them() -> None:
    assert not check_regex("ä+|日本")
    for wrong in (r"[^\x{0}-\x{10FFFF}]", "(?P<ä>a)"):
        assert "is not an RE2 expression" in check_regex(wrong)[0].message


def test_a_wrong_expression_is_explained_without_writing_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    (found,) = check_regex("a(")
    assert "missing )" in found.message
    assert capfd.readouterr().err == ""


def test_header_names_are_tokens() -> None:
    assert not check_header_name("X-User_id.1")
    for wrong in ("", "a b", "a:", ":path", "ä"):
        assert check_header_name(wrong)


def test_labels_are_those_of_kubernetes() -> None:
    good = {"app": "a", "example.com/App_1.x": "", "a": "V_1.2-3"}
    assert not check_labels(good)
    assert paths(check_labels({"": "a", "/x": "a", "x/": "a", "ok": "-", "a b": "c"})) == [
        ("",),
        ("/x",),
        ("x/",),
        ("ok",),
        ("a b",),
    ]
    assert check_labels({"a": "x" * 64})
    assert check_labels({"x" * 64: "a"})
    assert check_labels({"a." * 127 + "/x": "a"})


def test_selectors_have_no_wildcards_and_should_have_labels() -> None:
    assert not check_selector({"app": "a"})
    assert [each.severity for each in check_selector({})] == [Severity.WARNING]
    wrong = {"a*": "b", "c": "*", "": "x", "d": "x" * 64}
    assert [each.severity for each in check_selector(wrong)] == [Severity.ERROR] * 4


@pytest.mark.parametrize("export_to", [[], ["*"], ["."], ["a", "b"], [".", "a"], ["shop"]])
def test_an_object_is_visible_to_all_or_to_a_list_of_namespaces(export_to: list[str]) -> None:
    assert not check_export_to(export_to, "shop")


@pytest.mark.parametrize("export_to", [["*", "a"], [".", "shop"], ["a", "a"], ["a.b"], ["~"], ["*", "."], [""]])
def test_contradictory_visibility_is_refused(export_to: list[str]) -> None:
    assert check_export_to(export_to, "shop")


def test_only_what_may_hide_hides_and_then_from_everybody() -> None:
    assert not check_export_to(["~"], "shop", may_hide=True)
    assert check_export_to(["~", "a"], "shop", may_hide=True)
    assert check_export_to(["~", "*"], "shop", may_hide=True)
