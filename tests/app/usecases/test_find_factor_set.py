"""A statement is verified with the factor set that it was made with, whatever was installed since."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk
from app.factor_packs import factor_set_of, packs_folder
from app.services import Whose
from app.store.statements import StatementRow, StatementState
from app.usecases.export_bundle import Shown, export_bundle, fullest_bundle
from app.usecases.find_factor_set import factor_set_of_bundle, factor_set_then
from app.usecases.import_factors import import_factors
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.verify_bundle import Step, StepState
from domain.errors import ConflictError
from domain.factor import FactorSetId
from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.folder import FolderPrefix
from scoring.factors.importers.registry import FILE_KINDS, NamedFile
from scoring.factors.load import shipped_factor_set
from tests.app.usecases.installation import Installation, steady

HEAD = "kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source"


def install_pack(installation: Installation, grams: int) -> None:
    """Own factors for New York's grid subregion and the whole country in 2025."""
    rows = [f"electricity,{place},2025,kWh,g/kWh,{grams},generation,Somebody,Table {grams}" for place in ("US", "US/egrid/NYCW")]
    file = NamedFile("own.csv", "\n".join([HEAD, *rows]).encode())
    import_factors(installation.services.settings.data_folder, FILE_KINDS["own-factors"], [file])


@contextmanager
def restarted(installation: Installation) -> Iterator[Installation]:
    """The installation, started again."""
    again = installation.restarted()
    yield again
    again.close()


@contextmanager
def chain_of(installation: Installation) -> Iterator[ChainDesk]:
    """The chain of an installation, for a while."""
    desk = open_desk(installation.services)
    yield desk
    desk.close()


def issued(installation: Installation, whose: Whose) -> StatementRow:
    """An issued statement of April 2025."""
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 3)))
    with chain_of(installation) as desk:
        return installation.issue(desk, installation.close_months(whose, "2025-04"))


def steps(installation: Installation, row: StatementRow, factor_set: FactorSet) -> dict[str, Step]:
    """What a verification with a factor set finds, by name."""
    with installation.looking() as work, chain_of(installation) as desk:
        data = fullest_bundle(work, row).to_bytes()
        return {step.name: step for step in verify_with_chain(data, factor_set=factor_set, chain=desk)}


def test_set_of_today_is_taken_as_it_is(installation: Installation) -> None:
    """Nothing is looked for where the statement names the set that is installed."""
    services = installation.services
    assert factor_set_then(services, services.factor_set.id) is services.factor_set


def test_statement_from_before_a_pack_is_verified_whole(installation: Installation, household: Whose) -> None:
    """After a pack that would choose another factor, the old statement's choice is recomputed with the set of then, and holds."""
    row = issued(installation, household)
    install_pack(installation, 100)
    with restarted(installation) as later:
        assert later.services.factor_set.id != row.factor_set
        then = factor_set_then(later.services, row.factor_set)
        assert then is shipped_factor_set()
        assert {step.state for step in steps(later, row, then).values()} == {StepState.OK}
        now = steps(later, row, later.services.factor_set)
        assert now["choice"].state is StepState.NOT_CHECKED


def test_bundle_names_its_set(installation: Installation, household: Whose) -> None:
    """A bundle is verified with the set that it names where the installation went through it, else with the one it has."""
    row = issued(installation, household)
    with installation.looking() as work:
        data = export_bundle(work, row, Shown.LINES).to_bytes()
    install_pack(installation, 100)
    with restarted(installation) as later:
        installed, folder = later.services.factor_set, later.services.settings.data_folder
        assert factor_set_of_bundle(data, installed=installed, data_folder=folder).id == row.factor_set
        assert factor_set_of_bundle(b"{}", installed=installed, data_folder=folder) is installed
        changed = data.replace(row.factor_set.root_hex.encode(), b"0" * 64)
        assert factor_set_of_bundle(changed, installed=installed, data_folder=folder) is installed


def test_auditor_takes_the_set_of_the_closing(installation: Installation, household: Whose) -> None:
    """A pack that is installed between closing and endorsing does not make findings."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 3)))
    row = installation.close_months(household, "2025-04")
    install_pack(installation, 100)
    with restarted(installation) as later, chain_of(later) as desk:
        assert later.issue(desk, row).state is StatementState.ISSUED


def test_set_that_is_gone_is_said(installation: Installation, household: Whose) -> None:
    """Where the pack was taken away, the bundle with lines is refused with what to do; the totals can be shown and verified."""
    install_pack(installation, 100)
    with restarted(installation) as later:
        row = issued(later, household)
        shutil.rmtree(packs_folder(later.services.settings.data_folder))
        with restarted(later) as without:
            assert factor_set_then(without.services, row.factor_set) is None
            with without.looking() as work:
                with pytest.raises(ConflictError, match="made with a factor set that this installation has no longer") as refused:
                    export_bundle(work, row, Shown.EVERYTHING)
                assert "Put the packs of that time back" in refused.value.next_step
                assert fullest_bundle(work, row) == export_bundle(work, row, Shown.TOTALS)
            found = steps(without, row, without.services.factor_set)
            assert {found[name].state for name in ("manifest", "issuance", "batch", "signatures", "chain")} == {StepState.OK}
            assert found["lines"].state is StepState.NOT_CHECKED


def test_shipped_set_that_grew(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """After an upgrade whose log continues the old one, the state of before, with the packs of then, is still at hand."""
    install_pack(installation, 100)
    folder = installation.services.settings.data_folder
    with restarted(installation) as later:
        before = later.services.factor_set.id
    grown = _grown()
    monkeypatch.setattr("app.factor_packs.shipped_factor_set", lambda: grown)
    found = factor_set_of(folder, before)
    assert found is not None
    assert found.id == before
    plain = factor_set_of(folder, shipped_factor_set().id)
    assert plain is not None
    assert plain.id == shipped_factor_set().id
    assert factor_set_of(folder, FactorSetId(before.size - 3, before.root_hex)) is None


def _grown() -> FactorSet:
    """What an upgrade gives: the shipped folder with one entry more behind the others."""
    shipped = shipped_factor_set().folders[0]
    whole = FolderPrefix(shipped, shipped.size)
    whole.leaves = shipped.leaves + bytes(32)
    whole.size = shipped.size + 1
    return set_of_folders([whole])


def test_packs_are_found_in_their_folder(tmp_path: Path) -> None:
    """A folder that does not exist went through one state: the shipped set."""
    assert factor_set_of(tmp_path / "none", shipped_factor_set().id) is shipped_factor_set()
