"""One line for each statement, the same everywhere."""

from lateen.ir.finding import Finding
from lateen.model.keys import Key, Kind
from lateen.model.objects import Origin, Severity
from lateen.runtime.notices import Notice, in_reading_order, notice_of_finding, notice_of_problem
from lateen.sources.base import FileProblem

KEY = Key(Kind.VIRTUAL_SERVICE, "shop", "cart")


def test_a_finding_stands_at_the_line_of_its_field() -> None:
    finding = Finding(KEY, "LAT0101", Severity.ERROR, "a duration is expected", ("spec", "http", 0, "timeout"))
    notice = notice_of_finding(finding, Origin("cart.yaml", 3, 0), lambda origin, path: origin.line + len(path))
    expected = "cart.yaml:7: error VirtualService shop/cart: spec.http[0].timeout: a duration is expected [LAT0101]"
    assert str(notice) == expected
    assert notice.fields() == {
        "file": "cart.yaml",
        "line": 7,
        "column": 0,
        "kind": "VirtualService",
        "namespace": "shop",
        "name": "cart",
        "path": "spec.http[0].timeout",
        "code": "LAT0101",
        "severity": "error",
        "message": "a duration is expected",
    }


def test_a_finding_about_something_that_no_file_holds_has_no_place() -> None:
    finding = Finding(KEY, "LAT0401", Severity.ERROR, "refused")
    assert str(notice_of_finding(finding, None, lambda *_: 1)) == "error VirtualService shop/cart: refused [LAT0401]"


def test_a_problem_of_a_file_has_its_column() -> None:
    notice = notice_of_problem(FileProblem("cart.yaml", 3, 9, "found a tab"))
    assert str(notice) == "cart.yaml:3:9: error: found a tab [LAT0100]"
    assert notice.fields()["kind"] == ""


def test_a_problem_of_a_document_names_the_field() -> None:
    problem = FileProblem("cart.yaml", 3, 0, "Pod is not read by Lateen", Severity.INFO, ("kind",))
    assert str(notice_of_problem(problem)) == "cart.yaml:3: info: kind: Pod is not read by Lateen [LAT0103]"


def test_notices_are_read_from_top_to_bottom_the_worst_first() -> None:
    def at(file: str, line: int, severity: Severity = Severity.ERROR) -> Notice:
        return Notice(severity, "LAT0101", "", file=file, line=line)

    order = [at("a.yaml", 2), at("a.yaml", 10), at("a.yaml", 10, Severity.INFO), at("b.yaml", 1)]
    assert in_reading_order(reversed(order)) == order
