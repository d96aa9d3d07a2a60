"""Passwords are hashed with argon2id and verified in equal time."""

import threading
import time
from collections.abc import Callable

import pytest

from app.clock import SystemRandomness
from app.security import passwords
from app.security.passwords import Passwords
from domain.errors import InputError

PASSWORDS = Passwords(SystemRandomness().bytes)
GOOD = "correct horse battery"


def test_right_password_fits_and_wrong_does_not() -> None:
    """The password of a hash fits; another one does not."""
    stored = PASSWORDS.hash(GOOD)
    assert PASSWORDS.verify(stored, GOOD)
    assert not PASSWORDS.verify(stored, GOOD + "!")


def test_hash_says_its_parameters() -> None:
    """The stored text names argon2id with 19 MiB, two passes, one lane, and needs no new hash."""
    stored = PASSWORDS.hash(GOOD)
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not PASSWORDS.must_rehash(stored)
    assert PASSWORDS.must_rehash(stored.replace("m=19456", "m=9728"))


def test_same_password_has_another_hash_each_time() -> None:
    """Salts are random, so equal passwords cannot be seen."""
    assert PASSWORDS.hash(GOOD) != PASSWORDS.hash(GOOD)


def test_composed_and_decomposed_letters_are_the_same() -> None:
    """A password typed on another keyboard with the same letters fits."""
    assert PASSWORDS.verify(PASSWORDS.hash("Gr\u00f6\u00dfe 12345"), "Gro\u0308\u00dfe 12345")


@pytest.mark.parametrize("password", ["", "seven77", "x" * 257])
def test_length_is_bounded(password: str) -> None:
    """Passwords that are too short or too long are refused without being repeated."""
    with pytest.raises(InputError, match=f"expected 8 to 256 characters; got {len(password)} characters; in password"):
        PASSWORDS.hash(password)


def test_overlong_guess_does_not_fit() -> None:
    """A guess that begins with the right password and goes on is wrong, however long."""
    stored = PASSWORDS.hash("x" * 256)
    assert PASSWORDS.verify(stored, "x" * 256)
    assert not PASSWORDS.verify(stored, "x" * 257)
    assert not PASSWORDS.verify(stored, "x" * 100_000)


def test_nobodys_hash_costs_as_much_and_never_fits() -> None:
    """Without an account every password is wrong, and the same work is done: time tells no login."""
    assert not PASSWORDS.verify(None, GOOD)
    assert not PASSWORDS.must_rehash(passwords._NOBODYS_HASH)  # noqa: SLF001 - its parameters must follow the others
    stored = PASSWORDS.hash(GOOD)

    def fastest_s(verify: Callable[[], bool]) -> float:
        times = []
        for _ in range(5):
            began_s = time.perf_counter()
            verify()
            times.append(time.perf_counter() - began_s)
        return min(times)

    wrong_s = fastest_s(lambda: PASSWORDS.verify(stored, "another one"))
    nobody_s = fastest_s(lambda: PASSWORDS.verify(None, "another one"))
    assert 0.5 < nobody_s / wrong_s < 2


def test_damaged_hash_does_not_fit() -> None:
    """A stored text that is no hash is a wrong password, not a crash."""
    assert not PASSWORDS.verify("not a hash", GOOD)


def test_burst_of_sign_ins_is_served() -> None:
    """Many sign-ins at once all get their answer, two at a time."""
    stored = PASSWORDS.hash(GOOD)
    answers: list[bool] = []
    threads = [threading.Thread(target=lambda: answers.append(PASSWORDS.verify(stored, GOOD))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 8
