"""`disclose`: one bill or one group of a statement, for somebody who may see that and nothing else."""

import sys
from pathlib import Path

from app.cli.installation import find_statement, installation
from app.cli.terminal import STANDARD_INPUT, print_json, say, tell, write_file
from app.services import Work
from app.store.session import reading
from app.usecases.disclose import ShowableGroup, disclose_group, disclose_record, show_inputs
from app.usecases.verify_disclosure import activity_said
from domain.errors import InputError


def run_disclose(
    statement_text: str,
    *,
    record: str,
    group: str,
    is_signed: bool | None,
    output: str,
    is_json: bool,
    data_folder: Path | None,
) -> None:
    """Write a disclosure, or list what can be shown.

    Args:
        statement_text: Which statement.
        record: Id of the record, or its beginning; empty for none.
        group: Key of the group; empty for none.
        is_signed: Whether the auditors' signatures stand in it; None for those of a token.
        output: Its file, "-", or empty for a name of its own.
        is_json: List for programs.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        InputError: Both a record and a group.
        NotFoundError: There is no such statement, record or group.
        ConflictError: The statement was not signed yet.
        LedgerError: It was closed before anything could be shown alone.
    """
    if record and group:
        raise InputError("A disclosure shows one thing", expected="--record or --group", got="both")
    with installation(data_folder) as services, reading(services.engine) as session:
        work = Work(session, services)
        statement = find_statement(session, statement_text)
        if not (record or group):
            _list(show_inputs(work, statement), is_json=is_json)
            return
        made = (
            disclose_record(work, statement, record, is_signed=is_signed)
            if record
            else disclose_group(work, statement, group, is_signed=is_signed)
        )
    data = made.to_bytes()
    if output == STANDARD_INPUT:
        sys.stdout.buffer.write(data)
    else:
        path = Path(output or f"disclosure-{made.checksum_hex[:12]}.json")
        write_file(path, data)
        say(f"{path}: {len(data)} bytes. Whoever gets it verifies it: climate-fitness verify {path}")
    if made.signed is None:
        tell(f"Without signatures: whoever gets it compares the inputs root {made.inputs_root_hex} with the public proof page,")
        tell("or: climate-fitness verify FILE --inputs-root HEX. With --signed the statement's totals in grams are told too.")
    else:
        tell("The auditors' signatures are in it, and with them the statement's totals in grams.")


def _list(groups: tuple[ShowableGroup, ...], *, is_json: bool) -> None:
    if is_json:
        print_json(
            [
                {
                    "group": group.group_key,
                    "records": [
                        {
                            "record_id": one.record_id,
                            "record_key": one.leaf.record_key,
                            "month": str(one.leaf.month),
                            "amounts": [activity_said(activity) for activity in one.leaf.activities],
                            "originals": list(one.leaf.document_sha256s),
                        }
                        for one in group.records
                    ],
                }
                for group in groups
            ]
        )
        return
    for group in groups:
        say(f"group {group.group_key}")
        for one in group.records:
            amounts = "; ".join(activity_said(activity) for activity in one.leaf.activities) or "no amount"
            say(f"  record {one.record_id}  {one.leaf.record_key}: {amounts}")
