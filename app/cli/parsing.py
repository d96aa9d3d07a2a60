"""`parse`: one document through one connector, without an installation."""

from app.cli.terminal import ExitCode, listed, print_json, read_file, say, show_error, table
from connectors import registry
from connectors.summary import Summary, exit_code, summary_json, unusable_json
from domain.declared import ActivityDocument
from domain.errors import ClimateFitnessError


def run_parse(connector_name: str, file_name: str, *, is_json: bool) -> int:
    """Parse a document and say what is in it.

    Args:
        connector_name: Which connector reads it.
        file_name: Its file, or "-".
        is_json: Answer for programs.

    Returns:
        The exit code: 0 all read, 1 some refused, 2 unusable.

    Raises:
        NotFoundError: There is no such connector.
        InputError: The file cannot be read from the disk.
    """
    connector = registry.find(connector_name)
    body = read_file(file_name)
    try:
        document = connector.parse(body)
    except ClimateFitnessError as error:
        if is_json:
            print_json(unusable_json(error))
        show_error(error)
        return ExitCode.UNUSABLE
    summary = summary_json(document)
    if is_json:
        print_json(summary)
    else:
        _show(summary, is_declared=isinstance(document, ActivityDocument))
    return exit_code(document)


def _show(summary: Summary, *, is_declared: bool) -> None:
    if is_declared:
        say(f"{summary['activities']} activities")
    else:
        say(f"{summary['readings']} readings in {summary['activities']} meter days")
    if summary["first_start"]:
        say(f"from {summary['first_start']} to {summary['last_end']}")
    if summary["totals"]:
        say()
        rows = [(one["kind"], one["direction"], one["amount"], one["unit"]) for one in summary["totals"]]
        table(rows, head=("kind", "direction", "amount", "unit"), right=(2,))
    if summary["refused"]:
        say()
    listed("Refused:", [f"{one['code']}: {one['message']}" for one in summary["refused"]])
