"""Lays out a new connector: its folder, a sample document, and a test that fails until `parse` is written.

    python tools/make_connector.py kwik-cab

What is made is listed; docs/first-connector.md goes on from there.
"""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = Path(__file__).with_name("connector_template")
NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_TESTS = {"sample.json", "test_parse.py"}


def main(arguments: list[str]) -> int:
    """Exit code of the command: 0 when the connector was laid out.

    Args:
        arguments: Its name, such as "kwik-cab".

    Returns:
        0, or 2 with a message where that name cannot be.
    """
    name = arguments[0] if arguments else ""
    package = name.replace("-", "_")
    folder = ROOT / "connectors" / package
    if not NAME.match(name) or folder.exists():
        got = "a connector that is there" if folder.exists() and name else repr(name)
        sys.stderr.write(f"This is no name for a new connector: expected small letters, digits and hyphens, got {got}\n")
        return 2
    words = {
        "name": name,
        "package": package,
        "title": name.replace("-", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in name.split("-")),
        "constant": package.upper(),
    }
    for source in sorted(TEMPLATE.iterdir()):
        file_name = source.name.removesuffix(".txt")
        target = (ROOT / "tests" / "connectors" / package if file_name in _TESTS else folder) / file_name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text(encoding="utf-8").format(**words), encoding="utf-8")
        sys.stdout.write(f"{target.relative_to(ROOT)}\n")
    _register(words)
    return 0


def _register(words: dict[str, str]) -> None:
    """Name it where connectors are found: in the registry, and as an entry point of the package.

    Raises:
        SystemExit: The registry is laid out otherwise.
    """
    registry = ROOT / "connectors" / "registry.py"
    text = registry.read_text(encoding="utf-8")
    line = f"from connectors.{words['package']} import {words['constant']}\n"
    imports = re.findall(r"^from connectors\.[a-z_]+ import .+\n", text, re.MULTILINE)
    after = max((one for one in imports if one < line), default="")
    place = text.index(after) + len(after) if after else text.index(imports[0])
    text = text[:place] + line + text[place:]
    found = re.search(r"_OURS: tuple\[Connector, \.\.\.\] = \(([^)]*)\)", text)
    if found is None:
        raise SystemExit("expected the tuple _OURS in connectors/registry.py, found none")
    ours = sorted({*filter(None, (one.strip() for one in found[1].split(","))), words["constant"]})
    listed = "".join(f"    {one},\n" for one in ours)
    registry.write_text(text[: found.start(1)] + "\n" + listed + text[found.end(1) :], encoding="utf-8")
    project = ROOT / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    head = '[project.entry-points."climate_fitness.connectors"]\n'
    rows, _, rest = text.partition(head)[2].partition("\n\n")
    row = f'{words["name"]} = "connectors.{words["package"]}:{words["constant"]}"'
    block = "\n".join(sorted([*rows.splitlines(), row]))
    project.write_text(text.partition(head)[0] + head + block + "\n\n" + rest, encoding="utf-8")
    sys.stdout.write("connectors/registry.py\npyproject.toml\n")


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
