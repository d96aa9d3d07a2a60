"""The chain's desk: callers take turns, one call at a time."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

from app.assemble import open_desk
from app.chain import ChainDesk
from tests.app.usecases.installation import Installation


class Patient(list[str]):
    """Addresses between which somebody else calls the desk."""

    def __init__(self, addresses: list[str], desk: ChainDesk) -> None:
        super().__init__(addresses)
        self._desk = desk
        self.answers: list[int] = []

    def __iter__(self) -> Iterator[str]:
        """Each address; another thread's call is answered before the next one."""
        for address in super().__iter__():
            other = Thread(target=lambda: self.answers.append(self._desk.quorum()), daemon=True)
            other.start()
            other.join(timeout=10)
            yield address


def test_asking_for_many_lets_others_in_between(tmp_path: Path) -> None:
    """However many auditors one caller asks for, another caller waits for one answer at most."""
    made = Installation.open(tmp_path)
    desk = open_desk(made.services)
    known = made.services.auditor.key.address
    addresses = Patient([known, "0x" + "11" * 20, "0x" + "22" * 20], desk)
    assert desk.regions_of(addresses) == {known: 1, "0x" + "11" * 20: 0, "0x" + "22" * 20: 0}
    assert addresses.answers == [1, 1, 1]
    desk.close()
    made.close()
