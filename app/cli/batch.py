"""`export activities` and `score`: activities as Parquet, and lines made of them by an engine."""

from pathlib import Path

from app.cli.installation import find_subject, installation, settings_of
from app.cli.terminal import ExitCode, print_json, say, tell
from app.factor_packs import installed_factor_set
from app.services import Work
from app.store import subjects
from app.store.session import reading
from app.usecases.export_activities import export_activities
from app.usecases.score_files import local_folder, score_files
from domain.errors import InputError
from domain.factor import GwpSet
from scoring.engines.files import Engine


def run_export_activities(output: Path, *, subject_text: str, is_json: bool, data_folder: Path | None) -> None:
    """Write activities as a folder of Parquet.

    Args:
        output: Folder to make.
        subject_text: Whose; everybody's where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Raises:
        ConflictError: The folder is there already.
        NotFoundError: There is nothing to take along, or no such subject.
    """
    with installation(data_folder) as services:
        chosen = [find_subject(services, subject_text)] if subject_text else []
        with reading(services.engine) as session:
            whose = chosen or [one for one in subjects.everybody(session) if one.erased_at is None]
            found = export_activities(Work(session, services), whose, output)
    if is_json:
        print_json(
            {
                "folder": str(output),
                "activities": found.activities_count,
                "keys": found.keys_count,
                "subjects": found.subjects_count,
            }
        )
        return
    say(f"{output}: {found.activities_count} activities of {found.subjects_count} subjects, {found.keys_count} activity keys.")
    say(f"Score them: climate-fitness score --input {output} --output lines")


def run_score(
    source: str, output: Path, *, engine_name: str, master: str, gwp_set: GwpSet, is_json: bool, data_folder: Path | None
) -> int:
    """Score a folder of Parquet.

    Args:
        source: Folder of activities, or `s3://BUCKET/PREFIX`, which is copied beside the output first and removed at the end.
        output: Folder to make.
        engine_name: "duckdb" or "spark".
        master: Spark's master.
        gwp_set: Set that single gases are weighted with.
        is_json: Answer for programs.
        data_folder: Folder of the installation, whose packs count; the setting where left out.

    Returns:
        The exit code: 1 where lines are refused.

    Raises:
        NotFoundError: There is no such folder.
        ConflictError: The output is there already, or what the engine or the address needs is not installed.
        DocumentError: A file cannot be read.
        ArchiveError: The bucket cannot be read.
    """
    factor_set = installed_factor_set(settings_of(data_folder).data_folder)
    engine = _engine(engine_name, master)
    with local_folder(source, beside=output) as folder:
        found = score_files(folder, output, engine=engine, factor_set=factor_set, gwp_set=gwp_set)
    result = found.result
    for one in result.refused[:10]:
        tell(
            f"Refused: month {one.month_ym}, subject {one.subject_id}, key {one.key_id}: "
            f"{'the sum' if one.quantity_micro is None else 'the line'} is 2^63 or more."
        )
    if is_json:
        print_json({"folder": str(output), "seconds": round(found.engine_s, 3), **found.summary})
    else:
        per_second = round(result.activities_count / found.engine_s) if found.engine_s else 0
        say(f"{result.activities_count} activities, {found.keys_count} keys -> {result.lines_count} lines in {output}")
        say(f"{found.engine}: {found.engine_s:.2f} s, {per_second} activities/s; factor set of {factor_set.id.size} rows")
        say(f"lines_sha256 {found.lines_sha256}")
        if found.unscored:
            say(f"Unscored: {result.unscored_count} totals of {len(found.unscored)} keys; {output}/result.json says why.")
    return ExitCode.PARTLY if result.refused_count else ExitCode.DONE


def _engine(name: str, master: str) -> Engine:
    if name == "spark":
        from scoring.engines.spark_engine import SparkEngine  # noqa: PLC0415 - an extra, which takes a second to import

        return SparkEngine(master=master)
    if master:
        raise InputError("Only Spark has a master", expected="--engine spark", got=f"--engine {name} --master {master}")
    from scoring.engines.duckdb_engine import DuckDbEngine  # noqa: PLC0415

    return DuckDbEngine()
