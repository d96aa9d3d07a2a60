"""`preview`: a bank's file or a table before it is taken in."""

import json
from pathlib import Path

from app.cli.terminal import ExitCode, listed, print_json, read_file, say, table, write_file
from app.usecases.preview_file import Preview, preview_file
from connectors.guess import LineLook, Shop
from domain.canonical import Json
from domain.errors import ConflictError, InputError

_SHOWN_SIZE = 70
_SHOPS_COUNT = 20


def run_preview(
    file_name: str,
    *,
    connector: str,
    answers: list[str],
    mapping_name: str,
    save: Path | None,
    rows_count: int,
    is_json: bool,
) -> int:
    """Look at a file.

    Args:
        file_name: Its file, or "-".
        connector: What is to read it; found out where empty.
        answers: Each as NAME=VALUE.
        mapping_name: File of a mapping that is there already, or empty.
        save: Where the mapping goes.
        rows_count: Records to show.
        is_json: Answer for programs.

    Returns:
        The exit code: 1 where something is asked, or a record is refused.

    Raises:
        ConflictError: The mapping cannot be saved while something is asked, or the file needs none.
    """
    mapping = read_mapping(mapping_name) if mapping_name else None
    found = preview_file(read_file(file_name), connector_name=connector, answers=answers, mapping=mapping, most_count=rows_count)
    if is_json:
        print_json(preview_json(found))
    else:
        _show(found)
    if save and found.questions:
        raise ConflictError(
            "The mapping was not saved: something is still asked",
            expected="an answer to each question",
            got=", ".join(one.name for one in found.questions),
            next_step=f"Answer with --answer {found.questions[0].name}=...",
        )
    if save and not found.needs_mapping:
        raise ConflictError(
            "This file needs no mapping", expected="a table", got=found.guess.sort, next_step="Import it as it is."
        )
    if save:
        write_file(save, json.dumps(found.mapping.to_json(), indent=1, ensure_ascii=False).encode() + b"\n")
    return ExitCode.PARTLY if found.questions or any(one.problem for one in found.lines) else ExitCode.DONE


def read_mapping(file_name: str) -> Json:
    """A mapping as `preview --save` writes it.

    Args:
        file_name: Its file.

    Returns:
        The JSON; whether it is a mapping, its connector says.

    Raises:
        InputError: It is no JSON.
    """
    try:
        found: Json = json.loads(read_file(file_name))
    except ValueError as error:
        raise InputError(
            "This mapping is no JSON", expected="what preview --save writes", got=str(error), record=file_name
        ) from error
    return found


def preview_json(found: Preview) -> dict[str, object]:
    """A preview for programs."""
    return {
        "connector": found.connector,
        "sort": found.guess.sort,
        "columns": [{"name": one.name, "samples": list(one.samples)} for one in found.guess.columns],
        "mapping": found.mapping.to_json() if found.needs_mapping else None,
        "said": sorted(found.said),
        "proven": dict(found.guess.proven),
        "guessed": dict(found.guess.likely),
        "questions": [
            {"name": one.name, "label": one.label, "help": one.help, "choices": dict(one.choices)} for one in found.questions
        ],
        "records": [
            {
                "number": one.number,
                "said": one.said,
                "becomes": one.becomes,
                "left_out": one.left_out,
                "problem": one.problem,
            }
            for one in found.lines
        ],
        "shops": [
            {
                "name": one.name,
                "sample": one.sample,
                "lines_count": one.lines_count,
                "spent": dict(one.spent),
                "code": found.mapping.merchants.get(one.name, ""),
            }
            for one in found.shops
        ],
    }


def _show(found: Preview) -> None:
    say(f"{found.guess.sort}, read by {found.connector}")
    if found.needs_mapping:
        say()
        table(_setting_rows(found), head=("what", "is", "how it is known"))
    listed("Asked:", [_question(name.name, name.label, name.help, dict(name.choices)) for name in found.questions])
    merchants = found.mapping.merchants
    shops = [_shop(one) for one in found.shops if one.name not in merchants]
    listed("Shops that nobody knows, most payments first; answer with --answer merchants.NAME=CODE:", shops[:_SHOPS_COUNT])
    if found.lines:
        say()
        table([_line_row(one) for one in found.lines], head=("line", "of", "becomes"), right=(0,))


def _setting_rows(found: Preview) -> list[tuple[str, str, str]]:
    mapping = found.mapping
    asked = {one.name for one in found.questions}
    values: dict[str, str] = {name: ", ".join(map(str, columns)) for name, columns in mapping.columns.items()}
    values |= dict(mapping.constants)
    layout = mapping.layout
    values |= {"header_row": str(mapping.header_row), "decimals": mapping.decimals.value, "date_order": mapping.date_order.value}
    values |= {"sheet": layout.sheet} if layout.sheet else {"encoding": layout.encoding, "delimiter": repr(layout.delimiter)}
    if "amount" in mapping.columns and "direction" not in mapping.columns:
        values["sign"] = mapping.sign.value
    return [(name, _printable(value), _printable(_how(found, name))) for name, value in values.items() if name not in asked]


def _how(found: Preview, name: str) -> str:
    if name in found.said:
        return "you said it"
    if name in found.guess.proven:
        return f"certain: {found.guess.proven[name]}"
    return f"guess: {found.guess.likely[name]}" if name in found.guess.likely else ""


def _question(name: str, label: str, help_text: str, choices: dict[str, str]) -> str:
    answers = "; ".join(f"--answer {name}={value} ({meaning})" for value, meaning in list(choices.items())[:12])
    return _printable(" ".join(part for part in (label, help_text, answers or f"--answer {name}=...") if part))


def _shop(one: Shop) -> str:
    spent = ", ".join(f"{amount} {currency}" for currency, amount in one.spent)
    return _printable(f"{one.name}: {one.lines_count} payments, {spent}")


def _line_row(one: LineLook) -> tuple[str, str, str]:
    becomes = one.becomes or (f"left out: {one.left_out}" if one.left_out else f"REFUSED: {one.problem}")
    return str(one.number), _printable(one.said)[:_SHOWN_SIZE], _printable(becomes)


def _printable(text: str) -> str:
    """Text of a stranger's file in one line, without signs that move the cursor or colour the terminal."""
    return " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
