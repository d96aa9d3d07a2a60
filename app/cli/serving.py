"""`serve` and `demo`: the web server over an installation."""

from pathlib import Path

from app.cli.terminal import say
from app.demo import prepare
from app.logs import configure_logs
from app.settings import Settings, read_settings
from app.web import serve


def run_server(*, port: int | None, data_folder: Path | None) -> None:
    """Serve until stopped.

    Args:
        port: Port to listen on; the setting where left out.
        data_folder: Folder of the installation; the setting where left out.
    """
    settings = _settings(port, data_folder)
    serve(settings, on_listening=lambda _hosting, open_port: say(f"Climate Fitness: {settings.origin(open_port)}"))


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
