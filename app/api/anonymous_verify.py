"""Verifying what strangers send: small files, one at a time, so that nobody can keep the server busy with them."""

from threading import Lock

from fastapi import Request
from fastapi.concurrency import run_in_threadpool

from app.api.strict import Upload, read_upload
from app.api.who import looking
from app.hosting import Hosting
from app.services import Services
from app.usecases.find_factor_set import factor_set_of_bundle
from app.usecases.find_successor import Successor, successor_of_bundle
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.verify_bundle import Step
from app.usecases.verify_disclosure import KnownStatement
from app.usecases.walk_back import known_statement
from domain.errors import BusyError

MAX_BUNDLE_BYTES = 8 * 1024 * 1024
"""Largest bundle that is verified for somebody who did not sign in; a year of one meter is about 300 kB."""

ONE_AT_A_TIME = Lock()
"""Held while a stranger's bundle is verified."""

RETRY_AFTER_S = 5.0
"""When to ask again while another one is verified, seconds."""

Checked = tuple[Upload, tuple[Step, ...], Successor]
"""What was sent, its steps, and what is known of newer revisions."""


async def verify_upload(request: Request, services: Services, hosting: Hosting) -> Checked:
    """The verification of a bundle that somebody sends; nothing of it is kept.

    Args:
        request: Its body is the bundle, or a form with the file `bundle`.
        services: What the program works with.
        hosting: Has the chain.

    Returns:
        What was sent and what was found.

    Raises:
        DocumentError: No file, or an unreadable form.
        DocumentTooLargeError: The bundle is larger than 8 MiB.
        BusyError: Another one is being verified.
    """
    most_bytes = min(MAX_BUNDLE_BYTES, services.settings.max_upload_bytes)
    upload = await read_upload(request, max_bytes=most_bytes, field="bundle")
    steps, successor = await run_in_threadpool(_verify, upload.content, services, hosting)
    return upload, steps, successor


def _verify(data: bytes, services: Services, hosting: Hosting) -> tuple[tuple[Step, ...], Successor]:
    if not ONE_AT_A_TIME.acquire(blocking=False):
        raise BusyError(
            "Another bundle is being verified",
            wait_s=RETRY_AFTER_S,
            expected="one at a time",
            next_step="Send it again in a few seconds, or use `climate-fitness verify` on your own machine.",
        )
    try:
        folder = services.settings.data_folder
        factor_set = factor_set_of_bundle(data, installed=services.factor_set, data_folder=folder)
        with looking(services) as work:

            def known_of(manifest_hash_hex: str) -> KnownStatement | None:
                return known_statement(work, manifest_hash_hex, chain=hosting.chain, kept=hosting.verifications)

            steps = verify_with_chain(data, factor_set=factor_set, chain=hosting.chain, known_of=known_of)
            return steps, successor_of_bundle(work, data)
    finally:
        ONE_AT_A_TIME.release()
