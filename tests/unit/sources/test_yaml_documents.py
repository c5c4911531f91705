"""Files become documents with their places, as `kubectl` would read them."""

import pytest

from lateen.model.objects import FieldPath
from lateen.sources.base import FileProblem
from lateen.sources.yaml_documents import MAX_PROBLEMS, Reading, decode_text, locate, read_documents
from lateen.sources.yaml_values import MAX_ALIASED, MAX_DEPTH


def read(text: str, file: str = "a.yaml") -> Reading:
    return read_documents(text, file)


def values(text: str, file: str = "a.yaml") -> list[object]:
    reading = read(text, file)
    assert reading.problems == ()
    return [document.raw for document in reading.documents]


def only_problem(text: str, file: str = "a.yaml") -> FileProblem:
    reading = read(text, file)
    assert reading.broken
    (problem,) = reading.problems
    return problem


def test_a_file_with_several_documents_gives_each_with_its_line() -> None:
    reading = read("# comment\nkind: A\n---\n\nkind: B\n--- # third\nkind: C\n")
    assert [(d.index, d.line, d.raw) for d in reading.documents] == [
        (0, 2, {"kind": "A"}),
        (1, 5, {"kind": "B"}),
        (2, 7, {"kind": "C"}),
    ]


def test_empty_documents_and_comments_are_skipped() -> None:
    assert values("---\n---\n# nothing\n---\nkind: A\n---\nnull\n---\n") == [{"kind": "A"}]
    assert values("") == []
    assert values("# only a comment\n") == []


def test_windows_line_ends_and_a_byte_order_mark_are_understood() -> None:
    text = decode_text(b"\xef\xbb\xbfkind: A\r\nname: b\r\n---\r\nkind: B\r\n", "a.yaml")
    assert isinstance(text, str)
    reading = read(text)
    assert [(d.line, d.raw) for d in reading.documents] == [(1, {"kind": "A", "name": "b"}), (4, {"kind": "B"})]


def test_bytes_that_are_not_utf8_are_a_problem_with_its_place() -> None:
    problem = decode_text("kind: A\nname: Zürich\n".encode("latin-1"), "a.yaml")
    assert problem == FileProblem("a.yaml", 2, 8, "not UTF-8 text (byte 0xfc)")


def test_a_marker_inside_a_block_of_text_does_not_cut_it() -> None:
    assert values("text: |\n  --- not a marker\n  ---\nkind: A\n") == [{"text": "--- not a marker\n---\n", "kind": "A"}]


def test_a_file_with_directives_is_read_whole() -> None:
    assert values("%YAML 1.1\n---\nkind: A\n---\nkind: B\n") == [{"kind": "A"}, {"kind": "B"}]


def test_a_list_is_read_as_its_items() -> None:
    text = "kind: List\nitems:\n- kind: A\n- kind: ServiceList\n  items:\n  - kind: B\n---\nkind: C\n"
    reading = read(text)
    assert [(d.index, d.line, d.raw["kind"]) for d in reading.documents] == [(0, 3, "A"), (1, 6, "B"), (2, 8, "C")]


def test_a_list_without_items_is_empty_and_one_with_other_items_a_problem() -> None:
    assert values("kind: List\nitems:\n") == []
    assert only_problem("kind: List\nitems: {a: 1}\n").message == "the items of a List are a list"
    assert "mapping with apiVersion and kind" in only_problem("kind: List\nitems: [5]\n").message


def test_json_is_read_also_several_objects_and_with_tabs() -> None:
    text = '{\n\t"kind": "A",\n\t"text": "\\ud83d\\ude00"\n}\n{"kind": "B"}'
    reading = read(text, "a.json")
    assert reading.problems == ()
    assert [(d.line, d.raw) for d in reading.documents] == [(1, {"kind": "A", "text": "😀"}), (5, {"kind": "B"})]
    assert values(text, "a.yaml") == values(text, "a.json")


def test_flow_style_yaml_is_not_mistaken_for_json() -> None:
    assert values("{kind: A, port: 0x50}\n") == [{"kind": "A", "port": 80}]


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("{\n  kind: A}", 2, 3, "not JSON: "),
        ('{"a": NaN}', 1, 1, "NaN is not JSON"),
        ('\n{"a": 1, "a": 2}', 2, 1, "the key 'a' is written twice in one object"),
        ('{"a": "\\ud800"}', 1, 1, "half of a surrogate pair"),
        ('{"a": ' + "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1) + "}", 1, 1, "nested deeper"),
        ('{"a": ' + "[" * 100_000 + "]" * 100_000 + "}", 1, 1, "nested deeper"),
        ("[1]", 1, 1, "an object is a mapping with apiVersion and kind, not a list"),
    ],
)
def test_json_that_cannot_be_used_is_a_problem_with_its_place(text: str, line: int, column: int, message: str) -> None:
    problem = only_problem(text, "a.json")
    assert (problem.line, problem.column) == (line, column)
    assert message in problem.message


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("kind: A\n---\nkind: [\n---\nkind: C\n", 4, 1, "while parsing a flow"),
        ("kind: A\n---\na: 1\nb:\n\tc: 2\n", 5, 1, "a tab cannot indent"),
        ("a: @x\n", 1, 4, "quote a value that starts with @"),
        ("a: 1\n b: 2\n", 2, 3, "mapping values are not allowed"),
        ("a: 1\nb: x\x01\n", 2, 5, "the character U+0001 is not allowed"),
        ("a: *nowhere\n", 1, 4, "the alias *nowhere has no finished anchor"),
        ("a: &self [*self]\n", 1, 11, "the alias *self has no finished anchor"),
        ("a: 1\nb: 2\na: 3\n", 3, 1, "the key 'a' is written twice; first on line 1"),
        ("a: !secret x\n", 1, 4, "the tag !secret is not supported"),
        ("a: !secret [x]\n", 1, 4, "the tag !secret is not supported"),
        ("a: !secret {x: y}\n", 1, 4, "the tag !secret is not supported"),
        ("a: .inf\n", 1, 4, ".inf is not a number"),
        ("? [a]\n: b\n", 1, 3, "a key must be a single value"),
        ("~: b\n", 1, 1, "null cannot be a key"),
        ("<<: 5\na: 1\n", 1, 5, "<< merges a mapping"),
        ("- a\n- b\n", 1, 1, "an object is a mapping with apiVersion and kind, not a list"),
        ("just text\n", 1, 1, "an object is a mapping with apiVersion and kind, not a single value"),
        ("[" * 100_000, 1, MAX_DEPTH + 1, "nested deeper than"),
    ],
)
def test_yaml_that_cannot_be_used_is_a_problem_with_its_place(text: str, line: int, column: int, message: str) -> None:
    problem = only_problem(text)
    assert message in problem.message
    assert (problem.line, problem.column) == (line, column)
    assert str(problem).startswith(f"a.yaml:{line}:{column}: ")


def test_documents_around_a_broken_one_are_still_read() -> None:
    reading = read("kind: A\n---\nkind: 'B\n---\nkind: C\n")
    assert [d.raw for d in reading.documents] == [{"kind": "A"}, {"kind": "C"}]
    assert reading.broken


def test_a_file_of_another_format_gives_a_bounded_number_of_problems() -> None:
    reading = read("---\n[\n" * 100)
    assert len(reading.problems) == MAX_PROBLEMS + 1
    assert reading.problems[-1].message == "80 more problems in this file"


def test_anchors_aliases_and_merges_are_resolved() -> None:
    text = "base: &base {a: 1, b: 2}\nother: &other {b: 3, c: 4}\nuse:\n  <<: [*base, *other]\n  a: 5\nlist: [*base]\n"
    (value,) = values(text)
    assert isinstance(value, dict)
    assert value["use"] == {"a": 5, "b": 2, "c": 4}
    assert value["list"] == [{"a": 1, "b": 2}]


def test_aliases_cannot_blow_a_small_file_up() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    assert f"aliases expand to more than {MAX_ALIASED} values" in only_problem("\n".join(lines)).message


def test_anchors_do_not_reach_into_the_next_document() -> None:
    assert "has no finished anchor" in only_problem("a: &a 1\n---\nb: *a\n").message


SHOP = """\
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: shop}
---
# the second one
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: cart
spec:
  http:
  - match:
    - uri: {prefix: /a}
  -
    route:
      - destination:
          host: cart
    perTryTimeout: 5s
"""


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ((), 6),
        (("kind",), 7),
        (("metadata", "name"), 9),
        (("spec", "http"), 11),
        (("spec", "http", 0), 12),
        (("spec", "http", 0, "match", 0, "uri", "prefix"), 13),
        (("spec", "http", 1, "route", 0, "destination", "host"), 17),
        (("spec", "http", 1, "per_try_timeout"), 18),
        (("spec", "http", 1, "route", 0, "weight"), 16),
        (("spec", "http", 7), 11),
        (("spec", "http", "name"), 11),
        (("spec", "tls", 0, "match"), 10),
        (("kind", "deeper"), 7),
    ],
)
def test_a_field_is_found_at_its_line_or_at_its_nearest_ancestor(path: FieldPath, line: int) -> None:
    assert locate(SHOP, 1, path) == line


def test_a_field_of_a_list_item_is_found() -> None:
    text = "kind: List\nitems:\n- kind: A\n- kind: B\n  spec:\n    a: 1\n---\nkind: C\n"
    assert locate(text, 1, ("spec", "a")) == 6
    assert locate(text, 2, ("kind",)) == 8


def test_a_field_of_a_json_object_is_found() -> None:
    text = '{\n\t"kind": "A",\n\t"spec": {\n\t\t"a": 1\n\t}\n}\n{\n"kind": "B"\n}'
    assert locate(text, 0, ("spec", "a")) == 4
    assert locate(text, 1, ("kind",)) == 8


def test_a_field_of_json_that_is_not_yaml_is_answered_with_the_object() -> None:
    assert locate('\n{\n"a": "\\ud83d\\ude00",\n"b": 1}', 0, ("b",)) == 2


def test_an_object_that_is_not_there_has_no_line() -> None:
    with pytest.raises(LookupError):
        locate(SHOP, 2, ())


def test_problems_print_their_place_as_far_as_it_is_known() -> None:
    assert str(FileProblem("a.yaml", 0, 0, "cannot be read")) == "a.yaml: cannot be read"
    assert str(FileProblem("a.yaml", 3, 0, "no name", path=("metadata", "name"))) == "a.yaml:3: metadata.name: no name"
