"""Rates are counted honestly, and do not fall unnoticed."""

import json
from pathlib import Path

import pytest
from tests.parity.program import main
from tests.parity.report import Floor, apply_departures, below_floors, read_floors, table, tally, write_floors
from tests.parity.verdict import Judgement, Verdict


def judgements(passed: int = 0, failed: int = 0, unsupported: int = 0) -> list[Judgement]:
    counts = {Verdict.PASSED: passed, Verdict.FAILED: failed, Verdict.UNSUPPORTED: unsupported}
    return [
        Judgement("validation", "Gateway", f"{verdict}-{i}", verdict)
        for verdict, count in counts.items()
        for i in range(count)
    ]


def test_what_is_not_supported_is_no_part_of_the_rate_but_of_the_share() -> None:
    count = tally(judgements(passed=3, failed=1, unsupported=4))["validation", "Gateway"]
    assert (count.rate, count.share) == (75.0, 37.5)


def test_the_table_has_a_line_for_each_kind_and_one_for_the_group() -> None:
    lines = table(tally(judgements(passed=1, unsupported=1))).splitlines()
    assert [line.split()[:3] for line in lines[2:]] == [["validation", "Gateway", "1"], ["validation", "all", "1"]]


@pytest.mark.parametrize(
    ("passed", "failed", "fell"),
    [
        (8, 2, False),
        (7, 3, True),
        (9, 6, False),  # a larger collection: more pass
        (4, 1, False),  # a smaller one: the share is as before
    ],
)
def test_a_kind_falls_when_fewer_cases_and_a_smaller_share_pass(passed: int, failed: int, *, fell: bool) -> None:
    floors = {("validation", "Gateway"): Floor(8, 80.0), ("validation", "Sidecar"): Floor(5, 100.0)}
    assert bool(below_floors(tally(judgements(passed, failed)), floors)) is fell


def test_calling_failures_unsupported_does_not_keep_a_kind_above_its_floor() -> None:
    floors = {("validation", "Gateway"): Floor(8, 80.0)}
    assert below_floors(tally(judgements(passed=7, unsupported=3)), floors) != []


def test_floors_rise_and_never_fall(tmp_path: Path) -> None:
    path = tmp_path / "floors.toml"
    write_floors(path, tally(judgements(passed=9, failed=1)), {("validation", "Gateway"): Floor(5, 95.0)})
    assert read_floors(path)["validation", "Gateway"] == Floor(9, 95.0)


def test_only_a_failure_becomes_a_departure(tmp_path: Path) -> None:
    path = tmp_path / "departures.toml"
    path.write_text('[[departure]]\ngroup = "simulation"\ncase = "a"\nreason = "safer"\n')
    given = [
        Judgement("simulation", "no_route", "a#one", Verdict.FAILED),
        Judgement("simulation", "no_route", "a#two", Verdict.PASSED),
        Judgement("simulation", "no_route", "ab#one", Verdict.FAILED),
    ]
    verdicts = [judgement.verdict for judgement in apply_departures(given, path)]
    assert verdicts == [Verdict.DEPARTED, Verdict.PASSED, Verdict.FAILED]


def write_suite(folder: Path, *, expect: str) -> None:
    (folder / "validation").mkdir(parents=True)
    case = {"file": "a.yaml", "kind": "Gateway", "expect": expect, "why": "it says so"}
    other = {"file": "b.yaml", "kind": "WasmPlugin", "expect": "valid"}
    (folder / "validation" / "index.json").write_text(json.dumps([case, other]))
    spec = '{selector: {a: b}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ["*"]}]}'
    (folder / "validation" / "a.yaml").write_text(
        f"apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {{name: a}}\nspec: {spec}\n"
    )
    (folder / "validation" / "b.yaml").write_text(
        "apiVersion: extensions.istio.io/v1alpha1\nkind: WasmPlugin\nmetadata: {name: a}\nspec: {}\n"
    )


def test_the_program_writes_all_that_did_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_suite(tmp_path / "suite", expect="invalid")
    output = tmp_path / "out" / "parity.json"
    floors = tmp_path / "floors.toml"
    assert main([str(tmp_path / "suite"), "--output", str(output), "--floors", str(floors)]) == 0
    results = json.loads(output.read_text())
    assert [(each["case"], each["expected"], each["got"]) for each in results["failed"]] == [("a", "invalid", "valid")]
    assert "it says so" in results["failed"][0]["reason"]
    assert [each["case"] for each in results["not yet supported"]] == ["b"]
    assert "validation/a: admitted; the reference says: it says so" in capsys.readouterr().out


def test_the_program_fails_when_a_rate_fell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    floors = tmp_path / "floors.toml"
    options = ["--output", str(tmp_path / "parity.json"), "--floors", str(floors)]
    write_suite(tmp_path / "good", expect="valid")
    assert main([str(tmp_path / "good"), *options, "--raise-floors"]) == 0
    write_suite(tmp_path / "bad", expect="invalid")
    assert main([str(tmp_path / "bad"), *options]) == 1
    assert "BELOW THE FLOOR  validation Gateway" in capsys.readouterr().out


def test_the_program_names_the_groups_that_it_does_not_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "suite" / "analysis").mkdir(parents=True)
    assert main([str(tmp_path / "suite"), "--output", str(tmp_path / "parity.json")]) == 0
    assert "Not judged at all: analysis" in capsys.readouterr().out


def test_the_program_says_so_when_there_are_no_cases(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert "there is no directory" in capsys.readouterr().err
