"""Which subjects are the demo's: their pages say so, and somebody's own data stay apart from them."""

from collections.abc import Iterable

from app.store import installation
from app.store.session import Session

_FACT = "demo_subjects"


def note_demo_subjects(session: Session, subject_ids: Iterable[str]) -> None:
    """Keep which subjects the demo made."""
    installation.set_fact(session, _FACT, " ".join(subject_ids))


def is_demo_subject(session: Session, subject_id: str) -> bool:
    """Whether the demo made this subject."""
    return subject_id in (installation.fact(session, _FACT) or "").split()
