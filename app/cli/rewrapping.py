"""`rewrap`: a new key-encryption key for an installation."""

from pathlib import Path

from app.assemble import kek_of
from app.cli.installation import installation
from app.cli.terminal import ExitCode, print_json, say
from app.security.kek import make_kek
from app.usecases.rewrap_keys import rewrap_keys


def run_rewrap(new_key_file: Path, *, is_json: bool, data_folder: Path | None) -> int:
    """Wrap every subject's key, and every secret of the installation, by the key of another file.

    Args:
        new_key_file: Holds the new key; made, for its owner alone, where it is absent.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        ConflictError: The file holds the key that is used already.
        SecurityError: Others could read the file, it is damaged, or something is wrapped by a third key: nothing was changed.
    """
    with installation(data_folder) as services:
        former = kek_of(services.settings, services.randomness)
        new = make_kek(new_key_file, services.randomness.bytes)
        done = rewrap_keys(services, former, new)
    if is_json:
        print_json(
            {
                "kek_id": done.kek_id,
                "subjects_count": done.subjects_count,
                "secrets_count": done.secrets_count,
                "known_count": done.known_count,
            }
        )
        return ExitCode.DONE
    say(f"Wrapped again: keys of {done.subjects_count} subjects, {done.secrets_count} secrets.")
    if done.known_count:
        say(f"Wrapped by the new key before: {done.known_count}.")
    say(f"From now on start with CF_KEY_ENCRYPTION_KEY_FILE={new_key_file}")
    say("Keep the former key as long as you keep backups from before.")
    return ExitCode.DONE
