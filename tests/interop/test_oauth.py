"""Our OAuth client against servers of other people: npm oidc-provider (certified), and oauth2-mock-server for faults."""

import html
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, quote_plus, urlsplit

import httpx2
import pytest

from app.security.outbound import Outbound
from app.usecases.reconnect import disconnect
from app.usecases.register_provider import register_provider
from app.usecases.revoke_access import Revocation
from connectors.base import OAuth2
from domain.errors import (
    ClimateFitnessError,
    FormatChangedError,
    NeedsConsentError,
    SecurityError,
    TryLaterError,
)
from tests.app.usecases.consent import REDIRECT_URI, ConsentScene, consent_scene, kept_installation, provider
from tests.app.usecases.dialable import Dialable
from tests.app.usecases.installation import Installation

__all__ = ["kept_installation", "provider"]

pytestmark = pytest.mark.interop

HERE = Path(__file__).parent
PACKAGES = ("oidc-provider@9.13.3", "oauth2-mock-server@8.2.3")
SCOPES = ("FB=1_3_4_5_8_10_15;IntervalDuration=900_3600;BlockDuration=daily;HistoryLength=63072000", "usage:read")
CLIENT_ID = "climate fitness:1/x"
SECRET = "a secret with /+=%&?: in it, long enough"


@pytest.fixture(scope="module")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with both servers installed."""
    folder = tmp_path_factory.mktemp("node")
    (folder / "package.json").write_text('{"private": true, "type": "module"}', encoding="utf-8")
    command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *PACKAGES]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    for script in HERE.glob("*.mjs"):
        (folder / script.name).write_bytes(script.read_bytes())
    return folder


@contextmanager
def running(folder: Path, script: str, *arguments: str) -> Iterator[str]:
    """A server of other people, for the length of a test; where it is."""
    process = subprocess.Popen(
        [shutil.which("node") or "node", script, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield next(line.strip() for line in process.stdout if line.startswith("http://"))
    finally:
        process.terminate()
        process.wait()
        process.stdout.close()


def back_from(address: str) -> dict[str, str]:
    """Walk through a provider's pages as a browser does: sign in, consent, and come back."""
    with httpx2.Client(follow_redirects=False, timeout=20) as browser:
        answer = browser.get(address)
        for _ in range(12):
            while answer.status_code in {302, 303}:
                place = answer.headers["location"]
                if place.startswith(REDIRECT_URI):
                    return dict(parse_qsl(urlsplit(place).query))
                answer = browser.get(str(answer.url.join(place)))
            action = re.search(r'action="([^"]+)"', answer.text)
            prompt = re.search(r'name="prompt" value="([^"]+)"', answer.text)
            assert action, answer.text
            assert prompt, answer.text
            form = {"prompt": prompt[1], "login": "ada", "password": "x"}
            answer = browser.post(str(answer.url.join(html.unescape(action[1]))), data=form)
    raise AssertionError("the browser did not come back")


@pytest.fixture
def certified(
    node_folder: Path, kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ConsentScene]:
    """Somebody who connects to a certified provider, whose scopes hold `=` and `;`, as do our name and secret."""
    with running(node_folder, "oidc.mjs", CLIENT_ID, SECRET, REDIRECT_URI, *SCOPES) as issuer:
        auth = OAuth2(
            f"{issuer}/auth",
            f"{issuer}/token",
            " ".join(("openid", "offline_access", *SCOPES)),
            revoke_url=f"{issuer}/token/revocation",
            issuer=issuer,
            extra_params={"prompt": "consent"},
        )
        with consent_scene(kept_installation, provider, monkeypatch, auth=auth) as scene:
            register_provider(scene.services, "paged", CLIENT_ID, SECRET)
            scene.http.close()
            scene.http = Outbound(allowed_local_origins=(issuer,), timeout_s=20)
            yield scene


def userinfo(scene: ConsentScene, token: str) -> int:
    """Status of a request with an access token."""
    auth = scene.row.auth
    assert isinstance(auth, OAuth2)
    answer = scene.http.send("GET", f"{auth.issuer}/me", headers={"Authorization": f"Bearer {token}"})
    return answer.status


def test_whole_life_with_a_certified_provider(certified: ConsentScene) -> None:
    """Consent, id token with our nonce, rotation, and revocation: the provider agrees at every step."""
    row = certified.finish(back_from(certified.begin()))
    assert set(row.granted_scope.split(" ")) == {"openid", "offline_access", *SCOPES}
    assert row.health_said == ""
    first = certified.tokens(row.id)
    assert first is not None
    assert userinfo(certified, first.access_token) == 200
    token = certified.fresh(row.id, because_refused=first.access_token)
    second = certified.tokens(row.id)
    assert second is not None
    assert second.refresh_token != first.refresh_token
    assert userinfo(certified, token) == 200
    ended = disconnect(certified.services, certified.whose, row.id, send=certified.http.send)
    assert ended.revocation is Revocation.DONE
    assert userinfo(certified, token) == 401


def test_reuse_ends_the_family_there_and_asks_the_person_here(certified: ConsentScene) -> None:
    """A refresh token that was used elsewhere first: the provider ends the family, and we ask for consent once."""
    row = certified.finish(back_from(certified.begin()))
    first = certified.tokens(row.id)
    assert first is not None
    auth = certified.row.auth
    assert isinstance(auth, OAuth2)
    form = {"grant_type": "refresh_token", "refresh_token": first.refresh_token}
    stolen = httpx2.post(auth.token_url, data=form, auth=(quote_plus(CLIENT_ID), quote_plus(SECRET)))
    assert stolen.status_code == 200, stolen.text
    with pytest.raises(NeedsConsentError):
        certified.fresh(row.id, because_refused=first.access_token)
    assert userinfo(certified, stolen.json()["access_token"]) == 401


def test_code_does_not_work_with_another_verifier(certified: ConsentScene) -> None:
    """A code of one question is refused with the verifier of another one (code injection)."""
    code = back_from(certified.begin())["code"]
    with pytest.raises(NeedsConsentError):
        certified.finish(back_from(certified.begin()) | {"code": code})
    assert certified.rows() == ()


def test_answer_works_once(certified: ConsentScene) -> None:
    """The same answer again finds no question, and the provider is not asked."""
    query = back_from(certified.begin())
    row = certified.finish(query)
    with pytest.raises(SecurityError):
        certified.finish(query)
    assert [one.id for one in certified.rows()] == [row.id]


Mocked = Callable[[str], AbstractContextManager[ConsentScene]]


@pytest.fixture
def mocked(node_folder: Path, kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> Mocked:
    """Gives somebody who connects to the mock server as a client of this name."""

    @contextmanager
    def made(client_id: str) -> Iterator[ConsentScene]:
        with running(node_folder, "mock.mjs") as issuer:
            auth = OAuth2(f"{issuer}/authorize", f"{issuer}/token", "openid usage", revoke_url=f"{issuer}/revoke")
            with consent_scene(kept_installation, provider, monkeypatch, auth=auth) as scene:
                register_provider(scene.services, "paged", client_id, "x")
                scene.http.close()
                scene.http = Outbound(allowed_local_origins=(issuer,), timeout_s=20)
                yield scene

    return made


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("away", TryLaterError),
        ("lost", TryLaterError),
        ("refused", NeedsConsentError),
        ("empty", FormatChangedError),
        ("mac", FormatChangedError),
        ("foreign-nonce", SecurityError),
    ],
)
def test_faults_of_a_mock_server(mocked: Mocked, name: str, kind: type[ClimateFitnessError]) -> None:
    """Each fault has its answer, and connects nothing."""
    with mocked(name) as scene:
        query = back_from(scene.begin())
        with pytest.raises(kind):
            scene.finish(query)
        assert scene.rows() == ()


@pytest.mark.parametrize("name", ["fine", "no-lifetime", "no-refresh"])
def test_mock_server_connects(mocked: Mocked, name: str) -> None:
    """What may be left out is: a lifetime, a refresh token."""
    with mocked(name) as scene:
        row = scene.finish(back_from(scene.begin()))
        tokens = scene.tokens(row.id)
        assert tokens is not None
        assert (row.access_expires_at is None) == (name == "no-lifetime")
        assert bool(tokens.refresh_token) == (name != "no-refresh")
        assert scene.fresh(row.id) == tokens.access_token
