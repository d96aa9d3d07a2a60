"""What providers send by themselves: that there is something new. Open to everybody, and only a hint: it asks for a sync."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from starlette.status import HTTP_202_ACCEPTED

from app.api.strict import bounded_body
from app.usecases.take_notice import MAX_NOTICE_BYTES, Notices
from domain.errors import DocumentTooLargeError

router = APIRouter(prefix="/notify", include_in_schema=False)


@router.post("/{connector}/{provider}")
async def take_notice(connector: str, provider: str, request: Request) -> Response:
    """Take a notice; the answer is empty, and the same whether or not it concerned anybody here.

    Raises:
        DocumentTooLargeError: It is larger than any honest one.
    """
    body = await bounded_body(request, MAX_NOTICE_BYTES)
    if len(body) > MAX_NOTICE_BYTES:
        raise DocumentTooLargeError("This notice is too large", expected=f"at most {MAX_NOTICE_BYTES} bytes", got="more")
    notices: Notices = request.app.state.notices
    headers = {name.lower(): value for name, value in request.headers.items()}
    await run_in_threadpool(notices.take, connector, provider, headers, body)
    return Response(status_code=HTTP_202_ACCEPTED)
