"""Finds links in our Markdown files that lead nowhere.

Checks every relative link and every `#heading` of the files that git tracks. Addresses on the web are not asked: a check must
not depend on somebody else's server.

Run it as `python tools/lint_docs.py [ROOT]`; it prints `path:line: message` and exits 1 when it found something.
"""

import re
import subprocess
import sys
from pathlib import Path

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
WEB = re.compile(r"[a-z]+:")


def headings(text: str) -> set[str]:
    """The anchors of a document's headings, as GitHub and GitLab spell them.

    Args:
        text: Markdown.

    Returns:
        Lower-case words joined by hyphens, punctuation left out.
    """
    titles = re.findall(r"^#+ +(.+?) *$", _without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def _without_code(text: str) -> str:
    """The text with fenced code blanked, its lines kept for counting."""
    return re.sub(r"^```.*?^```", lambda match: "\n" * match[0].count("\n"), text, flags=re.MULTILINE | re.DOTALL)


def broken_links(file: Path, root: Path) -> list[str]:
    """The links of one file that lead nowhere.

    Args:
        file: A Markdown file under `root`.
        root: The repository's folder; a link that leaves it is broken.

    Returns:
        Messages `path:line: ...`.
    """
    lines = _without_code(file.read_text(encoding="utf-8")).splitlines()
    path = file.relative_to(root).as_posix()
    targets = ((number, target) for number, line in enumerate(lines, start=1) for target in LINK.findall(line))
    return [
        f"{path}:{number}: {target}: {reason}"
        for number, target in targets
        if not WEB.match(target) and (reason := _why_broken(target, file, root))
    ]


def _why_broken(target: str, file: Path, root: Path) -> str:
    """Why a relative link leads nowhere; empty when it leads somewhere."""
    path, _, anchor = target.partition("#")
    aim = (file.parent / path).resolve() if path else file
    if not aim.is_relative_to(root.resolve()):
        return "leaves the repository"
    if not aim.exists():
        return "no such file"
    if anchor and aim.suffix == ".md" and anchor not in headings(aim.read_text(encoding="utf-8")):
        return f"no heading {anchor!r} in that file"
    return ""


def main(arguments: list[str]) -> int:
    """Exit code of the command: 0 when every link leads somewhere, else 1.

    Args:
        arguments: At most one, the root folder of a git checkout; this repository when left out.

    Returns:
        0 or 1.
    """
    root = Path(arguments[0]).resolve() if arguments else Path(__file__).resolve().parent.parent
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z", "*.md"]
    names = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [root / name for name in names if name and (root / name).exists()]
    messages = [message for file in sorted(files) for message in broken_links(file, root)]
    print("\n".join(messages) if messages else f"documents: every link leads somewhere ({len(files)} files)")
    return 1 if messages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
