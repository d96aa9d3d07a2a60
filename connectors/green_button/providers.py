"""Utilities that serve Green Button Connect My Data, as rows of data.

Every custodian has its own host; client id and secret come from its registration, after a contract and a supervised test.
Addresses and scopes are what the utility, or somebody registered there, published; it confirms them when it registers us.

Quirks that `pull` knows:

- `history_days`, `piece_days`: how far back data go, and how much is asked for at once (defaults 730 and 92);
- `cursor=published`: `updated-min` is refused, or gives everything: ask for the last seven days again instead;
- `window_names=camel`: `publishedMin` instead of `published-min`; `window_format=day`: a date instead of an instant;
- `sends_max=no`: a window has no end, else the utility prepares the same file again and again.

Quirks that are for people: `operator`, who runs the service (one registration may open several utilities), and
`client_certificate=required`: mutual TLS, which this program does not speak yet: such a row can be registered, not pulled.

Days of registration are what the utility says where it says so (Con Edison, Orange & Rockland: 30 to 60, PG&E: 90); elsewhere 30
is our own estimate.

Source:
    Con Edison and Orange & Rockland: Green Button Connect Third-Party Technical Onboarding Document 4.4 (2026-05-07); PG&E: Share
    My Data, OAuth_Authorization_ESPI, and its mapping of scopes; Xcel Energy: description of its Green Button Connect API;
    UtilityAPI: docs/greenbutton; the others: registrations of the Open Green Button project (2026-08).
"""

from connectors.base import ClientAuth, OAuth2, Provider

KEEPS = frozenset({"resourceURI", "authorizationURI", "customerResourceURI"})
"""What ESPI adds to the token reply."""

CONSENT_ADDRESS = "authorizationURI"
"""Where the consent itself is: `DELETE Authorization/{id}` ends it (NAESB REQ.21 ESPI, resource Authorization)."""

_USUAL_DAYS_COUNT = 30
_SAVAGE = "FB=1_3_4_5_6_8_12_15_16_17_27_28_36_37_40_51_54_55_56_57_58_59_60_61;SubscriptionFrequency=Daily"
_LONDON = "FB=1_3_4_5_13_15_16_28_31_37_39_51_53_54_55_56_57_58_59_60_61_64_65_69"
_UTILITYAPI = "FB=4_16_51;AdditionalScope=historical-2y_ongoing-1y_meters-all_sou-default"
_CONED = "FB=1_3_4_5_8_10_15;IntervalDuration=900_3600;BlockDuration=daily;HistoryLength=63072000;AccountCollection=3"
_US, _CA = frozenset({"US"}), frozenset({"CA"})


def utility(  # noqa: PLR0917 - a row of a table, in the order of its columns
    provider_id: str,
    title: str,
    authorize_url: str,
    token_url: str,
    scope: str,
    quirks: dict[str, str] | None = None,
    *,
    countries: frozenset[str] = _CA,
    days_count: int = _USUAL_DAYS_COUNT,
    uses_pkce: bool = True,
    requests_per_s: float = 1.0,
    requests_per_day_count: int = 0,
    hosts: frozenset[str] = frozenset(),
) -> Provider:
    """A utility as a row.

    Args:
        provider_id: Its name in commands.
        title: Its name for people.
        authorize_url: Where the person consents.
        token_url: Where codes become tokens; data are at this host.
        scope: What is asked for; opaque.
        quirks: What is particular.
        countries: Two-letter codes.
        days_count: Until it registers us, days.
        uses_pkce: Whether it bears PKCE.
        requests_per_s: Requests per second.
        requests_per_day_count: Requests per day, 0 where it says none.
        hosts: Further hosts of data.

    Returns:
        The row.
    """
    scheme, _, rest = token_url.partition("://")
    auth = OAuth2(
        authorize_url,
        token_url,
        scope,
        client_auth=ClientAuth.BASIC,
        uses_pkce=uses_pkce,
        keeps=KEEPS,
        consent_address=CONSENT_ADDRESS,
    )
    return Provider(
        provider_id=provider_id,
        title=title,
        base_url=f"{scheme}://{rest.partition('/')[0]}",
        auth=auth,
        countries=countries,
        hosts=hosts,
        requests_per_s=requests_per_s,
        requests_per_day_count=requests_per_day_count,
        registration_days_count=days_count,
        quirks=quirks or {},
    )


def _by_host(provider_id: str, title: str, host: str, scope: str, operator: str, *, is_us: bool = False) -> Provider:
    """A utility on a shared platform: authorize and token beside each other."""
    path = "connect" if operator == "Savage Data" else "oauth"
    return utility(
        provider_id,
        title,
        f"https://{host}/{path}/authorize",
        f"https://{host}/{path}/token",
        scope,
        {"operator": operator},
        countries=_US if is_us else _CA,
    )


PROVIDERS: tuple[Provider, ...] = (
    utility(
        "coned",
        "Con Edison (New York)",
        "https://www.coned.com/en/",
        "https://api.coned.com/gbc/espi/1_1/oauth/Token",
        _CONED,
        {"confirm": "the path of the consent page comes with the registration"},
        countries=_US,
        days_count=60,
        uses_pkce=False,
    ),
    utility(
        "oru",
        "Orange & Rockland (New York, New Jersey)",
        "https://www.oru.com/en/",
        "https://api.coned.com/gbc/espi/1_1/oauth/Token",
        _CONED,
        {"confirm": "the path of the consent page comes with the registration"},
        countries=_US,
        days_count=60,
        uses_pkce=False,
    ),
    utility(
        "pge",
        "Pacific Gas and Electric (California)",
        "https://sharemydata.pge.com/myAuthorization",
        "https://api.pge.com/datacustodian/oauth/v2/token",
        "FB=1_3_8_13_14_18_19_31_32_35_37_38_39_4_5_10_15;AdditionalScope=Usage;IntervalDuration=900_3600;BlockDuration=Daily;"
        "HistoryLength=24;dataCustodianId=PGE",
        {"client_certificate": "required", "piece_days": "31", "cursor": "published"},
        countries=_US,
        days_count=90,
        uses_pkce=False,
        requests_per_day_count=20_000,
    ),
    utility(
        "xcel",
        "Xcel Energy (Colorado, Minnesota and more)",
        "https://api.xcelenergy.com/DataCustodian/oauth/authorize",
        "https://api.xcelenergy.com/DataCustodian/oauth/token",
        "FB=1_3_4_5_10_15;IntervalDuration=900_3600;BlockDuration=daily;HistoryLength=63072000",
        countries=_US,
    ),
    utility(
        "kentucky-utilities",
        "Kentucky Utilities",
        "https://mymeter.lge-ku.com/OAuthServer/authorize",
        "https://mymeter.lge-ku.com/OAuthServer/token",
        "FB=1_3_4_5_15_16_32_37_39;IntervalDuration=900_3600;BlockDuration=Monthly;SubscriptionFrequency=Daily;HistoryLength=94608000",
        {"refresh_scope": "granted"},
        countries=_US,
    ),
    _by_host(
        "consumers-energy",
        "Consumers Energy (Michigan)",
        "greenbutton.consumersenergy.com",
        _UTILITYAPI,
        "UtilityAPI",
        is_us=True,
    ),
    _by_host("eversource", "Eversource (Massachusetts)", "usagelink.eversource.com", _UTILITYAPI, "UtilityAPI", is_us=True),
    _by_host("el-paso-electric", "El Paso Electric", "greenbutton.epelectric.com", _UTILITYAPI, "UtilityAPI", is_us=True),
    utility(
        "alectra",
        "Alectra (Ontario)",
        "https://alectradc.savagedata.com/connect/authorize",
        "https://alectradc.savagedata.com/connect/token",
        "FB=1_3_4_5_6_7_8_9_12_15_16_17_27_28_36_37_40_51_54_55_56_57_58_59_60_61;SubscriptionFrequency=Daily",
        {"operator": "Savage Data", "window_format": "day", "sends_max": "no"},
    ),
    _by_host("hydro-ottawa", "Hydro Ottawa (Ontario)", "hydroottawadc.savagedata.com", _SAVAGE, "Savage Data"),
    _by_host("elexicon", "Elexicon Energy (Ontario)", "elexicondc.savagedata.com", _SAVAGE, "Savage Data"),
    utility(
        "burlington-hydro",
        "Burlington Hydro (Ontario)",
        "https://greenbutton.burlingtonhydro.com/oauth/authorize",
        "https://greenbutton.burlingtonhydro.com/oauth/token",
        "FB=1_3_4_5_13_15_16_28_31_37_39_51_53_54_55_56_57_58_59_60_61_64_65_68_69",
        {"operator": "London Hydro", "cursor": "published"},
    ),
    _by_host(
        "london-hydro",
        "London Hydro (Ontario)",
        "greenbutton.londonhydro.com",
        _LONDON.replace("_65_", "_65_68_"),
        "London Hydro",
    ),
    _by_host("enwin", "Enwin (Ontario)", "greenbutton.enwin.com", _LONDON, "London Hydro"),
    _by_host("festival-hydro", "Festival Hydro (Ontario)", "greenbutton.festivalhydro.com", _LONDON, "London Hydro"),
    _by_host("nt-power", "Newmarket-Tay Power (Ontario)", "greenbutton.ntpower.ca", _LONDON, "London Hydro"),
    utility(
        "utilityapi",
        "A utility through UtilityAPI",
        "https://utilityapi.com/DataCustodian/demo/oauth/authorize",
        "https://utilityapi.com/DataCustodian/oauth/token",
        "FB=4_46",
        {"operator": "UtilityAPI", "confirm": "each utility there has a consent address of its own"},
        countries=_US | _CA,
    ),
    utility(
        "green-button-alliance",
        "Green Button Alliance sandbox",
        "https://sandbox.greenbuttonalliance.org:8443/oauth/authorize",
        "https://sandbox.greenbuttonalliance.org:8443/oauth/token",
        "FB=1_3_4_5_13_14_39;IntervalDuration=3600;BlockDuration=monthly;HistoryLength=13",
        {"confirm": "test data only: the shape that every certified custodian serves"},
        countries=_US | _CA,
    ),
)
"""All rows."""
