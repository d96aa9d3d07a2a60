"""Settings: read from the environment, checked together, documented from the code."""

import os
from pathlib import Path

import pytest

from app.settings import Settings, SettingsError, read_settings, settings_document

KEK = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
SAFE = {
    "environment": "production",
    "base_url": "https://fit.example",
    "key_encryption_key": KEK,
    "keystore_passphrase": "5a" * 32,
}


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the person who runs the tests."""
    for name in [name for name in os.environ if name.startswith("CF_")]:
        monkeypatch.delenv(name)


def test_document_is_that_of_the_code(repository: Path) -> None:
    """docs/settings.md is what `settings_document` writes."""
    assert (repository / "docs/settings.md").read_text(encoding="utf-8") == settings_document()


def test_every_setting_is_described() -> None:
    """Each setting says what it is, and a size, time or rate has its unit in its name."""
    assert [name for name, field in Settings.model_fields.items() if not (field.description or "").endswith((".", "0."))] == []
    units = ("_bytes", "_count", "_s", "_hours", "_per_minute", "_gwei", "_gas_per_day", "port")
    numbers = [name for name, field in Settings.model_fields.items() if type(field.default) in {int, float}]
    assert [name for name in numbers if not name.endswith(units)] == []


def test_defaults_work_alone() -> None:
    """Nothing set: a demo on this machine, with SQLite in the data folder."""
    settings = read_settings()
    assert settings.origin() == "http://localhost:8000"
    assert settings.database_address() == f"sqlite:///{Path.cwd()}/.climate-fitness/data.sqlite3"
    assert settings.requests_per_minute() == 0
    assert settings.hosts() == {"localhost", "127.0.0.1", "[::1]"}


def test_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables with the prefix are read; lists are separated by commas; an empty one counts as not set."""
    monkeypatch.setenv("CF_PORT", "0")
    monkeypatch.setenv("CF_HOST", "")
    monkeypatch.setenv("CF_ALLOWED_LOCAL_ORIGINS", "http://localhost:9001, http://localhost:9002")
    settings = read_settings()
    assert (settings.port, settings.host) == (0, "127.0.0.1")
    assert settings.allowed_local_origins == ("http://localhost:9001", "http://localhost:9002")


def test_command_line_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the command line gives wins over the environment; None means not given."""
    monkeypatch.setenv("CF_PORT", "1")
    assert read_settings(port=2, host=None).port == 2


def test_misspelt_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable with the prefix that does not exist is refused by name."""
    monkeypatch.setenv("CF_PROT", "1")
    with pytest.raises(SettingsError, match=r"There is no such setting; expected a name of docs/settings\.md; got CF_PROT"):
        read_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "70000"),
        ("MAX_UPLOAD_BYTES", "0"),
        ("KEYSTORE_PASSPHRASE", "5a" * 31),
        ("BASE_URL", "https://fit.example/path"),
        ("BASE_URL", "ftp://fit.example"),
        ("CHAIN_CONTRACT", "0x12"),
        ("IDEMPOTENCY_HOURS", "1"),
        ("ENVIRONMENT", "staging"),
        ("ALLOWED_LOCAL_ORIGINS", "localhost:9001"),
    ],
)
def test_bad_value_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """A value that cannot be used is refused with the variable's name."""
    monkeypatch.setenv(f"CF_{name}", value)
    with pytest.raises(SettingsError, match=f"This setting cannot be used; expected .*in CF_{name}"):
        read_settings()


def test_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key is not printed, and neither is a right one."""
    monkeypatch.setenv("CF_KEY_ENCRYPTION_KEY", "canary")
    with pytest.raises(SettingsError, match="expected 32 bytes in base64") as caught:
        read_settings()
    assert "canary" not in str(caught.value)
    assert KEK not in repr(Settings(key_encryption_key=KEK))


def test_safe_production() -> None:
    """An https address and a key are enough; requests are limited then."""
    settings = read_settings(**SAFE)
    assert settings.requests_per_minute() == 600
    assert settings.is_json_log()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ({"base_url": "http://fit.example"}, "BASE_URL"),
        ({"base_url": ""}, "BASE_URL"),
        ({"allowed_local_origins": "http://localhost:9001"}, "ALLOWED_LOCAL_ORIGINS"),
        ({"key_encryption_key": ""}, "KEY_ENCRYPTION_KEY"),
        ({"key_encryption_key": "", "key_encryption_key_file": ".climate-fitness/kek"}, "KEY_ENCRYPTION_KEY"),
        ({"keystore_passphrase": ""}, "KEYSTORE_PASSPHRASE"),
        ({"allowed_hosts": "*.example"}, "ALLOWED_HOSTS"),
        ({"trusted_proxies": "*"}, "TRUSTED_PROXIES"),
    ],
)
def test_unsafe_production(change: dict[str, str], name: str) -> None:
    """Production refuses what only a demo may do, naming the variable."""
    with pytest.raises(SettingsError, match=f"not safe in production; expected .*in CF_{name}"):
        read_settings(**(SAFE | change))


def test_key_file_outside_the_data_folder() -> None:
    """A key in a file elsewhere is enough in production."""
    read_settings(**(SAFE | {"key_encryption_key": "", "key_encryption_key_file": "/etc/climate-fitness/kek"}))


def test_settings_do_not_change() -> None:
    """Settings are read once."""
    with pytest.raises(ValueError, match="frozen"):
        setattr(read_settings(), "port", 1)  # noqa: B010 - mypy would refuse the plain assignment
