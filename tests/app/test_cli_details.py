"""Details of commands, in this process: words, errors, names of subjects, the document that lists every command."""

import io
import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app import cli
from app.cli.bench import run_bench
from app.cli.document import cli_document, commands
from app.cli.estimating import LONGEST_LINE_BYTES, line_blocks
from app.cli.installation import find_subject, installation
from app.cli.program import program
from app.cli.terminal import show_error
from app.cli.verifying import trusted_from_json
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.security.passwords import Passwords
from app.services import Services, Work
from app.store import subjects
from app.store.session import unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.local_account import local_account
from app.usecases.sign_in import verified_account
from connectors import registry
from domain.activity import Direction
from domain.errors import InputError, NotFoundError, TimeError
from domain.period import zone_of
from domain.place import place_from_text


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test has a data folder of its own; the settings of whoever runs the tests do not count."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))


def invoke(*arguments: str, stdin: str = "") -> Result:
    """A command in this process."""
    return CliRunner().invoke(program, arguments, input=stdin)


def typed_bill(*more: str) -> Result:
    """A bill for January 2024 in San Francisco."""
    return invoke("bill", "--utility", "City Power", "--from", "2024-01-01", "--to", "2024-01-31", "--amount", "412.5", *more)


def test_document_lists_every_command() -> None:
    """docs/cli.md is what `python -m app.cli.document` writes."""
    written = (Path(__file__).parents[2] / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written == cli_document()


@pytest.mark.parametrize("words", [words for words, _ in commands()], ids=" ".join)
def test_command_has_help(words: tuple[str, ...]) -> None:
    """Every command explains itself, and every argument and option of the document is in its help."""
    done = invoke(*words, "--help")
    command = dict(commands())[words]
    assert done.exit_code == 0
    assert all(one.opts[-1] in done.output for one in command.params if one.param_type_name == "option")
    assert all(one.help for one in command.params)


def test_usage_errors_end_with_2() -> None:
    """An unknown command and a missing argument are mistakes in the command."""
    assert [invoke(*words).exit_code for words in (["nonsense"], ["parse"], ["factors", "explain", "94110", "soon"])] == [2, 2, 2]


def test_version_is_the_installed_one() -> None:
    """`--version` names the program."""
    assert invoke("--version").output == "climate-fitness 0.1.0\n"


def test_error_has_its_parts_in_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """Message, expected, got, record and next step stand on standard error, one line each; what is empty is left out."""
    show_error(TimeError("No", expected="a month", got="13", next_step="Say another."))
    assert capsys.readouterr().err == "Error: No\n  expected   a month\n  got        13\n  next step  Say another.\n"


def test_unforeseen_failure_is_no_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A mistake of ours ends with 2, its kind, its place in the code and the next step."""

    def broken() -> None:
        raise ZeroDivisionError("a mistake")

    monkeypatch.setattr(cli, "program", broken)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2
    assert told.startswith("Error: the program failed: ZeroDivisionError: a mistake\n  at ")
    assert "climate-fitness doctor" in told


def test_unknown_connector_names_all() -> None:
    """The error lists the connectors."""
    done = invoke("parse", "gas-bill", "-")
    assert done.exit_code == 2
    assert re.search(r"one of activities, .*green-button, .*typed-bill", done.stderr)


def test_missing_file_is_told(tmp_path: Path) -> None:
    """A path that cannot be read is named with its reason."""
    done = invoke("parse", "green-button", str(tmp_path / "no.xml"))
    assert done.exit_code == 2
    assert done.stderr.startswith("Error: This file cannot be read\n")
    assert "No such file or directory" in done.stderr


def test_connectors_say_whether_they_work_now() -> None:
    """Each connector has its availability."""
    found = json.loads(invoke("connectors", "list", "--json").stdout)
    said = {one["id"]: one["availability"] for one in found}
    assert {name for name, text in said.items() if text == "works now"} == {
        *("activities", "bank-file", "google-timeline", "octopus", "spreadsheet", "travel-impact-model", "typed-bill"),
    }
    assert said["green-button"] == "works now (files); pulling needs registration with the provider, about 30 days"
    assert said["plaid"] == "works now (some providers); pulling needs registration with the provider, about 14 days"
    assert said["demo-travel"] == "has no provider here"
    shown = invoke("connectors", "list").stdout
    assert "works now" in shown
    assert max(map(len, shown.splitlines())) < 230


def test_connectors_name_their_providers() -> None:
    """`connect` and `connectors register` want the id of a provider: each is there, with what it takes."""
    found = json.loads(invoke("connectors", "list", "--json").stdout)
    said = {row["id"]: row["availability"] for one in found for row in one["providers"]}
    assert said["octopus-energy"] == "works now"
    assert said["plaid-sandbox"] == "needs registration, given at once"
    assert said["plaid"] == "needs registration, about 14 days"
    assert set(said) == {row.provider_id for one in registry.connectors() for row in one.manifest.providers}
    shown = invoke("connectors", "list").stdout
    assert re.search(r"^octopus-energy +Octopus Energy +GB +octopus +works now$", shown, re.MULTILINE)


def test_explained_factor_has_number_source_and_reasons() -> None:
    """A ZIP code's factor is told with publisher, edition, region, year and why."""
    done = invoke("factors", "explain", "94110", "2023")
    assert done.exit_code == 0
    assert done.stdout.startswith(
        "198.741497 g CO2e/kWh: EPA eGRID, eGRID2023 first release, US/egrid/CAMX, 2023, generation\nWhy:\n"
    )


def test_explained_flags_are_words() -> None:
    """A later year is flagged in words."""
    assert "The newest factor before that year was used." in invoke("factors", "explain", "94110", "2025").stdout


def test_kind_without_factor_is_unscored() -> None:
    """No factor is exit code 1, and never zero."""
    done = invoke("factors", "explain", "94110", "2023", "--kind", "steam", "--unit", "kg")
    assert done.exit_code == 1
    assert "unscored, never as zero" in done.stdout


def test_unknown_place_is_refused() -> None:
    """A place that does not exist is told."""
    done = invoke("factors", "explain", "00000", "2023")
    assert done.exit_code == 2
    assert "Error: " in done.stderr


def test_factor_tables_add_up() -> None:
    """The list names the set, and every row of it stands in one table."""
    found = json.loads(invoke("factors", "list", "--json").stdout)
    assert found["factor_set"]["size"] > 6000
    publishers = {one["publisher"] for one in found["tables"]}
    assert {"EPA eGRID", "Ember via Our World in Data", "UK DESNZ/Defra", "EPA GHG Emission Factors Hub", "ADEME"} <= publishers
    assert invoke("factors", "list", "--kind", "nonsense").exit_code == 2


def test_typed_bill_shows_its_evidence() -> None:
    """A bill becomes a month with the evidence class typed."""
    done = typed_bill("--place", "94110")
    assert done.exit_code == 0, done.stderr
    lines = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "2024-01 electricity 412.5 kWh 0.082 2 [1] typed" in lines
    assert "2024-01 electricity what the grid loses on the way 412.5 kWh 0.004 3.3 [1] typed" in lines
    assert "scope 3, category 3 0.004 0.004" in lines


def test_attachment_is_kept(tmp_path: Path) -> None:
    """The bill's own file is an original of its own."""
    (tmp_path / "bill.pdf").write_bytes(b"%PDF-1.7 a bill")
    assert typed_bill("--place", "94110", "--file", str(tmp_path / "bill.pdf")).exit_code == 0
    assert len([path for path in (tmp_path / "data" / "archive").rglob("*") if path.is_file()]) == 2


def test_gap_is_not_measured() -> None:
    """Days without readings, and a month without any, are said so and never zero."""
    typed_bill("--place", "94110")
    done = invoke("bill", "--utility", "City Power", "--from", "2024-03-03", "--to", "2024-03-31", "--amount", "400", "--json")
    again = invoke("import", "typed-bill", "-", stdin="{}")
    assert json.loads(done.stdout)["months"][0]["not_measured_days"] == 2
    assert again.exit_code == 2


def test_month_between_is_not_measured(march_and_may: Result) -> None:
    """A month between two measured ones stands in the table as not measured."""
    assert "2011-04" in march_and_may.stdout
    assert "not measured: 30 of 30 days" in march_and_may.stdout


@pytest.fixture
def march_and_may(tmp_path: Path) -> Result:
    """One document with readings in March and in May."""
    path = tmp_path / "two.xml"
    path.write_bytes(_two_months())
    return invoke("import", "green-button", str(path), "--place", "94110")


def _two_months() -> bytes:
    """A Green Button file with one hour in March 2011 and one in May."""
    zone = zone_of("America/Los_Angeles")
    starts = [int(datetime(2011, month, 10, 20, tzinfo=UTC).timestamp()) for month in (3, 5)]
    series = MeterSeries("Delivered", "electricity", Direction.DELIVERED, "Wh", 0, 3600, starts, [3600, 3600], [1000, 2000])
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Meter", zone, us_clock(zone, year=2011), [series])
    base_url = "https://utility.example/resource"
    return espi_document([meter], title="A utility", base_url=base_url, updated_at=datetime(2011, 6, 1, tzinfo=UTC))


def test_zone_alone_is_refused() -> None:
    """A zone without its place says nothing."""
    done = invoke("import", "green-button", "-", "--zone", "Europe/Berlin")
    assert done.exit_code == 2
    assert "Give both." in done.stderr


@pytest.fixture
def two_people() -> Services:
    """An installation with two people."""
    with installation(None) as services, unit_of_work(services.engine) as session:
        for name in ("Ada", "Grace"):
            new = NewSubject(SubjectKind.PERSON, name, place_from_text("94110"))
            create_subject(Work(session, services), new, owner_account_id="")
    return services


def test_subject_is_found_by_name_and_prefix(two_people: Services) -> None:
    """A name in any case, and the beginning of an id, stand for a subject."""
    ada = find_subject(two_people, "ada")
    assert ada.name == "Ada"
    assert find_subject(two_people, ada.id[:8]) == ada
    assert find_subject(two_people, ada.id) == ada


def test_several_subjects_have_to_be_told_apart(two_people: Services) -> None:
    """Nothing said is an error where there are two; the message lists them."""
    with pytest.raises(InputError, match=r"Several subjects fit; expected one of: Ada \(.{8}\), Grace \(.{8}\)"):
        find_subject(two_people, "")


def test_unknown_subject_lists_the_known(two_people: Services) -> None:
    """A name that nobody has is not found."""
    with pytest.raises(NotFoundError, match="There is no such subject; expected one of: Ada"):
        find_subject(two_people, "Linus")


def test_too_short_prefix_is_no_id(two_people: Services) -> None:
    """Three characters of an id are not enough."""
    with pytest.raises(NotFoundError):
        find_subject(two_people, find_subject(two_people, "Ada").id[:3])


def test_imported_person_belongs_to_the_operator() -> None:
    """Who is made by a first bill is owned by the account that `serve` signs in."""
    assert typed_bill("--place", "94110").exit_code == 0
    with installation(None) as services, unit_of_work(services.engine) as session:
        account = local_account(Work(session, services))
        found = subjects.of_account(session, account.tenant_id, account.id, services.clock.now().date())
    assert [row.name for row, _ in found] == ["You"]


def test_person_with_several_zones_is_asked() -> None:
    """A place with two time zones is refused until one is named, and nobody is made meanwhile."""
    done = typed_bill("--place", "47501")
    assert done.exit_code == 2
    assert "one of America/Indiana/Indianapolis, America/Chicago" in done.stderr
    assert json.loads(invoke("subjects", "--json").stdout) == []
    assert typed_bill("--place", "47501", "--zone", "America/Chicago").exit_code == 0


def test_password_is_read_from_standard_input() -> None:
    """A first line sets the operator's password."""
    done = invoke("password", stdin="a sentence that is long enough\n")
    assert (done.exit_code, done.stdout.partition(".")[0]) == (0, "Password set: sign in as local")
    with installation(None) as services, unit_of_work(services.engine) as session:
        passwords = Passwords(services.randomness.bytes)
        assert verified_account(session, passwords, "local", "a sentence that is long enough").login == "local"


@pytest.mark.parametrize("typed", ["", "short\n", "x" * 300])
def test_password_that_cannot_be_used(typed: str) -> None:
    """Too short and too long ends with 2 and does not repeat what was typed."""
    done = invoke("password", stdin=typed)
    assert done.exit_code == 2
    assert "expected   8 to 256 characters" in done.stderr
    assert not typed.strip() or typed.strip() not in done.output


def test_password_of_nobody() -> None:
    """An unknown login ends with 2 and the next step."""
    done = invoke("password", "linus", stdin="a sentence that is long enough\n")
    assert done.exit_code == 2
    assert "Nobody has this login" in done.stderr


def test_lists_are_empty_at_first() -> None:
    """A fresh installation says what to do first."""
    assert "climate-fitness import" in invoke("subjects").stdout
    assert "climate-fitness close" in invoke("statements").stdout


def test_close_weighs_gases_with_the_report_asked_for() -> None:
    """`--gwp AR6` is in the method that the statement names; another report is refused with the choices."""
    assert typed_bill("--place", "94110").exit_code == 0
    refused = invoke("close", "2024-01", "--gwp", "AR3")
    assert refused.exit_code == 2
    assert "'AR5', 'AR6'" in refused.stderr
    done = invoke("close", "2024-01", "--gwp", "AR6", "--json")
    answer = json.loads(done.stdout)
    assert (done.exit_code, answer["state"], answer["gwp_set"]) == (0, "issued", "AR6")
    assert answer["method"].endswith("+AR6")


def test_close_without_subject_says_import_first() -> None:
    """Closing in an empty installation names the next step."""
    done = invoke("close", "2024-01")
    assert done.exit_code == 2
    assert "Import a file with --place first." in done.stderr


def test_impossible_period_is_refused() -> None:
    """A period that no calendar has is a TimeError, before anything is opened."""
    done = invoke("close", "2024-13")
    assert done.exit_code == 2
    assert "got        2024-13" in done.stderr


def test_lines_that_are_too_long_are_skipped_whole() -> None:
    """The rest of an overlong line is not taken for another line; the longest allowed line is read."""
    longest = b"x" * (LONGEST_LINE_BYTES - 1) + b"\n"
    stream = io.BytesIO(b"a\n" + b"y" * (3 * LONGEST_LINE_BYTES) + b"\n\n" + longest + b"b")
    lines = [line for block in line_blocks(stream) for line in block]
    assert lines == [(1, b"a\n"), (2, None), (4, longest), (5, b"b")]


@pytest.mark.parametrize(
    "text", ["", "[]", '{"quorum": 0, "auditors": []}', '{"quorum": 1, "auditors": [{"address": "0x1", "regions": ["Mars"]}]}']
)
def test_damaged_list_of_auditors_is_refused(text: str) -> None:
    """What is no list of auditors is refused with an example."""
    with pytest.raises(InputError, match="This list of auditors cannot be read; expected"):
        trusted_from_json(text.encode(), "auditors.json")


def test_list_of_auditors_gives_bitmaps() -> None:
    """Regions become the chain's bits."""
    trusted = trusted_from_json(b'{"quorum": 2, "auditors": [{"address": "0xab", "regions": ["US"]}]}', "list")
    assert (trusted.quorum, dict(trusted.regions_by_address), trusted.source) == (2, {"0xab": 1}, "list")


def test_chain_needs_its_contract(tmp_path: Path) -> None:
    """Asking a chain without naming the contract would let the bundle choose its own auditors."""
    (tmp_path / "b.json").write_text("{}", encoding="utf-8")
    done = invoke("verify", str(tmp_path / "b.json"), "--chain", "http://localhost:1")
    assert done.exit_code == 2
    assert "A chain needs its contract" in done.stderr


def test_bench_outside_a_checkout_is_told(tmp_path: Path) -> None:
    """Without the folder of benchmarks the next step is to clone the repository."""
    with pytest.raises(NotFoundError, match=r"There is no such benchmark here; expected benchmarks/gas.py beside the program"):
        run_bench("gas", rows_count=None, is_json=True, repository=tmp_path)


def test_bench_runs_a_module_of_the_checkout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The benchmark's JSON is the answer; its size is handed on."""
    folder = tmp_path / "benchmarks"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "parse.py").write_text("import json, sys\nprint(json.dumps({'what': sys.argv[1:]}))\n", encoding="utf-8")
    assert run_bench("parse", rows_count=7, is_json=True, repository=tmp_path) == 0
    assert json.loads(capsys.readouterr().out) == {"what": ["--json", "--rows", "7"]}


def test_failed_bench_ends_with_1(tmp_path: Path) -> None:
    """A benchmark that fails makes the exit code 1."""
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "__init__.py").touch()
    (tmp_path / "benchmarks" / "gas.py").write_text("raise SystemExit(3)\n", encoding="utf-8")
    assert run_bench("gas", rows_count=None, is_json=True, repository=tmp_path) == 1


def test_marks_survive_a_plain_terminal(tmp_path: Path) -> None:
    """On a terminal that has no check marks the steps are still shown."""
    (tmp_path / "b.json").write_text("{}", encoding="utf-8")
    done = subprocess.run(
        [Path(sys.executable).with_name("climate-fitness"), "verify", str(tmp_path / "b.json")],
        capture_output=True,
        check=False,
        env={"PYTHONIOENCODING": "ascii", "CF_DATA_FOLDER": str(tmp_path / "none")},
    )
    assert done.returncode == 1
    assert done.stdout.startswith(b"* bundle")
