"""Who asks, and what they may: the dependencies of every route that is not public."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

from fastapi import Depends, Request

from app.api.problems import not_allowed, not_signed_in
from app.hosting import Hosting
from app.services import Services, Whose, Work
from app.store import subjects
from app.store.session import Session, reading
from app.store.subjects import Role, SubjectRow
from app.usecases.sign_in import WRITE_SCOPE, Caller, caller_of_key, caller_of_session
from domain.errors import NotFoundError

LOCAL_COOKIE = "cf_session"
SECURE_COOKIE = "__Host-cf_session"
"""Session cookie over plain http on this machine, and over https (RFC 6265bis, section 4.1.3.2)."""

_WRITERS = frozenset({Role.OWNER, Role.EDITOR})


def services_of(request: Request) -> Services:
    """What the program works with."""
    found: Services = request.app.state.services
    return found


def hosting_of(request: Request) -> Hosting:
    """The serving process."""
    found: Hosting = request.app.state.hosting
    return found


def session_cookie_name(request: Request) -> str:
    """Name of the session cookie on this origin."""
    return SECURE_COOKIE if services_of(request).settings.origin().startswith("https:") else LOCAL_COOKIE


class SignInNeededError(Exception):
    """A page was asked for by somebody who has to sign in first: they are led there and back."""


def page_caller(request: Request) -> Caller:
    """Who asks for a page.

    Args:
        request: The request.

    Returns:
        The caller.

    Raises:
        SignInNeededError: Nobody is known.
    """
    found = caller_or_none(request)
    if found is None:
        raise SignInNeededError
    return found


def session_token(request: Request) -> str:
    """The session cookie's token, or empty."""
    return request.cookies.get(session_cookie_name(request), "")


def caller_or_none(request: Request) -> Caller | None:
    """Who asks, by API key or session cookie; None where nobody is known.

    Args:
        request: The request.

    Returns:
        The caller.

    Raises:
        ProblemError: An API key is given that is not one of ours: it never falls back to the cookie.
    """
    services = services_of(request)
    header = request.headers.get("authorization", "")
    with reading(services.engine) as session:
        if not header:
            return caller_of_session(session, session_token(request), services.clock.now())
        scheme, _, text = header.partition(" ")
        found = caller_of_key(session, text.strip(), services.clock.now()) if scheme.lower() == "bearer" else None
    if found is None:
        raise not_signed_in()
    return found


def caller(request: Request) -> Caller:
    """Who asks.

    Args:
        request: The request.

    Returns:
        The caller.

    Raises:
        ProblemError: 401: nobody is known.
    """
    found = caller_or_none(request)
    if found is None:
        raise not_signed_in()
    return found


Asking = Annotated[Caller, Depends(caller)]
"""Who asks; 401 where nobody is known."""

MaybeAsking = Annotated[Caller | None, Depends(caller_or_none)]
"""Who asks, or nobody."""

ServicesHere = Annotated[Services, Depends(services_of)]
"""What the program works with."""

HostingHere = Annotated[Hosting, Depends(hosting_of)]
"""The serving process."""


@contextmanager
def looking(services: Services) -> Iterator[Work]:
    """A transaction that only reads.

    Args:
        services: What the program works with.

    Yields:
        The work.
    """
    with reading(services.engine) as session:
        yield Work(session, services)


def may_see(session: Session, services: Services, who: Caller, subject_id: str) -> SubjectRow:
    """The subject, if the caller has a role at it.

    Args:
        session: The open transaction.
        services: Tells the day.
        who: Who asks.
        subject_id: Which subject.

    Returns:
        The subject.

    Raises:
        NotFoundError: There is none, or none that they may see: the answer is the same.
    """
    _role(session, services, who, subject_id)
    return subjects.by_id(session, who.tenant_id, subject_id)


def may_change(session: Session, services: Services, who: Caller, subject_id: str) -> Whose:
    """The subject, if the caller may change it.

    Args:
        session: The open transaction.
        services: Tells the day.
        who: Who asks.
        subject_id: Which subject.

    Returns:
        The subject.

    Raises:
        NotFoundError: There is none that they may see.
        ProblemError: 403: they may look only.
    """
    role = _role(session, services, who, subject_id)
    may_write(who)
    if role not in _WRITERS:
        raise not_allowed("You may look at this subject, not change it.")
    return Whose(who.tenant_id, subject_id)


def can_change(session: Session, services: Services, who: Caller, subject_id: str) -> bool:
    """Whether the caller, who may see the subject, may change it too: what pages show buttons by.

    Args:
        session: The open transaction.
        services: Tells the day.
        who: Who asks.
        subject_id: Which subject.

    Returns:
        Whether `may_change` would give the subject.

    Raises:
        NotFoundError: There is none that they may see.
    """
    return _role(session, services, who, subject_id) in _WRITERS and WRITE_SCOPE in who.scopes


def may_write(who: Caller) -> None:
    """Refuse a program whose key only looks.

    Args:
        who: Who asks.

    Raises:
        ProblemError: 403: the key has no scope to write.
    """
    if WRITE_SCOPE not in who.scopes:
        raise not_allowed("This API key may look, not change.")


def _role(session: Session, services: Services, who: Caller, subject_id: str) -> Role:
    role = subjects.role_of(session, who.tenant_id, who.account_id, subject_id, services.clock.now().date())
    if role is None:
        raise NotFoundError("There is no such subject", expected="the id of a subject of yours", got=subject_id)
    return role
