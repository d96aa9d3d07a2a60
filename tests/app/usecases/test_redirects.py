"""Mix-up: a provider that wants another one's code does not get it, whether that one names itself in its answers or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.demo.providers.oauth import AUTHORIZE_PATH, TOKEN_PATH
from app.usecases.redirects import check_came_to, own_redirect_uri
from app.usecases.register_provider import register_provider
from connectors import registry
from connectors.base import ApiKey, Auth, KeyPlace, LinkedItem, Provider
from domain.errors import SecurityError
from tests.app.usecases.consent import (
    CLIENT_ID,
    REDIRECT_URI,
    ConsentScene,
    consent_scene,
    decide,
    kept_installation,
    oauth_of,
    provider,
)
from tests.app.usecases.dialable import Dialable, dialable
from tests.app.usecases.installation import Installation

__all__ = ["kept_installation", "provider"]


@dataclass
class MixUp:
    """Somebody who connects a provider that means ill, and has an account at another one that does not.

    Attributes:
        scene: Of the honest one.
        evil: The other one's server: it notes whatever it is sent.
    """

    scene: ConsentScene
    evil: Dialable

    def lead_astray(self) -> dict[str, str]:
        """The evil one sends the browser on to the honest one's page, with its own state; what the browser comes back with."""
        row = Provider("evil", "Free Power", f"{self.evil.origin}/api", auth=oauth_of(self.evil.origin, issuer=""))
        registry.set_local_providers({"paged-meter": [row]})
        register_provider(self.scene.services, "evil", "our name there", "our secret there")
        address = replace(self.scene, row=row).begin()
        assert address.startswith(self.evil.origin)
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["redirect_uri"] == f"{REDIRECT_URI}/evil"
        page = asked | {"client_id": CLIENT_ID, "redirect_uri": own_redirect_uri(REDIRECT_URI, self.scene.row)}
        honest = f"{self.scene.provider.origin}{AUTHORIZE_PATH}?{urlencode(page)}"
        return decide(self.scene.desk, honest, self.scene.allowed, redirect_uri=page["redirect_uri"])

    def consent(self) -> dict[str, str]:
        """The honest way: from its own question to its own page, and back."""
        return decide(
            self.scene.desk,
            self.scene.begin(),
            self.scene.allowed,
            redirect_uri=own_redirect_uri(REDIRECT_URI, self.scene.row),
        )

    @property
    def codes_at_evil(self) -> list[bytes]:
        """What was posted to its token endpoint."""
        return [one.body for one in self.evil.asked if one.path == TOKEN_PATH]


@contextmanager
def mix_up(installation: Installation, provider: Dialable, patch: pytest.MonkeyPatch, *, issuer: str | None) -> Iterator[MixUp]:
    """Both providers."""
    auth = oauth_of(provider.origin) if issuer is None else oauth_of(provider.origin, issuer=issuer)
    with dialable() as evil, consent_scene(installation, provider, patch, auth=auth) as scene:
        try:
            yield MixUp(scene, evil)
        finally:
            registry.set_local_providers({})


@pytest.mark.parametrize("issuer", [None, ""], ids=["names itself", "does not"])
def test_code_of_one_provider_does_not_go_to_another(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch, issuer: str | None
) -> None:
    """The honest one's answer comes to its address with the state of a question to the evil one: refused before it is used."""
    with mix_up(kept_installation, provider, monkeypatch, issuer=issuer) as at:
        query = at.lead_astray()
        assert query["code"]
        came_to = own_redirect_uri("", at.scene.row).removeprefix("/")
        assert came_to == ("paged" if issuer == "" else "")
        with pytest.raises(SecurityError, match="from another provider than was asked"):
            at.scene.finish(query, came_to=came_to)
        assert (at.codes_at_evil, at.scene.rows()) == ([], ())
        with pytest.raises(SecurityError, match="not known here"):  # its state is spent
            at.scene.finish(query, came_to="evil")
        assert at.codes_at_evil == []


def test_common_address_is_no_way_around(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer of a provider that has an address of its own is taken there, and nowhere else."""
    with mix_up(kept_installation, provider, monkeypatch, issuer="") as at:
        for wrong in ("", "evil", "paged/", "PAGED", "pag\u00e9d"):
            query = at.consent()
            with pytest.raises(SecurityError, match="from another provider than was asked"):
                at.scene.finish(query, came_to=wrong)
        assert at.scene.finish(at.consent(), came_to="paged").provider == "paged"
        (form,) = at.scene.forms()
        assert form["redirect_uri"] == f"{REDIRECT_URI}/paged"


def row(auth: Auth) -> Provider:
    """A provider."""
    return Provider("some", "Some", "https://some.example", auth=auth)


def test_who_has_an_address_of_its_own() -> None:
    """Whoever does not name itself in its answers."""
    own = f"{REDIRECT_URI}/some"
    named = row(oauth_of("https://some.example"))
    silent = row(oauth_of("https://some.example", issuer=""))
    linked = row(LinkedItem("/a", "/b", "/c"))
    assert [own_redirect_uri(REDIRECT_URI, one) for one in (named, silent, linked)] == [REDIRECT_URI, own, own]
    assert own_redirect_uri(REDIRECT_URI, row(ApiKey(KeyPlace.BEARER))) == own
    check_came_to(named, "")
    check_came_to(silent, "some")


def test_every_row_is_told_apart() -> None:
    """No two rows of all connectors that ask for consent can be answered for by one another."""
    rows = [one for connector in registry.connectors() for one in connector.manifest.providers]
    own = [own_redirect_uri(REDIRECT_URI, one) for one in rows]
    silent = [address for address in own if address != REDIRECT_URI]
    assert len(silent) == len(set(silent))
    issuers = [one.auth.issuer for one, address in zip(rows, own, strict=True) if address == REDIRECT_URI]  # type: ignore[union-attr]
    assert len(issuers) == len(set(issuers))
