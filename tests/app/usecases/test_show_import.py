"""The result page of an import says what was read, what was refused, and under which name."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from app.services import Whose, Work
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.show_import import show_import
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages.upload import UploadModel, UploadTotal, render
from domain.activity import Direction, EvidenceClass
from domain.errors import NotFoundError
from domain.place import place_from_text
from tests.app.usecases.scenes import Scene, document_of, load, make_scene

PROFILE = load(date(2026, 2, 1), date(2026, 3, 1), has_solar=True)


def result_of(scene: Scene, import_id: str) -> UploadModel:
    """The page of an import."""
    return scene.look(lambda work: show_import(work, scene.whose, import_id))


def test_result_says_what_was_read(tmp_path: Path) -> None:
    """Sums by direction, days, counts, hash and name."""
    scene = make_scene(tmp_path)
    report = scene.take_in(document_of(PROFILE), "meter <1>.xml")
    page = result_of(scene, report.import_id)
    assert page.totals == (
        UploadTotal("electricity", Direction.DELIVERED, sum(PROFILE.delivered_wh) * 1000, "kWh", 28 * 24),
        UploadTotal("electricity_export", Direction.EXPORT, sum(PROFILE.exported_wh) * 1000, "kWh", 28 * 24),
    )
    assert (page.first_date, page.last_date) == (date(2026, 2, 1), date(2026, 2, 28))
    assert (page.readings_count, page.new_count, page.corrected_count, page.repeated_count) == (2 * 28 * 24, 56, 0, 0)
    assert (page.document_name, page.sha256_hex, page.is_archived) == ("meter <1>.xml", report.document_sha256, True)
    assert page.evidence is EvidenceClass.UPLOADED
    assert "meter &lt;1&gt;.xml" in render(page, messages_in(), Frame())


def test_a_second_upload_repeats_and_corrects(tmp_path: Path) -> None:
    """The same file again is known; a newer one with other readings corrects every day."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(PROFILE))
    again = result_of(scene, scene.take_in(document_of(PROFILE)).import_id)
    assert (again.new_count, again.corrected_count, again.repeated_count) == (0, 0, 56)
    newer = document_of(PROFILE, change_wh=1, updated_at=datetime(2026, 3, 12, tzinfo=UTC))
    corrected = result_of(scene, scene.take_in(newer).import_id)
    assert (corrected.new_count, corrected.corrected_count, corrected.repeated_count) == (0, 28, 28)


def test_refused_parts_are_named(tmp_path: Path) -> None:
    """A series in a unit that nobody knows is refused with its reason; the rest is read."""
    scene = make_scene(tmp_path)
    body = document_of(PROFILE)
    position = body.rindex(b"<espi:uom>72</espi:uom>")
    broken = body[:position] + b"<espi:uom>999</espi:uom>" + body[position + len(b"<espi:uom>72</espi:uom>") :]
    page = result_of(scene, scene.take_in(broken).import_id)
    (part,) = page.refused
    assert "999" in part.reason
    assert part.record
    assert page.readings_count == 28 * 24


def test_the_name_is_sealed(tmp_path: Path) -> None:
    """No table holds the file's name in the clear."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(PROFILE), "Rivera family.xml")
    with scene.services.engine.connect() as connection:
        (sealed,) = connection.execute(text("SELECT sealed_name FROM import_report")).one()
    assert b"Rivera" not in sealed
    files = list(tmp_path.glob("*.sqlite*"))
    assert files
    assert not [path.name for path in files if b"Rivera family" in path.read_bytes()]


def test_a_long_name_with_control_characters_is_cut(tmp_path: Path) -> None:
    """Newlines and escapes are left out, and two hundred characters are enough."""
    scene = make_scene(tmp_path)
    report = scene.take_in(document_of(PROFILE), "a\n\x1b[31m" + "b" * 300)
    assert result_of(scene, report.import_id).document_name == "a[31m" + "b" * 195


def test_a_file_without_name_is_called_by_its_kind(tmp_path: Path) -> None:
    """The connector's title stands for a missing name."""
    scene = make_scene(tmp_path)
    assert result_of(scene, scene.take_in(document_of(PROFILE)).import_id).document_name.startswith("Green Button")


def test_another_subjects_import_is_not_there(tmp_path: Path) -> None:
    """Within one tenant, too, an import is its own subject's."""
    scene = make_scene(tmp_path)
    report = scene.take_in(document_of(PROFILE))
    new = NewSubject(SubjectKind.PERSON, "Somebody else", place_from_text("DE"))
    other = scene.change(lambda work: create_subject(work, new, owner_account_id="", tenant_id=scene.whose.tenant_id))

    def look(work: Work) -> UploadModel:
        return show_import(work, Whose(scene.whose.tenant_id, other.subject_id), report.import_id)

    with pytest.raises(NotFoundError, match="There is no such import"):
        scene.look(look)
