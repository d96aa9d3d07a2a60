"""The lint that finds links that lead nowhere: planted ones, and our own documents."""

import subprocess
import sys
from pathlib import Path

import pytest


def lint(repository: Path, root: Path) -> subprocess.CompletedProcess[str]:
    """The outcome of the command on one checkout."""
    command = [sys.executable, str(repository / "tools/lint_docs.py"), str(root)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A git checkout with one document of two headings."""
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)  # noqa: S607 - git on PATH
    (tmp_path / "other.md").write_text("# Other\n\n## What it's *not*\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ("gone.md", "no such file"),
        ("other.md#nowhere", "no heading 'nowhere' in that file"),
        ("#nowhere", "no heading 'nowhere' in that file"),
        ("../outside.md", "leaves the repository"),
    ],
)
def test_planted_link_is_found(repository: Path, checkout: Path, link: str, reason: str) -> None:
    """A link that leads nowhere is reported with file, line and reason."""
    (checkout / "page.md").write_text(f"# Page\n\nSee [it]({link}).\n", encoding="utf-8")
    result = lint(repository, checkout)
    assert (result.stdout, result.returncode) == (f"page.md:3: {link}: {reason}\n", 1)


@pytest.mark.parametrize("link", ["other.md", "other.md#what-its-not", "#page", "https://example.org/x", "mailto:a@example.org"])
def test_good_link_passes(repository: Path, checkout: Path, link: str) -> None:
    """Files, headings and addresses on the web pass."""
    (checkout / "page.md").write_text(f"# Page\n\nSee [it]({link}).\n", encoding="utf-8")
    assert lint(repository, checkout).returncode == 0


def test_code_blocks_are_not_read(repository: Path, checkout: Path) -> None:
    """What stands in a code block is no link."""
    (checkout / "page.md").write_text("# Page\n\n```\n[it](gone.md)\n```\n", encoding="utf-8")
    assert lint(repository, checkout).returncode == 0


def test_our_documents_pass(repository: Path) -> None:
    """Every link in our own documents leads somewhere."""
    result = lint(repository, repository)
    assert result.returncode == 0, result.stdout
