"""What can be typed: every command with its arguments. Each imports what it runs, so that the others start fast.

Measured: `--help` takes 0.1 s so, and 1.0 s with all imports at the top (SQLAlchemy 0.3 s, FastAPI 0.3 s, pydantic 0.1 s).
"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.cli.terminal import ExitCode, Program, say
from domain.factor import Basis, GwpSet
from scoring.estimate_explain import Explain

NAME = "climate-fitness"
"""How the program is called."""

program = typer.Typer(
    name=NAME,
    cls=Program,
    help="Carbon accounting that keeps its evidence: from the original bill to a statement anyone can recompute.",
    epilog="Exit codes: 0 done; 1 done, but something was refused or does not hold; 2 nothing could be done; "
    "3 consistent, but signed by nobody known (verify).",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
export_program = typer.Typer(help="Take things along.", no_args_is_help=True, rich_markup_mode=None)
factors_program = typer.Typer(help="Look up and install published emission factors.", no_args_is_help=True, rich_markup_mode=None)
connectors_program = typer.Typer(help="What documents and providers can be read.", no_args_is_help=True, rich_markup_mode=None)
claim_program = typer.Typer(
    help="Put a person's statements into a wallet: opt-in, and public.", no_args_is_help=True, rich_markup_mode=None
)
chain_program = typer.Typer(
    help="Which chain it is, a contract for it, and going over to it.", no_args_is_help=True, rich_markup_mode=None
)
connections_program = typer.Typer(
    help="List connections with providers, of everybody or of one subject, and how each does; or look after what was set aside.",
    rich_markup_mode=None,
)
program.add_typer(export_program, name="export")
program.add_typer(claim_program, name="claim")
program.add_typer(chain_program, name="chain")
program.add_typer(factors_program, name="factors")
program.add_typer(connectors_program, name="connectors")
program.add_typer(connections_program, name="connections")


class Benchmark(StrEnum):
    """What can be measured."""

    PARSE = "parse"
    RESCORE = "rescore"
    SCORING = "scoring"
    GAS = "gas"
    PAGE = "page"
    FACTORS = "factors"
    ESTIMATE = "estimate"
    MONTH_END = "month_end"
    OCTOPUS = "octopus"
    TIMELINE = "timeline"
    BANK_FILES = "bank_files"
    SYNC = "sync"
    SYNC_QUEUE = "sync_queue"


class Report(StrEnum):
    """IPCC reports that a period can be closed with."""

    AR5 = "AR5"
    AR6 = "AR6"


class EngineName(StrEnum):
    """What runs the canonical SQL over files."""

    DUCKDB = "duckdb"
    SPARK = "spark"


class Extent(StrEnum):
    """How much of a statement a bundle shows."""

    TOTALS = "totals"
    LINES = "lines"
    EVERYTHING = "everything"


class SchemaName(StrEnum):
    """Files that have a JSON Schema."""

    BUNDLE = "bundle-1"
    DISCLOSURE = "disclosure-1"


DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data-folder", metavar="FOLDER", help="Folder of the installation.  [default: CF_DATA_FOLDER, else .climate-fitness]"
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Answer as JSON on standard output.")]
ForGood = Annotated[bool, typer.Option("--for-good", help="I know that nobody can take this back.")]
WaitForChain = Annotated[float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait until it is final.")]
Connector = Annotated[str, typer.Argument(metavar="CONNECTOR", help="What reads it; see `connectors list`.")]
FileName = Annotated[str, typer.Argument(metavar="FILE", help="The document; - for standard input.")]
AnyConnection = Annotated[
    str, typer.Argument(metavar="CONNECTION", help="Id, or the beginning of one; all where left out.", show_default=False)
]
SubjectName = Annotated[
    str, typer.Option("--subject", metavar="SUBJECT", help="Id, beginning of one, or name; the only subject where left out.")
]
PlaceText = Annotated[
    str, typer.Option("--place", metavar="PLACE", help="Where the meter is: US ZIP code or two-letter country code.")
]
ZoneName = Annotated[
    str, typer.Option("--zone", metavar="ZONE", help="IANA time zone of the meter, where its region has several.")
]
Port = Annotated[int | None, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0: any free one.")]


def _print_version(is_wanted: bool) -> None:  # noqa: FBT001 - Typer hands the flag over so
    """Print the version and end, where it was asked for.

    Raises:
        Exit: It was.
    """
    if is_wanted:
        from importlib.metadata import version

        say(f"{NAME} {version(NAME)}")
        raise typer.Exit


@program.callback()
def start(
    *,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Carbon accounting that keeps its evidence."""


@program.command()
def demo(
    *,
    port: Port = None,
    data_folder: DataFolder = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Open no browser window.")] = False,
) -> None:
    """Start the whole product with a demo household and business, and print its address."""
    from app.cli.serving import run_demo

    run_demo(port=port, data_folder=data_folder, is_browser_wanted=not no_browser)


@program.command()
def serve(
    *,
    port: Port = None,
    data_folder: DataFolder = None,
    welcome_link: Annotated[
        bool, typer.Option("--welcome-link", help="Print an address that signs you in, in production too.")
    ] = False,
) -> None:
    """Serve the API and the dashboard for your own data until the program is stopped, and print an address that signs you in."""
    from app.cli.serving import run_server

    run_server(port=port, data_folder=data_folder, is_link_wanted=welcome_link)


@program.command()
def worker(
    *,
    threads: Annotated[int, typer.Option("--threads", min=1, max=32, help="Jobs at once.")] = 2,
    data_folder: DataFolder = None,
) -> None:
    """Run the jobs of an installation (syncs of connections) until the program is stopped. Several workers may run at once."""
    from app.cli.working import run_worker

    _end(run_worker(threads_count=threads, data_folder=data_folder))


@program.command()
def jobs(
    *,
    again: Annotated[
        str, typer.Option("--again", metavar="KEY", help="Do this job that was given up again; `all` for every one.")
    ] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Show how many jobs wait, run and are done, and each that was given up, with its error."""
    from app.cli.working import ask_again, list_jobs

    if again:
        ask_again(again, data_folder=data_folder)
        return
    _end(list_jobs(is_json=json, data_folder=data_folder))


@program.command()
def password(
    login: Annotated[str, typer.Argument(metavar="LOGIN", help="Whose; your own where left out.", show_default=False)] = "",
    *,
    data_folder: DataFolder = None,
) -> None:
    """Set a password to sign in with: asked for twice, or the first line of standard input."""
    from app.cli.password import run_password

    run_password(login, data_folder=data_folder)


@program.command("parse")
def parse_document(connector: Connector, file: FileName, *, json: Json = False) -> None:
    """Read one document and say what is in it. Nothing is stored; no installation is needed."""
    from app.cli.parsing import run_parse

    _end(run_parse(connector, file, is_json=json))


@program.command()
def footprint(
    file: FileName,
    *,
    amount: Annotated[
        str, typer.Option("--amount", metavar="NUMBER", help="How much of the product, in its declared unit; one where left out.")
    ] = "",
    json: Json = False,
) -> None:
    """Show a supplier's product footprints (PACT 2 and 3): kg CO2e of a unit, or of an amount. Nothing is stored."""
    from app.cli.footprint import run_footprint

    _end(run_footprint(file, amount_text=amount, is_json=json))


@program.command("import")
def import_file(
    connector: Connector,
    file: FileName,
    *,
    subject: SubjectName = "",
    place: PlaceText = "",
    zone: ZoneName = "",
    mapping: Annotated[
        str, typer.Option("--mapping", metavar="FILE", help="What the columns of a table mean, as `preview --save` writes it.")
    ] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Take in one document: read, archive, store; then kWh to t CO2e by month, with the factor used and why that one."""
    from app.cli.intake import run_import

    _end(
        run_import(
            connector,
            file,
            subject=subject,
            place_text=place,
            zone=zone,
            mapping_name=mapping,
            is_json=json,
            data_folder=data_folder,
        )
    )


@program.command()
def preview(
    file: FileName,
    *,
    connector: Annotated[
        str, typer.Option("--as", metavar="CONNECTOR", help="bank-file or spreadsheet; found out where left out.")
    ] = "",
    answer: Annotated[
        list[str] | None,
        typer.Option(
            "--answer", metavar="NAME=VALUE", help="Answer to a question, or another guess; may be given several times."
        ),
    ] = None,
    mapping: Annotated[str, typer.Option("--mapping", metavar="FILE", help="A mapping that was saved before.")] = "",
    save: Annotated[
        Path | None, typer.Option("--save", metavar="FILE", help="Where the mapping goes, once nothing is asked.")
    ] = None,
    rows: Annotated[int, typer.Option("--rows", min=1, max=1000, help="How many records to show.")] = 20,
    json: Json = False,
) -> None:
    """Look at a bank's file or a table before it is taken in: what its columns mean, what must be asked, how it is read."""
    from app.cli.previewing import run_preview

    _end(
        run_preview(
            file, connector=connector, answers=answer or [], mapping_name=mapping, save=save, rows_count=rows, is_json=json
        )
    )


@program.command()
def bill(
    *,
    utility: Annotated[str, typer.Option("--utility", help="Name of the utility.")],
    first_date: Annotated[str, typer.Option("--from", metavar="DATE", help="First day of the bill: 2026-01-05.")],
    last_date: Annotated[str, typer.Option("--to", metavar="DATE", help="Last day, in the bill, too.")],
    amount: Annotated[str, typer.Option("--amount", metavar="DECIMAL", help="The amount, as the bill says it: 412.5.")],
    unit: Annotated[str, typer.Option("--unit", help="Its unit.")] = "kWh",
    file: Annotated[str, typer.Option("--file", metavar="FILE", help="The bill itself, kept as evidence.")] = "",
    is_additional: Annotated[bool, typer.Option("--additional", help="Count it although other data cover these days.")] = False,
    subject: SubjectName = "",
    place: PlaceText = "",
    zone: ZoneName = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Type a bill. The same utility and days again is a correction."""
    from app.cli.intake import run_bill

    _end(
        run_bill(
            utility=utility,
            first_date=first_date,
            last_date=last_date,
            amount_text=amount,
            unit=unit,
            file_name=file,
            is_additional=is_additional,
            subject=subject,
            place_text=place,
            zone=zone,
            is_json=json,
            data_folder=data_folder,
        )
    )


@program.command()
def estimate(
    *,
    explain: Annotated[
        Explain, typer.Option("--explain", help="`none` leaves out the words of each result: steps, labels, tables, addresses.")
    ] = Explain.FULL,
    data_folder: DataFolder = None,
) -> None:
    """Read one activity per line (NDJSON) from standard input; answer one result per line. A bad line never stops the others."""
    from app.cli.estimating import run_estimate

    _end(run_estimate(explain=explain, data_folder=data_folder))


@program.command()
def close(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT", help="Id, beginning of one, or name; the only subject where left out.", show_default=False
        ),
    ] = "",
    period: Annotated[
        str, typer.Argument(metavar="PERIOD", help="2024-03, 2024-Q1, 2024 or 2024-03..2024-06.", show_default=False)
    ] = "",
    *,
    reason: Annotated[
        str, typer.Option("--reason", help="Why closed numbers change, for everybody to read; needed to close a period again.")
    ] = "",
    gwp: Annotated[
        Report | None,
        typer.Option(
            "--gwp",
            help="IPCC report whose global warming potentials weigh single gases.  [default: as it was closed before, else AR5]",
            show_default=False,
        ),
    ] = None,
    everybody: Annotated[
        bool,
        typer.Option("--all", help="Every subject that has activity in PERIOD and no statement yet, as one batch on the chain."),
    ] = False,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Close a period: statement, manifest, the auditor's signature, the chain."""
    from app.cli.closing import run_close, run_close_all

    if everybody:
        chosen = GwpSet(gwp) if gwp else None
        _end(run_close_all(subject, besides=period or reason, gwp_set=chosen, is_json=json, data_folder=data_folder))
        return
    whose, months = (subject, period) if period else ("", subject)
    _end(run_close(whose, months, reason=reason, gwp_set=GwpSet(gwp) if gwp else None, is_json=json, data_folder=data_folder))


@program.command()
def retire(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT", help="Id, beginning of one, or name; the only subject where left out.", show_default=False
        ),
    ] = "",
    *,
    registry: Annotated[str, typer.Option("--registry", help="Registry that the credits were retired in: Verra.")],
    serial: Annotated[str, typer.Option("--serial", help="Their serial numbers, as the registry writes them.")],
    retired_on: Annotated[str, typer.Option("--date", metavar="DATE", help="Day of the retirement: 2024-03-31.")],
    amount_t: Annotated[str, typer.Option("--t", metavar="DECIMAL", help="How much, in metric tons of CO2e: 1.5.")] = "",
    amount_kg: Annotated[str, typer.Option("--kg", metavar="DECIMAL", help="How much, in kilograms of CO2e.")] = "",
    credit_type: Annotated[str, typer.Option("--type", metavar="TYPE", help="What they stand for: avoidance or removal.")] = "",
    vintage: Annotated[str, typer.Option("--vintage", metavar="YEAR", help="Year in which it was avoided or removed.")] = "",
    document: Annotated[
        str, typer.Option("--document", metavar="FILE", help="The registry's document, kept as evidence: uploaded, not typed.")
    ] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Enter carbon credits that were retired: they lower the net of a statement, never gross, and are claimed once."""
    from app.cli.retiring import run_retire

    _end(
        run_retire(
            subject,
            registry=registry,
            serial=serial,
            amount_t=amount_t,
            amount_kg=amount_kg,
            on_date=retired_on,
            credit_type=credit_type,
            vintage=vintage,
            file_name=document,
            is_json=json,
            data_folder=data_folder,
        )
    )


@program.command()
def revoke(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="Id or manifest hash, or the beginning of one.")],
    *,
    reason: Annotated[str, typer.Option("--reason", help="Why nobody should rely on it any more, in one sentence.")],
    for_good: ForGood = False,
    wait: WaitForChain = 300.0,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Withdraw a statement: its auditors tell the chain, and no proof of it holds there any more. The period can be closed again.

    The chain has the token's id and a salted hash of the reason; the reason itself stays here, sealed.
    """
    from app.cli.ending import run_revoke

    _end(run_revoke(statement, reason=reason, is_for_good=for_good, wait_s=wait, is_json=json, data_folder=data_folder))


@program.command("retire-units")
def retire_units(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="SUBJECT", help="Id, beginning of one, or name; the only subject where left out.", show_default=False
        ),
    ] = "",
    *,
    token: Annotated[str, typer.Option("--token", metavar="HEX", help="The units: id of their token on the chain.")],
    amount_t: Annotated[str, typer.Option("--t", metavar="DECIMAL", help="How much of an offset, in metric tons of CO2e.")] = "",
    amount_kg: Annotated[str, typer.Option("--kg", metavar="DECIMAL", help="How much of an offset, in kilograms of CO2e.")] = "",
    amount_kwh: Annotated[str, typer.Option("--kwh", metavar="DECIMAL", help="How much of a REC, in kilowatt-hours.")] = "",
    for_good: ForGood = False,
    wait: WaitForChain = 300.0,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Use up units that the installation's account has on the chain, for a subject; offsets lower the net of its month.

    Who they are for is not on the chain: a random beneficiary stands there, which is told here.
    """
    from app.cli.ending import run_retire_units

    _end(
        run_retire_units(
            subject,
            token=token,
            amounts={"t": amount_t, "kg": amount_kg, "kwh": amount_kwh},
            is_for_good=for_good,
            wait_s=wait,
            is_json=json,
            data_folder=data_folder,
        )
    )


@program.command()
def verify(
    bundle: Annotated[
        str, typer.Argument(metavar="BUNDLE", help="A bundle's file, - for standard input, or a token of this installation.")
    ],
    *,
    auditors: Annotated[
        Path | None, typer.Option("--auditors", metavar="FILE", help="JSON list of the auditors that you believe (docs/cli.md).")
    ] = None,
    chain: Annotated[str, typer.Option("--chain", metavar="URL", help="JSON-RPC address of the chain to ask.")] = "",
    contract: Annotated[
        str, typer.Option("--contract", metavar="ADDRESS", help="The contract that you believe, with --chain.")
    ] = "",
    inputs_root: Annotated[
        str, typer.Option("--inputs-root", metavar="HEX", help="Root that the proof page shows, to compare a disclosure with.")
    ] = "",
    original: Annotated[
        list[Path] | None,
        typer.Option("--original", metavar="FILE", help="A document that is said to be an original; repeat it."),
    ] = None,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Walk a statement back from its bundle, or check a disclosure, and name the first step that does not hold.

    A statement of this installation is walked back to its originals: fetched from the archive, their hashes compared.
    Ends with 0 where it holds, 1 where a step is broken, 3 where all agrees but signers that you know were not found out.
    """
    from app.cli.verifying import run_verify

    _end(
        run_verify(
            bundle,
            auditors_path=auditors,
            chain_url=chain,
            contract=contract,
            is_json=json,
            data_folder=data_folder,
            inputs_root=inputs_root,
            original_paths=original or (),
        )
    )


@program.command()
def disclose(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="Id or manifest hash, or the beginning of one.")],
    *,
    record: Annotated[
        str, typer.Option("--record", metavar="ID", help="The record (a bill, a day of a meter) to show alone.")
    ] = "",
    group: Annotated[
        str, typer.Option("--group", metavar="NAME", help="The group whose sums to show, without its records.")
    ] = "",
    signed: Annotated[
        bool | None,
        typer.Option("--signed/--unsigned", help="Whether the auditors' signatures, hence the totals in grams, are shown."),
    ] = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; - for standard output.  [default: disclosure-HASH.json]"),
    ] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Show one bill or one group of a statement to somebody, and nothing else; without either, list what can be shown.

    What is written holds the record (or the group's sums), its salt and its way to the inputs root (docs/bundle.md).
    """
    from app.cli.disclosing import run_disclose

    run_disclose(statement, record=record, group=group, is_signed=signed, output=output, is_json=json, data_folder=data_folder)


MakePublic = Annotated[bool, typer.Option("--make-public", help="I know that holder, period and grams become public for good.")]


@claim_program.command("allow")
def claim_allow(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Id, its beginning, or a name.")],
    *,
    holder: Annotated[str, typer.Option("--holder", metavar="ADDRESS", help="The wallet: 0x and 40 hexadecimal digits.")],
    make_public: MakePublic = False,
    data_folder: DataFolder = None,
) -> None:
    """Let the statements that a person or household closes from now on be claimed into a wallet.

    Nothing is public until a claim is sent; then holder, period and grams are, for good.
    """
    from app.cli.claiming import run_allow

    run_allow(subject, holder=holder, makes_public=make_public, data_folder=data_folder)


@claim_program.command("forbid")
def claim_forbid(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Id, its beginning, or a name.")],
    *,
    data_folder: DataFolder = None,
) -> None:
    """Have no wallet stand in statements that are closed from now on; what was claimed stays public."""
    from app.cli.claiming import run_forbid

    run_forbid(subject, data_folder=data_folder)


@claim_program.command("show")
def claim_show(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="Id or manifest hash, or the beginning of one.")],
    *,
    make_public: MakePublic = False,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Print the transaction with which a wallet claims a statement; anybody may send it, the token goes to the holder."""
    from app.cli.claiming import run_claim

    run_claim(statement, makes_public=make_public, is_json=json, data_folder=data_folder)


@export_program.command("bundle")
def export_bundle(
    statement: Annotated[str, typer.Argument(metavar="STATEMENT", help="Id or manifest hash, or the beginning of one.")],
    *,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="Where to; - for standard output.  [default: statement-HASH.json]"),
    ] = "",
    show: Annotated[Extent, typer.Option("--show", help="How much of the statement it shows.")] = Extent.EVERYTHING,
    data_folder: DataFolder = None,
) -> None:
    """Write the one file with which anybody can verify a statement."""
    from app.cli.verifying import run_export

    run_export(statement, output=output, extent=show, data_folder=data_folder)


@export_program.command("schema")
def export_schema(
    name: Annotated[SchemaName, typer.Argument(metavar="NAME", help="bundle-1 or disclosure-1.")] = SchemaName.BUNDLE,
    *,
    output: Annotated[str, typer.Option("-o", "--output", metavar="FILE", help="Where to; - for standard output.")] = "-",
) -> None:
    """Write the JSON Schema of bundles or of disclosures."""
    from app.cli.verifying import run_export_schema

    run_export_schema(name, output=output)


@export_program.command("activities")
def export_activities(
    *,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder to make.")],
    subject: SubjectName = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Write activities as Parquet, divided by months: of everybody, or of one subject (docs/parquet.md)."""
    from app.cli.batch import run_export_activities

    run_export_activities(output, subject_text=subject, is_json=json, data_folder=data_folder)


@program.command()
def score(
    *,
    source: Annotated[
        str,
        typer.Option(
            "--input", metavar="PLACE", help="Folder of activities, as `export activities` writes; or s3://BUCKET/PREFIX."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", metavar="FOLDER", help="Folder to make, for lines and result.json.")],
    engine: Annotated[
        EngineName, typer.Option("--engine", help="What runs the SQL; each gives the same bits.")
    ] = EngineName.DUCKDB,
    master: Annotated[str, typer.Option("--master", metavar="URL", help="Spark's master.  [default: local[*]]")] = "",
    gwp: Annotated[
        Report, typer.Option("--gwp", help="IPCC report whose global warming potentials weigh single gases.")
    ] = Report.AR5,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Score a folder of Parquet: every line exact, its hash the same on every engine (docs/parquet.md).

    Ends with 1 where lines are refused because 64 bits do not hold them.
    """
    from app.cli.batch import run_score

    _end(run_score(source, output, engine_name=engine, master=master, gwp_set=GwpSet(gwp), is_json=json, data_folder=data_folder))


@program.command()
def subjects(*, json: Json = False, data_folder: DataFolder = None) -> None:
    """List whom statements are about."""
    from app.cli.listing import list_subjects

    list_subjects(is_json=json, data_folder=data_folder)


@program.command()
def statements(*, subject: SubjectName = "", json: Json = False, data_folder: DataFolder = None) -> None:
    """List statements, of everybody or of one subject."""
    from app.cli.listing import list_statements

    list_statements(subject, is_json=json, data_folder=data_folder)


@factors_program.command("list")
def list_factors(
    *,
    kind: Annotated[str, typer.Option("--kind", help="Only factors for this kind of activity.")] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """List the published tables that are held, shipped and in packs: publisher, edition, rows, regions, years, licence."""
    from app.cli.factors import run_list

    run_list(kind, is_json=json, data_folder=data_folder)


@factors_program.command("explain")
def explain_factor(
    key: Annotated[
        str,
        typer.Argument(
            metavar="KEY",
            help="US ZIP code, two-letter country code or region path; or the id of a published row (16 hexadecimal digits) or "
            "of an activity key (64).",
        ),
    ],
    year: Annotated[
        int | None,
        typer.Argument(
            metavar="YEAR", help="Calendar year of the activity, with a place.", min=1990, max=2199, show_default=False
        ),
    ] = None,
    *,
    kind: Annotated[str, typer.Option("--kind", help="Kind of activity.")] = "electricity",
    basis: Annotated[Basis, typer.Option("--basis", help="Location or market based.")] = Basis.LOCATION,
    attribute: Annotated[
        list[str] | None,
        typer.Option("--attribute", metavar="NAME=VALUE", help="An attribute of the activity; may be given several times."),
    ] = None,
    unit: Annotated[str, typer.Option("--unit", help="Unit of the activity; the kind's own where left out.")] = "",
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Say which factor a place and year get, and why that one; or show a published row, or what an activity key gets."""
    from app.cli.factors import run_explain

    _end(
        run_explain(
            key,
            year,
            kind=kind,
            basis=basis,
            attributes=attribute or [],
            unit=unit,
            is_json=json,
            data_folder=data_folder,
        )
    )


@factors_program.command("import")
def import_factors(
    kind: Annotated[
        str, typer.Argument(metavar="KIND", help="Whose file it is: electricity-maps, oefdb, memobank, hourly-grid, own-factors.")
    ],
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="The publisher's own files.")],
    *,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Install a publisher's own files of factors as a pack of this installation: what is new, what changed, what to look at."""
    from app.cli.factors import run_import

    _end(run_import(kind, files, is_json=json, data_folder=data_folder))


@factors_program.command("diff")
def diff_factors(
    before: Annotated[str, typer.Argument(metavar="A", help="shipped, installed, a pack's name, a version, or a folder.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The same.")],
    *,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Show which rows B has that A has not, which it lacks, and which changed by more than 25 %, table by table."""
    from app.cli.factors import run_diff

    _end(run_diff(before, after, is_json=json, data_folder=data_folder))


@chain_program.command("status")
def chain_status(*, json: Json = False, data_folder: DataFolder = None) -> None:
    """Show the chain in use: its id, the contract, the account that pays, gas of today, and how many roots stand where.

    Ends with 1 where roots stand on another chain, or failed.
    """
    from app.cli.chains import run_status

    _end(run_status(is_json=json, data_folder=data_folder))


@chain_program.command("deploy")
def chain_deploy(*, json: Json = False, data_folder: DataFolder = None) -> None:
    """Deploy the contract on the chain that CF_CHAIN_URL names, with this installation's auditor, and print its address."""
    from app.cli.chains import run_deploy

    run_deploy(is_json=json, data_folder=data_folder)


@chain_program.command("migrate")
def chain_migrate(
    *,
    wait: Annotated[
        float, typer.Option("--wait", metavar="SECONDS", min=0, help="How long to wait until all of them are final.")
    ] = 60.0,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Anchor every root that stands on another chain on the one in use. A second run goes on, and finds nothing twice.

    Ends with 1 where some are not final yet.
    """
    from app.cli.chains import run_migrate

    _end(run_migrate(wait_s=wait, is_json=json, data_folder=data_folder))


@connectors_program.command("register")
def register_connector(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Id of the provider; see `connectors list`.")],
    *,
    client_id: Annotated[
        str, typer.Option("--client-id", metavar="ID", help="The name that the provider gave this installation.")
    ],
    data_folder: DataFolder = None,
) -> None:
    """Note what a provider knows this installation by. The secret is asked for, or the first line of standard input."""
    from app.cli.connecting import run_register

    _end(run_register(provider, client_id=client_id, data_folder=data_folder))


@program.command()
def connect(
    provider: Annotated[str, typer.Argument(metavar="PROVIDER", help="Id of the provider; see `connectors list`.")],
    *,
    subject: SubjectName = "",
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", metavar="NAME=VALUE", help="Answer to a question of the connector; may be given several times."),
    ] = None,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Print the address of the consent page, open nothing.")
    ] = False,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Connect an account. A key is asked for; for a consent, the provider's page opens and the command waits for the answer."""
    from app.cli.connecting import run_connect

    _end(
        run_connect(
            provider,
            subject_text=subject,
            answers=answer or [],
            is_browser_wanted=not no_browser,
            is_json=json,
            data_folder=data_folder,
        )
    )


@connections_program.callback(invoke_without_command=True)
def connections(ctx: typer.Context, *, subject: SubjectName = "", json: Json = False, data_folder: DataFolder = None) -> None:
    """List connections with providers, of everybody or of one subject, and how each does; or look after what was set aside."""
    if ctx.invoked_subcommand is None:
        from app.cli.connecting import list_connections

        _end(list_connections(subject, is_json=json, data_folder=data_folder))


@connections_program.command("held")
def connections_held(connection: AnyConnection = "", *, json: Json = False, data_folder: DataFolder = None) -> None:
    """List what came and could not be used, record by record, with the reason. Ends with 1 where there is any."""
    from app.cli.holding import list_held

    _end(list_held(connection, is_json=json, data_folder=data_folder))


@connections_program.command("retry")
def connections_retry(connection: AnyConnection = "", *, json: Json = False, data_folder: DataFolder = None) -> None:
    """Read again what was set aside, from the originals that are kept. Ends with 1 where something still is."""
    from app.cli.holding import run_retry

    _end(run_retry(connection, is_json=json, data_folder=data_folder))


@program.command()
def sync(
    connection: Annotated[
        str,
        typer.Argument(
            metavar="CONNECTION", help="Id, or the beginning of one; all active ones where left out.", show_default=False
        ),
    ] = "",
    *,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Read one connection now, or all. Ends with 1 where something could not be read, or was set aside."""
    from app.cli.connecting import run_sync

    _end(run_sync(connection, is_json=json, data_folder=data_folder))


@program.command()
def disconnect(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help="Id, or the beginning of one.")],
    *,
    delete_data: Annotated[bool, typer.Option("--delete-data", help="Delete what came through it, too.")] = False,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """End a connection: take our access back at the provider and destroy its tokens. Ends with 1 where it could not be told."""
    from app.cli.connecting import run_disconnect

    _end(run_disconnect(connection, keeps_data=not delete_data, is_json=json, data_folder=data_folder))


@program.command()
def rewrap(
    new_key_file: Annotated[
        Path, typer.Argument(metavar="FILE", help="Holds the new key-encryption key; made where it is absent.")
    ],
    *,
    json: Json = False,
    data_folder: DataFolder = None,
) -> None:
    """Change the key-encryption key: every subject's key is wrapped again, all or none. Stop the server first."""
    from app.cli.rewrapping import run_rewrap

    _end(run_rewrap(new_key_file, is_json=json, data_folder=data_folder))


@connectors_program.command("list")
def list_connectors(*, json: Json = False) -> None:
    """List connectors and their providers: what each reads, and whether it works now."""
    from app.cli.listing import list_connectors as run

    run(is_json=json)


@program.command()
def doctor(*, json: Json = False, data_folder: DataFolder = None) -> None:
    """Check this installation, line by line, with the next step for whatever is wrong. Changes nothing."""
    from app.cli.doctor import run_doctor

    _end(run_doctor(is_json=json, data_folder=data_folder))


@program.command()
def bench(
    what: Annotated[Benchmark, typer.Argument(metavar="WHAT", help=f"One of {', '.join(Benchmark)}.", show_choices=False)],
    *,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="How many rows, where the benchmark has any.")] = None,
    json: Json = False,
) -> None:
    """Measure one thing beside its alternative. Needs a checkout of the repository."""
    from app.cli.bench import run_bench

    _end(run_bench(what, rows_count=rows, is_json=json))


def _end(code: int) -> None:
    """End the command with this code.

    Raises:
        Exit: Always, unless all is done.
    """
    if code != ExitCode.DONE:
        raise typer.Exit(code)
