"""Objects of S3, and of everything that speaks its protocol: a folder of a bucket, copied to this machine.

Credentials come from the environment, as for every program that speaks to S3: `AWS_ACCESS_KEY_ID`, `AWS_PROFILE`, the role of
the machine; `AWS_ENDPOINT_URL_S3` names another host than Amazon's.
"""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from domain.errors import ArchiveError, ConflictError, InputError, NotFoundError

SCHEME = "s3://"
_ATTEMPTS_COUNT = 5
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60


def is_s3(text: str) -> bool:
    """Whether this names a place in a bucket.

    Args:
        text: `s3://BUCKET/PREFIX`, or a path.

    Returns:
        True for the former.
    """
    return text.startswith(SCHEME)


def copy_folder(url: str, folder: Path) -> int:
    """Copy all objects under a prefix into a folder of this machine, each under the rest of its name.

    An object that changes while it is read is refused, not mixed.

    Args:
        url: `s3://BUCKET/PREFIX`.
        folder: Where to; it is there, empty, and ours.

    Returns:
        How many objects were copied.

    Raises:
        ConflictError: boto3 is not installed.
        InputError: The address is no place in a bucket.
        NotFoundError: There is nothing under it.
        ArchiveError: It cannot be read, an object changed meanwhile, or its name leads out of the folder.
    """
    bucket, prefix = _place(url)
    boto3, config_class, errors = _library()
    config = config_class(
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS_COUNT},
        connect_timeout=_CONNECT_TIMEOUT_S,
        read_timeout=_READ_TIMEOUT_S,
    )
    count = 0
    try:
        client = boto3.session.Session().client("s3", config=config, region_name=os.environ.get("AWS_REGION") or None)
        for name in _objects(client, bucket, prefix):
            target = folder / _inner(name.removeprefix(prefix), record=f"{SCHEME}{bucket}/{name}")
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(bucket, name, str(target))  # asks for all parts with the tag of the first
            count += 1
    except errors as error:
        raise ArchiveError(
            "S3 did not give it",
            expected="a bucket that may be listed and read with the credentials of this environment",
            got=" ".join(str(error).split()),
            record=url,
            next_step="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; AWS_ENDPOINT_URL_S3 for another host.",
        ) from error
    if not count:
        raise NotFoundError("There is nothing under this address", expected="objects", got="none", record=url)
    return count


def _place(url: str) -> tuple[str, str]:
    """Bucket, and prefix that ends in a slash or is empty.

    Raises:
        InputError: This is no such address.
    """
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    if f"{parts.scheme}://" != SCHEME or not parts.netloc or parts.query or parts.fragment:
        raise InputError("This is no place in a bucket", expected="s3://BUCKET/PREFIX", got=url)
    return parts.netloc, f"{prefix}/" if prefix else ""


def _objects(client: Any, bucket: str, prefix: str) -> Iterator[str]:  # noqa: ANN401 - boto3 makes its classes as it runs
    """Name of every object that is a file."""
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for one in page.get("Contents", ()):
            if not one["Key"].endswith("/"):  # what consoles write to show a folder
                yield one["Key"]


def _inner(name: str, *, record: str) -> PurePosixPath:
    """A path below the folder.

    Raises:
        ArchiveError: It leads out of it, or is no path of a file system.
    """
    parts = name.split("/")
    if any(part in {"", ".", ".."} for part in parts) or "\\" in name or not name.isprintable():
        raise ArchiveError("The name of an object is no path", expected="names between single slashes", got=name, record=record)
    return PurePosixPath(*parts)


def _library() -> tuple[Any, Any, tuple[type[Exception], ...]]:
    """boto3, its configuration, and what it raises.

    Raises:
        ConflictError: It is not installed.
    """
    try:
        import boto3
        from boto3.exceptions import Boto3Error
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError, ClientError
    except ImportError as error:
        raise ConflictError(
            "What speaks to S3 is not installed", expected="boto3", got="none", next_step="pip install 'climate-fitness[s3]'"
        ) from error
    return boto3, Config, (Boto3Error, BotoCoreError, ClientError, OSError)
