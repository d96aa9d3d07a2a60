"""Every setting of the product, in one table.

Each field is read from the environment variable `CF_` + its name in capitals. `docs/settings.md` is written from this file
(`settings_document`), and a test compares the two. A number carries its unit in its name.
"""

import os
import re
from base64 import b64decode
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from domain.errors import InputError

PREFIX = "CF_"
"""How the name of every environment variable begins."""

KEK_SIZE = 32
"""Bytes of a key-encryption key (AES-256)."""

_SECRET_HEX = re.compile(r"[0-9a-fA-F]{64}")


class SettingsError(InputError):
    """A setting that cannot be used."""


def _split(value: object) -> object:
    """The parts of a text separated by commas; anything else as it came."""
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _is_origin(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and value == f"{parts.scheme}://{parts.netloc}"


def _check_origin(value: str) -> str:
    if value and not _is_origin(value):
        raise ValueError("expected scheme://host or scheme://host:port without a path")
    return value


def _check_kek(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if not text:
        return value
    try:
        size = len(b64decode(text, validate=True))
    except ValueError:
        size = -1
    if size != KEK_SIZE:
        raise ValueError(f"expected {KEK_SIZE} bytes in base64")
    return value


def _check_keystore_passphrase(value: SecretStr) -> SecretStr:
    text = value.get_secret_value()
    if text and not _SECRET_HEX.fullmatch(text):
        raise ValueError("expected 64 hexadecimal digits")
    return value


Texts = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
Origin = Annotated[str, AfterValidator(_check_origin)]
Origins = Annotated[tuple[Origin, ...], NoDecode, BeforeValidator(_split)]
Kek = Annotated[SecretStr, AfterValidator(_check_kek)]
KeystorePassphrase = Annotated[SecretStr, AfterValidator(_check_keystore_passphrase)]
Count = Annotated[int, Field(ge=0)]
Size = Annotated[int, Field(gt=0)]
Seconds = Annotated[float, Field(gt=0)]


class Settings(BaseSettings):
    """What can be set from outside; immutable once read.

    Use `read_settings` to build one from the environment: it also refuses misspelt names and unsafe combinations.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", env_ignore_empty=True, hide_input_in_errors=True
    )

    environment: Literal["demo", "production"] = Field(
        "demo", description="`demo` works alone on this machine; `production` refuses unsafe combinations (below)."
    )
    data_folder: Path = Field(
        Path(".climate-fitness"), description="Folder of everything the program writes: database, originals, chain, key."
    )
    database_url: SecretStr = Field(
        SecretStr(""), description="SQLAlchemy address of the database; empty: SQLite in the data folder."
    )
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="Port to listen on; 0: any free one.")
    base_url: Origin = Field(
        "", description="Origin under which people reach this server; empty: `http://localhost:` and the port."
    )
    allowed_hosts: Texts = Field(
        (), description="Further host names accepted in `Host`, separated by commas; base URL and localhost always are."
    )
    allowed_local_origins: Origins = Field(
        (), description="Origins on this machine that connectors may call (the demo's providers), separated by commas."
    )
    trusted_proxies: Texts = Field(
        (), description="Addresses of reverse proxies whose `X-Forwarded-For` and `-Proto` are believed, separated by commas."
    )
    key_encryption_key: Kek = Field(
        SecretStr(""), description="Key that wraps every subject's key, 32 bytes in base64; empty: the file is used."
    )
    key_encryption_key_file: Path | None = Field(
        None, description="File holding that key, mode 0600; empty: `keys/kek` in the data folder, made on first start."
    )
    keystore_passphrase: KeystorePassphrase = Field(
        SecretStr(""),
        description=(
            "Secret that opens the key files of auditor and relayer, 64 hexadecimal digits; empty: `keys/keystore.secret` in the "
            "data folder, made on first start."
        ),
    )
    session_hours: Size = Field(12, description="Hours until a signed-in browser has to sign in again.")
    idempotency_hours: Annotated[int, Field(ge=24)] = Field(
        24, description="Hours for which the reply to an Idempotency-Key is kept."
    )
    max_body_bytes: Size = Field(1024 * 1024, description="Largest request body of ordinary routes, bytes.")
    max_upload_bytes: Size = Field(32 * 1024 * 1024, description="Largest uploaded file, bytes.")
    max_batch_bytes: Size = Field(64 * 1024 * 1024, description="Largest NDJSON batch, bytes.")
    max_line_bytes: Size = Field(64 * 1024, description="Longest line of an NDJSON batch, bytes.")
    max_line_count: Size = Field(100_000, description="Most lines in an NDJSON batch.")
    max_header_bytes: Size = Field(16 * 1024, description="Largest sum of a request's header names and values, bytes.")
    max_header_count: Size = Field(64, description="Most headers of a request.")
    body_gap_s: Seconds = Field(10.0, description="Longest pause between two pieces of a request body, seconds.")
    body_timeout_s: Seconds = Field(300.0, description="Longest time for a whole request body, seconds.")
    stop_timeout_s: Size = Field(10, description="Time that running requests get to finish when the program stops, seconds.")
    job_threads_count: Annotated[int, Field(ge=0, le=32)] = Field(
        2, description="Jobs (syncs of connections) that a serving process runs at once; 0: only `climate-fitness worker` does."
    )
    rate_limit_per_minute: Count | None = Field(
        None, description="Requests per minute and address, and per API key; 0: no limit; empty: 0 in demo, 600 in production."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="Least severity that is logged.")
    log_format: Literal["auto", "console", "json"] = Field(
        "auto", description="Log for people or for programs; `auto`: console in demo, JSON in production."
    )
    chain_url: SecretStr = Field(
        SecretStr(""), description="JSON-RPC address of the chain's node; empty: the embedded chain ([chains](chains.md))."
    )
    chain_id: Annotated[int, Field(gt=0, lt=2**53)] | None = Field(
        None, description="Id that the chain at that address must have (EIP-155); needed with an address."
    )
    chain_contract: str = Field(
        "",
        pattern=r"^(0x[0-9a-fA-F]{40})?$",
        description="Address of the contract on that chain, as `climate-fitness chain deploy` prints it; embedded chain: empty.",
    )
    chain_name: Annotated[str, Field(max_length=80)] = Field(
        "", description="What people are told about that chain: `Sepolia test network`; empty: `chain` and its id."
    )
    chain_timeout_s: Seconds = Field(10.0, description="Longest time for one answer of the chain's node, seconds.")
    chain_confirmations_count: Size | None = Field(
        None, description="Blocks on top of a block that make it final; empty: the node's `finalized` tag, or 64 blocks without."
    )
    chain_fee_ceiling_gwei: Size = Field(500, description="Most that is ever offered for one gas, gwei (10^-9 ether).")
    chain_replace_after_s: Seconds = Field(
        120.0, description="Seconds that a transaction waits for a block before it is offered again for more."
    )
    chain_gas_per_day: Count = Field(
        100_000_000, description="Most gas signed for in a day (UTC), not on the embedded chain; 0: no limit."
    )
    chain_keystore_file: Path | None = Field(
        None,
        description="Key file (Web3 Secret Storage, version 3) of the account that pays; empty: `keys/relayer.json` in the data "
        "folder, made on first start.",
    )
    chain_keystore_passphrase: SecretStr = Field(SecretStr(""), description="What opens that file.")
    chain_signer_url: SecretStr = Field(
        SecretStr(""),
        description="Address of a key service that signs for the account that pays, not a key file ([chains](chains.md)).",
    )
    chain_signer_address: str = Field(
        "", pattern=r"^(0x[0-9a-fA-F]{40})?$", description="The account that the key service signs for; needed with its address."
    )
    chain_signer_token_file: Path | None = Field(
        None, description="File with the key service's access token, read each time; empty: none is sent."
    )
    chain_rpc_port: Annotated[int, Field(ge=0, le=65535)] = Field(
        0, description="Port of 127.0.0.1 where the embedded chain answers other processes; 0: any free one."
    )
    auditor_quorum_count: Size = Field(1, description="Auditor signatures that a statement needs.")
    auditor_region: str = Field("US", pattern=r"^[A-Z]{2}$", description="Region of the embedded auditor, ISO 3166-1 code.")

    def database_address(self) -> str:
        """The database's address with its password: for the engine alone, never for a log."""
        return self.database_url.get_secret_value() or f"sqlite:///{self.database_file()}"

    def database_file(self) -> Path:
        """The SQLite file that is used where no other database is set."""
        return self.data_folder.absolute() / "data.sqlite3"

    def origin(self, port: int | None = None) -> str:
        """The origin that people use.

        Args:
            port: The port that is really open, where 0 was asked for.

        Returns:
            `base_url`, or this machine under its name, because passkeys need a name.
        """
        return self.base_url or f"http://localhost:{self.port if port is None else port}"

    def hosts(self) -> frozenset[str]:
        """Host names (no ports, lower case) that a request may name."""
        own = urlsplit(self.origin()).hostname or "localhost"
        return frozenset({"localhost", "127.0.0.1", "[::1]", own, *(name.lower() for name in self.allowed_hosts)})

    def kek_path(self) -> Path:
        """The file of the key-encryption key."""
        return self.key_encryption_key_file or self.data_folder / "keys" / "kek"

    def requests_per_minute(self) -> int:
        """The rate limit in force, requests per minute; 0 is none."""
        if self.rate_limit_per_minute is not None:
            return self.rate_limit_per_minute
        return 600 if self.environment == "production" else 0

    def is_json_log(self) -> bool:
        """Whether the log is for programs."""
        return self.log_format == "json" or (self.log_format == "auto" and self.environment == "production")

    def check(self) -> Self:
        """These settings, if they are safe together.

        Returns:
            The settings themselves.

        Raises:
            SettingsError: Production with something that only a demo may do.
        """
        if self.environment == "production":
            for name, expected, got, is_bad in _production_rules(self):
                if is_bad:
                    raise SettingsError(
                        "This setting is not safe in production",
                        expected=expected,
                        got=got,
                        record=PREFIX + name.upper(),
                        next_step=f"Set {PREFIX}{name.upper()}, or {PREFIX}ENVIRONMENT=demo on your own machine.",
                    )
        return self


def _production_rules(settings: Settings) -> tuple[tuple[str, str, str, bool], ...]:
    """Setting, what is expected, what came, and whether that is refused in production."""
    is_kek_beside_data = not settings.key_encryption_key.get_secret_value() and (
        settings.key_encryption_key_file is None
        or settings.data_folder.absolute() in settings.key_encryption_key_file.absolute().parents
    )
    return (
        ("base_url", "an https:// origin", settings.base_url or "nothing", not settings.base_url.startswith("https://")),
        (
            "allowed_local_origins",
            "nothing: only the demo's providers live on this machine",
            ", ".join(settings.allowed_local_origins),
            bool(settings.allowed_local_origins),
        ),
        (
            "key_encryption_key",
            f"a key, or {PREFIX}KEY_ENCRYPTION_KEY_FILE outside the data folder",
            "a key beside the data that it protects",
            is_kek_beside_data,
        ),
        (
            "keystore_passphrase",
            "64 hexadecimal digits, kept apart from the data folder",
            "a secret beside the key files that it opens",
            not settings.keystore_passphrase.get_secret_value(),
        ),
        ("allowed_hosts", "names without *", ", ".join(settings.allowed_hosts), "*" in "".join(settings.allowed_hosts)),
        ("trusted_proxies", "addresses", "*", "*" in settings.trusted_proxies),
    )


def read_settings(**overrides: Any) -> Settings:  # noqa: ANN401 - each field's own type
    """The settings of this process, from its environment.

    Args:
        **overrides: Settings given on the command line, by field name; they win. None means not given.

    Returns:
        Checked settings.

    Raises:
        SettingsError: A name that does not exist, a value that cannot be used, or an unsafe combination.
    """
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    if unknown:
        raise SettingsError(
            "There is no such setting", expected="a name of docs/settings.md", got=unknown[0], next_step="Correct or unset it."
        )
    try:
        return Settings(**{name: value for name, value in overrides.items() if value is not None}).check()
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        name = PREFIX + str(first["loc"][0]).upper()
        raise SettingsError(
            "This setting cannot be used",
            expected=first["msg"].removeprefix("Value error, ").removeprefix("expected "),
            record=name,
            next_step=f"Correct {name}; docs/settings.md describes it.",
        ) from error


def settings_document() -> str:
    """The Markdown of docs/settings.md."""
    rows = [
        f"| `{PREFIX}{name.upper()}` | {_default_text(field.default)} | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    refused = [
        f"| `{PREFIX}{name.upper()}` | {expected} |" for name, expected, *_ in _production_rules(Settings.model_construct())
    ]
    return "\n".join(
        [
            "# Settings",
            "",
            "Written from `app/settings.py`; a test compares the two. Settings are environment variables; an empty one counts",
            "as not set, and a name that begins with `CF_` but does not exist is refused at start.",
            "",
            "| variable | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
            "## What production refuses",
            "",
            "| variable | expected with `CF_ENVIRONMENT=production` |",
            "|---|---|",
            *refused,
            "",
        ]
    )


def _default_text(value: object) -> str:
    shown = value.get_secret_value() if isinstance(value, SecretStr) else value
    return "empty" if shown in {None, ""} or shown == () else f"`{shown}`"
