"""How limits are written down and laid over each other."""

from lateen.crds.constraints import RULES, between, each, exclusive, inside, letters, pattern, rule, together


def test_rules_of_several_fragments_hold_all() -> None:
    both = together(rule("a", "A"), rule("b", "B"))
    assert [found["rule"] for found in both[RULES]] == ["a", "b"]


def test_the_last_of_several_values_holds() -> None:
    assert together(between(0, 9), between(1, 5)) == {"minimum": 1, "maximum": 5}


def test_limits_of_inner_fields_are_merged() -> None:
    merged = together(each(inside(name=letters(least=1))), each(inside(name=letters(most=9))))
    assert merged == {"items": {"properties": {"name": {"minLength": 1, "maxLength": 9}}}}


def test_laying_over_leaves_the_fragments_as_they_were() -> None:
    first = rule("a", "A")
    together(first, rule("b", "B"))[RULES].append("c")
    assert len(first[RULES]) == 1


def test_an_expression_is_written_on_one_line() -> None:
    assert rule("a\n    || b", "A")[RULES][0]["rule"] == "a || b"


def test_of_two_fields_one_is_possible() -> None:
    found = exclusive("string", "bytes")[RULES][0]
    assert found == {
        "rule": "!(has(self.string) && has(self.bytes))",
        "message": "only one of string and bytes is possible",
    }


def test_of_three_fields_one_is_possible() -> None:
    found = exclusive("a", "b", "c")[RULES][0]
    assert found["rule"].endswith("+ (has(self.c) ? 1 : 0) <= 1")
    assert found["message"] == "only one of a, b and c is possible"


def test_a_pattern_is_for_the_whole_text() -> None:
    assert pattern("a|b") == {"pattern": "^(?:a|b)$"}
