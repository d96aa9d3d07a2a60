"""A folder of a bucket comes to this machine whole, or not at all and with a reason."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archive.s3 import copy_folder, is_s3
from domain.errors import ArchiveError, ConflictError, InputError, NotFoundError
from tests.archive.bucket import BUCKET, open_bucket

MANY_COUNT = 1_005
"""More than one page of a listing."""
LARGE = bytes(range(256)) * 40_000
"""More than one part of a download."""


@pytest.fixture(scope="module")
def bucket() -> Iterator[Any]:
    """Objects under several prefixes."""
    objects = {
        "2024/keys.parquet": b"keys",
        "2024/activity/": b"",
        "2024/activity/month_ym=202401/part-0.parquet": LARGE,
        "20245/other": b"a name that only begins alike",
        "above/../../out": b"",
        "twice//slash": b"",
        **{f"many/{number}": b"%d" % number for number in range(MANY_COUNT)},
    }
    with open_bucket(objects) as client:
        yield client


@pytest.mark.parametrize("url", [f"s3://{BUCKET}/2024", f"s3://{BUCKET}/2024/"])
@pytest.mark.usefixtures("bucket")
def test_objects_of_a_prefix_become_files(tmp_path: Path, url: str) -> None:
    """What is under the prefix comes with its bytes; what only begins alike does not."""
    assert copy_folder(url, tmp_path) == 2
    files = {str(file.relative_to(tmp_path)): file.read_bytes() for file in tmp_path.rglob("*") if file.is_file()}
    assert files == {"keys.parquet": b"keys", "activity/month_ym=202401/part-0.parquet": LARGE}


@pytest.mark.usefixtures("bucket")
def test_every_page_of_a_listing_is_read(tmp_path: Path) -> None:
    """More objects than one listing holds are all copied."""
    assert copy_folder(f"s3://{BUCKET}/many", tmp_path) == MANY_COUNT
    assert {file.read_bytes() for file in tmp_path.iterdir()} == {b"%d" % number for number in range(MANY_COUNT)}


@pytest.mark.parametrize("prefix", ["above", "twice"])
@pytest.mark.usefixtures("bucket")
def test_names_that_are_no_paths(tmp_path: Path, prefix: str) -> None:
    """A name that leads out of the folder, or that two files would share, is refused; nothing is written outside."""
    folder = tmp_path / "in"
    folder.mkdir()
    with pytest.raises(ArchiveError) as caught:
        copy_folder(f"s3://{BUCKET}/{prefix}", folder)
    assert f"s3://{BUCKET}/{prefix}/" in str(caught.value)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.usefixtures("bucket")
def test_nothing_under_the_address(tmp_path: Path) -> None:
    """An empty prefix is no empty folder."""
    with pytest.raises(NotFoundError, match="2023"):
        copy_folder(f"s3://{BUCKET}/2023", tmp_path)


@pytest.mark.usefixtures("bucket")
def test_no_such_bucket(tmp_path: Path) -> None:
    """The reason of S3 is said, with the address and what to set."""
    with pytest.raises(ArchiveError) as caught:
        copy_folder("s3://nobodys/2024", tmp_path)
    assert "NoSuchBucket" in str(caught.value)
    assert "AWS_ACCESS_KEY_ID" in str(caught.value)


@pytest.mark.usefixtures("bucket")
def test_without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Missing credentials are named at once; none are asked of a machine's metadata service in vain."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(ArchiveError, match="credentials"):
        copy_folder(f"s3://{BUCKET}/2024", tmp_path)


def test_host_is_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A host that does not answer is an error of the archive."""
    for name, value in (("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test"), ("AWS_MAX_ATTEMPTS", "1")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(ArchiveError, match=r"127\.0\.0\.1:1"):
        copy_folder(f"s3://{BUCKET}/2024", tmp_path)


@pytest.mark.parametrize("url", ["s3://", "s3:///2024", "gs://bucket/2024", "s3://bucket/2024?versionId=1", "s3://bucket/a#b"])
def test_other_addresses(tmp_path: Path, url: str) -> None:
    """What is no place in a bucket is refused."""
    with pytest.raises(InputError):
        copy_folder(url, tmp_path)


def test_boto3_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra the answer says how to get it."""
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(ConflictError, match=r"climate-fitness\[s3\]"):
        copy_folder(f"s3://{BUCKET}/2024", tmp_path)


def test_what_is_s3() -> None:
    """Only the scheme makes it one."""
    assert is_s3("s3://bucket/2024")
    assert not is_s3("s3/bucket")
