"""Writes docs/cli.md from the commands themselves: `python -m app.cli.document > docs/cli.md`; a test compares the two."""

from collections.abc import Iterator
from typing import Any

import typer

from app.cli.program import NAME, program
from app.cli.terminal import say

INTRODUCTION = f"""# Command line

Written from `app/cli/program.py` by `python -m app.cli.document > docs/cli.md`; a test compares the two.

Answers go to standard output, errors and progress to standard error. `--json` answers for programs: amounts are exact decimal
text. An error says what is wrong, what was expected, what came, in which record, and the next step.

| exit code | means |
|---|---|
| 0 | done |
| 1 | done, but something was refused, failed, or does not hold |
| 2 | nothing could be done: unusable input, or a mistake in the command |
| 3 | `verify` only: consistent, but whether auditors that you know have signed was not checked |

Commands work on the installation in the data folder, as its operator: they see every subject in it. A subject is named by its id,
the beginning of one (4 characters or more), or its name; where there is only one, it may be left out.

From a file to a proof:

```sh
{NAME} import green-button usage.xml --place 94110
{NAME} close 2024-03
{NAME} statements
{NAME} export bundle STATEMENT -o bundle.json
{NAME} verify bundle.json
```

`verify` needs only the bundle: it recomputes every step with the published factor set. Whom to take for auditors it learns from
the chain (of this installation, or `--chain` with `--contract`), or from a list that you keep yourself:

```json
{{"quorum": 1, "auditors": [{{"address": "0x0123456789012345678901234567890123456789", "regions": ["US"]}}]}}
```

A step that lacks what it needs says *not checked*; it never passes in silence. A bundle *holds* (0) where no step failed and
auditors that you believe have signed it; without a chain or a list it is no more than *consistent* (3): anybody could have made
it. Whether a newer revision has replaced a statement only the installation that closed it knows.

A bundle holds the exact totals, even with `--show totals`: published factors are few, so whoever has the bundle of a home can
find its region and consumption from them. The public proof page shows rounded totals instead.
"""


def commands() -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with its words, groups before their members."""
    yield from _walk((), typer.main.get_command(program))


def section_of(words: tuple[str, ...], command: Any) -> str:  # noqa: ANN401 - Typer's own types, which are not exported
    """The Markdown of one command: how it is typed, what it does, and its arguments and options."""
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option"]
    typed = " ".join((NAME, *words, *(one.metavar if one.required else f"[{one.metavar}]" for one in arguments)))
    rows = [(f"`{one.metavar}`", one.help) for one in arguments]
    rows += [(f"`{', '.join(one.opts)}{f' {one.metavar}' if one.metavar else ''}`", _meaning(one)) for one in options]
    table = (
        ["| argument, option | meaning |", "|---|---|", *(f"| {name} | {meaning} |" for name, meaning in rows), ""]
        if rows
        else []
    )
    return "\n".join([f"## `{typed}`", "", command.help, "", *table])


def cli_document() -> str:
    """The Markdown of docs/cli.md."""
    return "\n".join([INTRODUCTION, *(section_of(words, command) for words, command in commands() if words)])


def _meaning(option: Any) -> str:  # noqa: ANN401 - as above
    needed = " Required." if option.required else ""
    is_said = option.default in {None, "", False} or callable(option.default)
    return f"{option.help}{needed}{'' if is_said else f' Default: `{option.default}`.'}"


def _walk(words: tuple[str, ...], command: Any) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - as above
    yield words, command
    for name, member in getattr(command, "commands", {}).items():
        yield from _walk((*words, name), member)


if __name__ == "__main__":
    say(cli_document().rstrip("\n"))
