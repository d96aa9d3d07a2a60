"""Moving a meter: its place was wrong, or it moved; all its readings are cut and keyed again from the originals."""

from app.services import Whose, Work
from app.store.connections import ConnectionRow
from app.usecases.derive import MeterSite
from app.usecases.rederive_meter import rederive_meter
from domain.period import Month


def move_meter(work: Work, whose: Whose, connection: ConnectionRow, name: str, site: MeterSite) -> frozenset[Month]:
    """Cut and key a meter's readings again for another place; what it said before stays in the history.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection: The connection that the meter belongs to.
        name: The provider's name of the meter point.
        site: Where the meter is now.

    Returns:
        The months whose activity is other than before.

    Raises:
        ArchiveError: An original is lost or changed; nothing is moved.
        NotFoundError: The subject's key was destroyed.
    """
    return rederive_meter(work, whose, connection, name, site).months
