"""A bucket on this machine, spoken to over HTTP as any other."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

BUCKET = "activities"


@contextmanager
def open_bucket(objects: Mapping[str, bytes]) -> Iterator[Any]:
    """A bucket that holds these objects.

    Args:
        objects: Name to bytes.

    Yields:
        A client of it; the environment names its host and credentials, for this process and those it starts.
    """
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    try:
        host, port = server.get_host_and_port()
        with pytest.MonkeyPatch.context() as patch:
            for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL"):
                patch.delenv(name, raising=False)
            patch.setenv("AWS_ENDPOINT_URL_S3", f"http://{host}:{port}")
            patch.setenv("AWS_ACCESS_KEY_ID", "test")
            patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
            patch.setenv("AWS_REGION", "us-east-1")
            client = boto3.client("s3", region_name="us-east-1")
            client.create_bucket(Bucket=BUCKET)
            for name, data in objects.items():
                client.put_object(Bucket=BUCKET, Key=name, Body=data)
            yield client
    finally:
        server.stop()
