"""The demo's providers as rows of their connectors, and our registration with them.

    with DemoProviders([utility, bank, travel, flight_model]) as providers:
        registry.set_local_providers(rows_of(providers))

The ports are known only now, so these rows stand in no manifest.
"""

from collections.abc import Mapping

from app.demo.providers.oauth import AUTHORIZE_PATH, REVOKE_PATH, TOKEN_PATH, Client
from app.demo.providers.server import DemoProviders
from app.demo.providers.travel import SCOPE as TRAVEL_SCOPE
from app.demo.providers.utility import SCOPE as UTILITY_SCOPE
from connectors.base import ApiKey, KeyPlace, LinkedItem, OAuth2, Provider
from connectors.green_button.providers import CONSENT_ADDRESS, KEEPS

UTILITY, BANK, TRAVEL, FLIGHT_MODEL = "demo-utility", "demo-bank", "demo-travel-account", "demo-flight-model"
"""Provider ids."""

CONNECTOR_OF = {UTILITY: "green-button", BANK: "plaid", TRAVEL: "demo-travel", FLIGHT_MODEL: "travel-impact-model"}
"""Which connector reads which provider."""

SIMULATOR_OF = {UTILITY: "utility", BANK: "bank", TRAVEL: "travel", FLIGHT_MODEL: "travel-impact"}
"""Which simulator answers for which provider."""

WITH_CONSENT = (UTILITY, BANK, TRAVEL)
"""Those with a consent page, and so with a registration of ours; the others take a key."""

FLIGHT_MODEL_KEY = "demo-key"
"""The key that the simulated flight model takes."""

CLIENT_ID = "climate-fitness-demo"
"""What the demo's providers know us by."""

_US = frozenset({"US"})
_REQUESTS_PER_S = 200.0
_LINK = LinkedItem("/link/token/create", "/item/public_token/exchange", "/item/remove")


def rows_of(providers: DemoProviders) -> dict[str, tuple[Provider, ...]]:
    """Rows of the simulators that listen, by the id of their connector.

    Args:
        providers: Those that listen; names as in `SIMULATOR_OF`, others are left out.
    """
    rows = {
        name: _row(name, providers.origins[simulator])
        for name, simulator in SIMULATOR_OF.items()
        if simulator in providers.origins
    }
    return {CONNECTOR_OF[name]: (row,) for name, row in rows.items()}


def our_registration(secret: str, redirect_uris: tuple[str, ...]) -> Client:
    """Us, as the demo's providers are told of us.

    Args:
        secret: Our secret there.
        redirect_uris: Where answers may lead.
    """
    return Client(CLIENT_ID, secret, "Climate Fitness", redirect_uris)


def _row(provider_id: str, origin: str) -> Provider:
    titles = {UTILITY: "Demo Power & Light", BANK: "Demo Bank", TRAVEL: "Demo Trips", FLIGHT_MODEL: "Demo Travel Impact Model"}
    quirks: Mapping[str, Mapping[str, str]] = {
        UTILITY: {"history_days": "762", "piece_days": "31"},
        BANK: {"products": "transactions", "days_requested": "730"},
        TRAVEL: {},
        FLIGHT_MODEL: {},
    }
    auth: OAuth2 | LinkedItem | ApiKey = _LINK
    if provider_id == FLIGHT_MODEL:
        auth = ApiKey(KeyPlace.QUERY, "key", help=f"The demo's key is {FLIGHT_MODEL_KEY}; its numbers are made up.")
    elif provider_id != BANK:
        auth = OAuth2(
            authorize_url=origin + AUTHORIZE_PATH,
            token_url=origin + TOKEN_PATH,
            revoke_url=origin + REVOKE_PATH,
            scope=UTILITY_SCOPE if provider_id == UTILITY else TRAVEL_SCOPE,
            issuer=origin,
            keeps=KEEPS if provider_id == UTILITY else frozenset(),
            consent_address=CONSENT_ADDRESS if provider_id == UTILITY else "",
        )
    return Provider(
        provider_id=provider_id,
        title=titles[provider_id],
        base_url=origin,
        auth=auth,
        countries=_US,
        requests_per_s=_REQUESTS_PER_S,
        quirks=quirks[provider_id],
    )
