"""`serve` and `demo`: the web server over an installation."""

from pathlib import Path

from app.cli.terminal import say
from app.demo import prepare
from app.hosting import Hosting
from app.logs import configure_logs
from app.settings import Settings, read_settings
from app.usecases.local_account import local_account
from app.web import serve


def run_server(*, port: int | None, data_folder: Path | None, is_link_wanted: bool) -> None:
    """Serve until stopped.

    Args:
        port: Port to listen on; the setting where left out.
        data_folder: Folder of the installation; the setting where left out.
        is_link_wanted: Whether the address signs the operator in, in production too.
    """
    settings = _settings(port, data_folder)
    has_link = is_link_wanted or settings.environment == "demo"  # a log of production is read by others, too
    serve(settings, welcome=local_account if has_link else None, on_listening=_tell_address)


def _tell_address(hosting: Hosting) -> None:
    say(f"Climate Fitness: {hosting.welcome_link if hosting.welcome_token else hosting.origin}")


def run_demo(*, port: int | None, data_folder: Path | None, is_browser_wanted: bool) -> None:
    """Serve the demo until stopped.

    Args:
        port: Port to listen on; the setting where left out.
        data_folder: Folder of the demo; the setting where left out.
        is_browser_wanted: Whether a browser is opened.
    """
    prepare.run_demo(_settings(port, data_folder), opens_browser=is_browser_wanted)


def _settings(port: int | None, data_folder: Path | None) -> Settings:
    settings = read_settings(port=port, data_folder=data_folder)
    configure_logs(level=settings.log_level, is_json=settings.is_json_log())
    return settings
