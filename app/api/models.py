"""What the API takes and gives: one model per noun. Amounts are text, so that no reader rounds them."""

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.store.activities import ActivityRow
from app.store.connections import ConnectionRow
from app.store.documents import DocumentRow
from app.store.periods import PeriodRow
from app.store.quarantine import QuarantineRow
from app.store.shares import ShareLinkRow
from app.store.statements import StatementRow
from app.store.subjects import SubjectRow
from app.usecases.claim_statement import WARNING, ClaimCall
from app.usecases.disclose import ShowableGroup
from app.usecases.find_duplicates import Duplicate
from app.usecases.find_successor import Standing, Successor
from app.usecases.import_report import ImportReport
from app.usecases.preview_file import Preview
from app.usecases.reconnect import Ended
from app.usecases.remove_record import Removed
from app.usecases.retry_held import Retried
from app.usecases.show_lines import apart_of, line_json
from app.usecases.verify_bundle import Step, first_failure, holds, verdict
from app.usecases.verify_disclosure import activity_said
from connectors.base import ApiKey, Manifest, Provider
from domain.activity import EvidenceClass
from domain.duplicates import Sighting
from domain.factor import Basis, GwpSet, Part
from domain.number import decimal_of_micro, decimal_to_text, fraction_to_text, grams_of_micrograms
from domain.period import Month
from domain.statement import Line, Totals, Unscored, unscored_from_json
from scoring.factors.factor_set import FactorSet
from scoring.net import gwp_set_of


class _In(BaseModel):
    """What a client sends; a field that we do not know is refused."""

    model_config = ConfigDict(extra="forbid", str_max_length=4096)


class _Out(BaseModel):
    """What we answer."""

    model_config = ConfigDict(frozen=True)


class SubjectIn(_In):
    """A subject to make."""

    kind: Literal["person", "household", "entity", "facility"] = Field(examples=["household"])
    name: str = Field(min_length=1, max_length=120, examples=["Our home"])
    place: str = Field(description="US ZIP code or two-letter country code of its home.", examples=["94110"])
    zone: str = Field("", description="IANA time zone; empty where the region has one.", examples=["America/Los_Angeles"])
    member_count: int = Field(1, ge=1, le=1000, description="Persons of a household.")
    currency: str = Field("USD", pattern=r"^[A-Z]{3}$")
    chain_holder: str = Field("", pattern=r"^(0x[0-9a-fA-F]{40})?$", description="Account of its tokens; empty: anchored.")


class SubjectOut(_Out):
    """A subject."""

    id: str
    kind: str
    name: str
    region: str = Field(examples=["US/zip/94110"])
    country: str
    zone: str
    member_count: int
    chain_holder: str = Field(description="Account of its tokens, or that people's statements may be claimed by; empty for none.")
    created_at: datetime

    @classmethod
    def of(cls, row: SubjectRow) -> "SubjectOut":
        """The answer about a subject."""
        return cls(
            id=row.id,
            kind=str(row.kind),
            name=row.name,
            region=row.region,
            country=row.country,
            zone=row.zone,
            member_count=row.member_count,
            chain_holder=row.chain_holder,
            created_at=row.created_at,
        )


class QuestionOut(_Out):
    """Something that only the person can say when a connection is made."""

    name: str
    label: str
    help: str
    choices: dict[str, str]
    pattern: str
    is_required: bool


class ProviderOut(_Out):
    """Somebody who can be connected."""

    id: str = Field(examples=["octopus-energy"])
    title: str
    countries: list[str]
    asks: Literal["consent", "key", "nothing"] = Field(description="How the person allows it.")
    is_ready: bool = Field(description="This installation can connect it now: it is registered there, or need not be.")
    registration_days_count: int = Field(description="Days that the provider takes to register an operator; 0: works at once.")
    key_help: str = Field(description="Where the person finds their key.")
    help_url: str


class ConnectorOut(_Out):
    """What can be read."""

    id: str = Field(examples=["green-button"])
    title: str
    kinds: list[str]
    upload_media_types: list[str]
    availability: str
    every_hours: int
    questions: list[QuestionOut]
    providers: list[ProviderOut]

    @classmethod
    def of(cls, manifest: Manifest, registered: Collection[str]) -> "ConnectorOut":
        """The answer about a connector, where these providers know us."""
        return cls(
            id=manifest.connector_id,
            title=manifest.title,
            kinds=sorted(manifest.kinds),
            upload_media_types=sorted(manifest.upload_media_types),
            availability=manifest.availability(),
            every_hours=manifest.every_hours,
            questions=[
                QuestionOut(
                    name=one.name,
                    label=one.label,
                    help=one.help,
                    choices=dict(one.choices),
                    pattern=one.pattern,
                    is_required=one.is_required,
                )
                for one in manifest.questions
            ],
            providers=[_provider_out(one, registered) for one in manifest.providers],
        )


def _provider_out(row: Provider, registered: Collection[str]) -> ProviderOut:
    is_keyed = isinstance(row.auth, ApiKey)
    is_open = is_keyed or row.auth is None
    return ProviderOut(
        id=row.provider_id,
        title=row.title,
        countries=sorted(row.countries),
        asks="key" if is_keyed else "nothing" if row.auth is None else "consent",
        is_ready=is_open or row.provider_id in registered,
        registration_days_count=row.registration_days_count,
        key_help=row.auth.help if isinstance(row.auth, ApiKey) else "",
        help_url=row.help_url,
    )


class ConnectionIn(_In):
    """A connection to begin."""

    subject: str = Field(
        description="Id of the subject whose data they are.",
        max_length=100,
        examples=["00000000-0000-4000-8000-000000000000"],
    )
    connector: str = Field(max_length=100, examples=["octopus"])
    provider: str = Field("", max_length=100, description="Empty where the connector has one only.", examples=["octopus-energy"])
    answers: dict[str, str] = Field(
        default_factory=dict,
        max_length=20,
        description="What the connector asks, by name; the provider's key as `api_key`.",
        examples=[{"account": "A-1234ABCD", "gas_unit": "m3", "api_key": "sk_live_..."}],
    )


class ReconnectIn(_In):
    """What is said anew of a connection."""

    answers: dict[str, str] = Field(
        default_factory=dict,
        max_length=20,
        description="Corrected answers; a new key as `api_key`.",
        examples=[{"api_key": "sk_live_..."}],
    )


class ConnectionOut(_Out):
    """A connection; its tokens, answers and addresses are never shown."""

    id: str
    subject: str
    connector: str
    provider: str
    title: str
    state: Literal["active", "needs_consent", "paused", "ended"]
    health: str = Field(description="ok, waiting, trying, needs_consent, format_changed, paused or ended.")
    said: str = Field(description="How it does, for a person.")
    granted_scope: str = Field(description="What the provider granted, in its own words; it can be less than was asked.")
    failure_count: int
    created_at: datetime
    synced_at: datetime | None
    next_at: datetime | None

    @classmethod
    def of(cls, row: ConnectionRow) -> "ConnectionOut":
        """The answer about a connection."""
        return cls(
            id=row.id,
            subject=row.subject_id,
            connector=row.connector,
            provider=row.provider,
            title=row.title,
            state=row.state.value,
            health=str(row.health),
            said=row.health_said,
            granted_scope=row.granted_scope,
            failure_count=row.failure_count,
            created_at=row.created_at,
            synced_at=row.synced_at,
            next_at=row.next_at,
        )


class StartedOut(_Out):
    """How a connection goes on: at the provider's page, or it is made already."""

    redirect_url: str = Field(description="Where to send the person's browser, within ten minutes; empty: nothing to do there.")
    connection: ConnectionOut | None


class HeldOut(_Out):
    """Something that came through a connection and could not be used; the original is kept."""

    record: str = Field(description="Which record; empty: the whole document.", examples=["added, payment 3"])
    document_sha256: str
    at: datetime = Field(description="When it was set aside.")
    state: Literal["held", "retried", "released"] = Field(description="retried: read again, and it could still not be used.")
    message: str = Field(examples=["Nothing says what was bought"])
    expected: str
    got: str
    next_step: str

    @classmethod
    def of(cls, row: QuarantineRow) -> "HeldOut":
        """The answer about something that is held."""
        reason = json.loads(row.reason_json)
        said = {name: str(reason.get(name, "")) for name in ("message", "expected", "got", "next_step")}
        return cls(record=row.record, document_sha256=row.document_sha256, at=row.at, state=row.state.value, **said)


class RetriedOut(_Out):
    """What reading again came to."""

    is_later: bool = Field(description="There is much of it: it is read again in the background, and the counts are zero.")
    documents_count: int = Field(description="Documents that were read again.")
    released_count: int = Field(description="Those of them of which nothing is set aside any more.")
    held_count: int = Field(description="Records and documents that still are.")

    @classmethod
    def of(cls, found: Retried | None) -> "RetriedOut":
        """The answer about reading again."""
        if found is None:
            return cls(is_later=True, documents_count=0, released_count=0, held_count=0)
        return cls(
            is_later=False,
            documents_count=found.documents_count,
            released_count=found.released_count,
            held_count=found.held_count,
        )


class EndedOut(_Out):
    """What ending a connection came to."""

    connection: ConnectionOut
    revocation: Literal["nothing", "done", "later", "refused"] = Field(description="What became of our access at the provider.")
    said: str
    records_count: int = Field(description="Records that were deleted.")
    documents_count: int = Field(description="Originals that were deleted.")
    months: list[str] = Field(description="Months whose activity is other than before.")

    @classmethod
    def of(cls, ended: Ended) -> "EndedOut":
        """The answer about an end."""
        return cls(
            connection=ConnectionOut.of(ended.connection),
            revocation=ended.revocation.value,
            said=ended.said,
            records_count=ended.records_count,
            documents_count=ended.documents_count,
            months=[str(month) for month in ended.months],
        )


class DecisionIn(_In):
    """What a person decides about a pair."""

    decision: Literal["merge", "keep_both", "undo"] = Field(description="Count once, keep both, or take the decision back.")
    aside: str = Field(
        "", max_length=100, description="For merge: the record that no longer counts; empty: the one that says less."
    )


class SightingOut(_Out):
    """One record of a pair."""

    record_id: str
    source: str = Field(description="Which account or file says it.")
    counts: bool = Field(description="Whether it counts at present; of one that does not, nothing more is said.")
    kind: str
    attributes: dict[str, str]
    quantity: str = Field(description="Decimal text.")
    unit: str
    first_date: date | None
    last_date: date | None
    is_metered: bool = Field(description="Whether a meter says it: then it cannot be set aside.")

    @classmethod
    def of(cls, record_id: str, source: str, seen: Sighting | None) -> "SightingOut":
        """The answer about a record of a pair."""
        return cls(
            record_id=record_id,
            source=source,
            counts=seen is not None,
            kind=seen.kind if seen else "",
            attributes=dict(seen.attributes) if seen else {},
            quantity=decimal_to_text(decimal_of_micro(seen.quantity_micro)) if seen else "",
            unit=seen.unit if seen else "",
            first_date=seen.start_date if seen else None,
            last_date=seen.last_date if seen else None,
            is_metered=seen is not None and seen.is_metered,
        )


class DuplicateOut(_Out):
    """Two records that may be one thing."""

    id: str
    rule: str = Field(description="Why they may be one thing.", examples=["same_purchase"])
    state: Literal["open", "merged", "kept"]
    keep: SightingOut = Field(description="The record that says more, or that goes on counting.")
    aside: SightingOut = Field(description="The record that stands back, or would.")
    found_at: datetime
    decided_at: datetime | None
    months: list[str] = Field(description="Months whose activity is other than before this decision.")

    @classmethod
    def of(cls, found: Duplicate, *, keep_source: str, aside_source: str, months: Iterable[Month] = ()) -> "DuplicateOut":
        """The answer about a pair."""
        row = found.row
        return cls(
            id=row.id,
            rule=row.rule,
            state=row.state.value,
            keep=SightingOut.of(row.keep_record_id, keep_source, found.keep),
            aside=SightingOut.of(row.aside_record_id, aside_source, found.aside),
            found_at=row.found_at,
            decided_at=row.decided_at,
            months=[str(month) for month in months],
        )


class BillIn(_In):
    """A bill that a person typed."""

    utility: str = Field(min_length=1, max_length=120, examples=["City Power"])
    first_date: date = Field(description="First day of the bill.", examples=["2026-01-05"])
    last_date: date = Field(description="Last day, in the bill, too.", examples=["2026-02-03"])
    amount: str = Field(description="Decimal text.", examples=["412.5"])
    unit: str = Field("kWh", examples=["kWh"])
    place: str = Field("", description="US ZIP code or country of the meter; empty: the subject's home.", examples=["94110"])
    zone: str = Field("", description="IANA time zone of the meter.")
    is_additional: bool = Field(default=False, description="Count it although other data cover these days.")


class ImportOut(_Out):
    """What became of a document."""

    document_sha256: str
    is_known: bool = Field(description="The very same bytes were taken in before.")
    reading_count: int
    new_count: int = Field(description="Meter days and spans that are new.")
    changed_count: int = Field(description="Those that the document corrected.")
    same_count: int = Field(description="Those that it repeated; they never count twice.")
    refused_count: int
    refused: list[str]
    notes: list[str]
    months: list[str] = Field(description="Months whose activity is other than before.")
    meters: dict[str, dict[str, str]] = Field(description="Usage points with region, zone and how the zone is known.")

    @classmethod
    def of(cls, report: ImportReport) -> "ImportOut":
        """The answer about an import."""
        return cls(
            document_sha256=report.document_sha256,
            is_known=report.is_known,
            reading_count=report.reading_count,
            new_count=report.new_count,
            changed_count=report.changed_count,
            same_count=report.same_count,
            refused_count=report.refused_count,
            refused=list(report.refused),
            notes=list(report.notes),
            months=[str(month) for month in report.months],
            meters={
                name: {"region": m.place.region, "zone": m.place.zone, "zone_source": m.zone_source}
                for name, m in report.meters.items()
            },
        )


class PreviewColumnOut(_Out):
    """A column of a table."""

    name: str | int = Field(description="Its header, or its position from 1 where there is none.", examples=["Betrag"])
    samples: list[str] = Field(description="Its first values.", examples=[["-12,50", "-40,00"]])


class PreviewQuestionOut(_Out):
    """Something that the file does not say."""

    name: str = Field(examples=["date_order"])
    label: str = Field(examples=["Which part of 03/04/2024 is the day?"])
    help: str
    choices: dict[str, str] = Field(description="Value to meaning; empty for free text.")


class PreviewRecordOut(_Out):
    """A record as it would be read: exactly one of the last three is not empty."""

    number: int = Field(description="Its line from 1.")
    said: str
    becomes: str = Field(examples=["purchase 12.5 EUR on 2024-03-04, mcc 5411"])
    left_out: str
    problem: str


class PreviewRowOut(_Out):
    """A row as it stands there."""

    number: int
    cells: list[str]


class PreviewShopOut(_Out):
    """A merchant of whom nothing says what they sell."""

    name: str = Field(description="As a mapping names them, in `merchants`.", examples=["acme handels gmbh"])
    sample: str = Field(description="As the bank prints one of the lines.")
    lines_count: int
    spent: dict[str, str] = Field(description="Currency to the sum of what was spent.", examples=[{"EUR": "40"}])
    code: str = Field(description="Merchant category code that you gave them; empty: none yet.", examples=["5712"])


class PreviewOut(_Out):
    """What a file seems to mean."""

    connector: str = Field(description="What reads it.", examples=["bank-file"])
    sort: str = Field(examples=["table"])
    columns: list[PreviewColumnOut]
    rows: list[PreviewRowOut] = Field(description="The first rows as they stand there, the header first.")
    mapping: dict[str, Any] | None = Field(
        description="The proposal with what you answered; null where the file needs none. Send it with the import.",
        examples=[{"columns": {"date": ["Buchungstag"], "amount": ["Betrag"]}, "date_order": "dmy", "delimiter": ";"}],
    )
    known_from: str = Field(description="SHA-256 of the earlier document whose mapping is proposed; empty where it is a guess.")
    proven: dict[str, str] = Field(description="What the file proves, and how.")
    guessed: dict[str, str] = Field(description="What is only likely, and why.")
    questions: list[PreviewQuestionOut] = Field(description="What must be answered first; while there are any, nothing is read.")
    records: list[PreviewRecordOut]
    shops: list[PreviewShopOut] = Field(
        description="Merchants whose payments are refused until you say what they sell: `merchants` of the mapping, as pairs of "
        "name and merchant category code."
    )

    @classmethod
    def of(cls, found: Preview, known_from: str) -> "PreviewOut":
        """The answer about a preview."""
        asked = [PreviewQuestionOut(name=q.name, label=q.label, help=q.help, choices=dict(q.choices)) for q in found.questions]
        lines = [
            PreviewRecordOut(number=one.number, said=one.said, becomes=one.becomes, left_out=one.left_out, problem=one.problem)
            for one in found.lines
        ]
        return cls(
            connector=found.connector,
            sort=found.guess.sort,
            columns=[PreviewColumnOut(name=one.name, samples=list(one.samples)) for one in found.guess.columns],
            rows=[PreviewRowOut(number=number, cells=list(cells)) for number, cells in found.rows],
            mapping=found.mapping.to_json() if found.needs_mapping else None,
            known_from=known_from,
            proven=dict(found.guess.proven),
            guessed=dict(found.guess.likely),
            questions=asked,
            records=lines,
            shops=[
                PreviewShopOut(
                    name=one.name,
                    sample=one.sample,
                    lines_count=one.lines_count,
                    spent=dict(one.spent),
                    code=found.mapping.merchants.get(one.name, ""),
                )
                for one in found.shops
            ],
        )


class DocumentOut(_Out):
    """An original."""

    sha256: str
    connector: str
    size_bytes: int
    media_type: str
    evidence: EvidenceClass
    received_at: datetime

    @classmethod
    def of(cls, row: DocumentRow) -> "DocumentOut":
        """The answer about an original."""
        return cls(
            sha256=row.sha256,
            connector=row.connector,
            size_bytes=row.size_bytes,
            media_type=row.media_type,
            evidence=row.evidence,
            received_at=row.received_at,
        )


class ActivityOut(_Out):
    """A measured amount."""

    id: int
    record_id: str = Field(description="The record it follows from; `DELETE .../records/{record_id}` removes that.")
    kind: str
    region: str
    attributes: dict[str, str] = Field(description="What else its factor depends on.", examples=[{"powertrain": "petrol"}])
    start: datetime
    end: datetime
    month: str
    quantity: str = Field(description="Decimal text, in `unit`.", examples=["31.25"])
    unit: str
    quality: str
    evidence: EvidenceClass
    usage_point: str
    connector: str

    @classmethod
    def of(cls, row: ActivityRow) -> "ActivityOut":
        """The answer about an activity."""
        activity = row.activity
        return cls(
            id=row.activity_id,
            record_id=row.record_id,
            kind=activity.key.kind,
            region=activity.key.region,
            attributes=dict(activity.key.attributes),
            start=activity.start,
            end=activity.end,
            month=str(activity.month),
            quantity=decimal_to_text(decimal_of_micro(activity.quantity_micro)),
            unit=activity.key.unit,
            quality=str(activity.quality),
            evidence=activity.evidence,
            usage_point=row.usage_point,
            connector=row.connector,
        )


class ActivitiesOut(_Out):
    """A part of the list of activities, newest first."""

    items: list[ActivityOut]
    next_cursor: str = Field(description="For the next page; empty at the end.")


class RemovedOut(_Out):
    """A record that no longer counts."""

    record_key: str = Field(description="The source's own name of it.")
    months: list[str] = Field(description="Months whose activity is other than before.")

    @classmethod
    def of(cls, removed: Removed) -> "RemovedOut":
        """The answer about a removal."""
        return cls(record_key=removed.record_key, months=[str(month) for month in removed.months])


class CloseIn(_In):
    """A wish to close a period."""

    reason: str = Field("", max_length=500, description="Why it is restated; needed when it was closed before.")
    gwp_set: Literal["AR5", "AR6"] | None = Field(
        None,
        description="IPCC report whose potentials weigh single gases. Left out: as it was closed before, else AR5.",
        examples=["AR5"],
    )


class PeriodOut(_Out):
    """A period."""

    period: str = Field(examples=["2026-03"])
    state: str
    is_changed_since_close: bool

    @classmethod
    def of(cls, row: PeriodRow) -> "PeriodOut":
        """The answer about a period."""
        return cls(period=str(row.months), state=str(row.state), is_changed_since_close=row.is_changed_since_close)


class TotalsOut(_Out):
    """Totals, grams of CO2e as exact decimal text."""

    gross_location_g_co2e: str = Field(examples=["84213.512"])
    gross_market_g_co2e: str
    retired_g_co2e: str
    net_g_co2e: str
    avoided_g_co2e: str = Field(description="What exports avoided elsewhere; outside gross and net.")
    biogenic_co2_g: str = Field(description="Biogenic CO2, apart, in no total.")
    unscored_count: int

    @classmethod
    def of(cls, totals: Totals) -> "TotalsOut":
        """The answer about totals."""
        return cls(
            gross_location_g_co2e=_grams(totals.gross_location_ug_co2e),
            gross_market_g_co2e=_grams(totals.gross_market_ug_co2e),
            retired_g_co2e=str(totals.retired_g_co2e),
            net_g_co2e=_grams(totals.net_ug_co2e),
            avoided_g_co2e=_grams(totals.avoided_ug_co2e),
            biogenic_co2_g=_grams(totals.biogenic_co2_ug),
            unscored_count=totals.unscored_count,
        )


class StatementOut(_Out):
    """A statement."""

    id: str
    subject_id: str
    period: str
    revision: int
    reason: str
    state: str
    totals: TotalsOut
    method: str
    gwp_set: GwpSet = Field(description="IPCC report whose global warming potentials weighed single gases.")
    factor_set: dict[str, str | int]
    manifest_sha256: str
    proof_path: str = Field(description="Public page of its proof.")
    created_at: datetime

    @classmethod
    def of(cls, row: StatementRow, period: str) -> "StatementOut":
        """The answer about a statement."""
        return cls(
            id=row.id,
            subject_id=row.subject_id,
            period=period,
            revision=row.revision,
            reason=row.reason,
            state=str(row.state),
            totals=TotalsOut.of(row.totals),
            method=row.method,
            gwp_set=gwp_set_of(row.method),
            factor_set={"size": row.factor_set.size, "root": row.factor_set.root_hex},
            manifest_sha256=row.manifest_hash_hex,
            proof_path=f"/proof/{row.public_token}",
            created_at=row.created_at,
        )


class LineOut(_Out):
    """One part of an activity x one factor, on one basis, in the words of an estimate. Amounts are exact decimal text."""

    month: str
    kind: str
    place: str = Field(description="Region of the activity; empty where it has none.")
    activity_year: int
    attributes: dict[str, str]
    part: Part = Field(description="What of the activity it counts.")
    basis: Basis
    scope: int = Field(ge=0, le=3, description="GHG Protocol scope; 0 outside the inventory (avoided).")
    category: int = Field(ge=0, le=15, description="Scope 3 category, else 0.")
    is_avoided: bool
    quantity: str = Field(description="In `unit`.")
    unit: str
    quantity_by_evidence: dict[EvidenceClass, str]
    g_co2e: str
    g_co2e_by_gas: dict[str, str] = Field(description="Their sum is `g_co2e`, but for biogenic CO2, which is in no total.")
    scale: str = Field(description="Units of the published row in one `unit`, exact.", examples=["1", "41/959"])
    factor_id: str
    factor_g_co2e_per_unit: str = Field(description="Empty where this installation's factor set has no such row.")
    factor_label: str = Field(description="The row's own words in its table.")
    gwp_set: str
    life_cycle_scope: str
    published: dict[str, str] = Field(description="Gas to the published decimal text.")
    published_unit: str
    source: str = Field(description="Publisher.")
    edition: str
    table: str
    region: str = Field(description="Region of the published row.")
    year: int | None = Field(description="Year of the published row.")
    source_url: str
    flags: list[str]


class UnscoredOut(_Out):
    """An amount that no factor fits: counted and shown, never zero."""

    month: str
    kind: str
    place: str
    attributes: dict[str, str]
    quantity: str
    unit: str
    reason: str

    @classmethod
    def of(cls, found: Unscored) -> "UnscoredOut":
        """The answer about it."""
        return cls(
            month=str(found.month),
            kind=found.key.kind,
            place=found.key.region,
            attributes=dict(found.key.attributes),
            quantity=_grams(found.quantity_micro),
            unit=found.key.unit,
            reason=found.reason,
        )


class BesideOut(_Out):
    """An effect that is in no total."""

    name: str = Field(examples=["aviation_non_co2"])
    g_co2e: str
    factor_id: str = Field(description="The published row that it follows from.")


class IntervalOut(_Out):
    """The 95 % interval of the gross on one basis; only the integers of the totals are exact."""

    basis: Basis
    low_t_co2e: str
    high_t_co2e: str
    is_assumed: bool = Field(description="Whether a part of it is assumed from data quality and not published.")


class ScopeTotalOut(_Out):
    """What a scope, or a category of scope 3, comes to."""

    scope: int
    category: int = Field(description="0: the whole scope.")
    gross_location_g_co2e: str
    gross_market_g_co2e: str


class StatementLinesOut(StatementOut):
    """A statement with its lines."""

    by_scope: list[ScopeTotalOut] = Field(description="Scopes add up to gross.")
    by_category: list[ScopeTotalOut] = Field(description="Categories add up to scope 3.")
    uncertainty: list[IntervalOut] = Field(description="Empty where a factor is not held here.")
    beside: list[BesideOut]
    lines: list[LineOut]
    unscored: list[UnscoredOut]

    @classmethod
    def with_lines(cls, row: StatementRow, period: str, lines: Sequence[Line], factor_set: FactorSet) -> "StatementLinesOut":
        """The answer about a statement with its lines."""
        apart = apart_of(factor_set, lines)
        scopes = [
            ScopeTotalOut(
                scope=one.scope,
                category=one.category,
                gross_location_g_co2e=_grams(one.location_ug_co2e),
                gross_market_g_co2e=_grams(one.market_ug_co2e),
            )
            for one in apart.scopes
        ]
        return cls(
            **StatementOut.of(row, period).model_dump(),
            by_scope=[one for one in scopes if not one.category],
            by_category=[one for one in scopes if one.category],
            uncertainty=[
                IntervalOut(
                    basis=one.basis,
                    low_t_co2e=_tonnes(one.low_ug_co2e),
                    high_t_co2e=_tonnes(one.high_ug_co2e),
                    is_assumed=one.is_assumed,
                )
                for one in apart.intervals
            ],
            beside=[BesideOut(name=one.name, g_co2e=_grams(one.amount_ug_co2e), factor_id=one.factor_id) for one in apart.beside],
            lines=[LineOut.model_validate(line_json(factor_set, line)) for line in lines],
            unscored=[UnscoredOut.of(unscored_from_json(one)) for one in row.unscored],
        )


class ClaimingIn(_In):
    """Whether a person's statements can be claimed into a wallet."""

    holder: str = Field(
        pattern=r"^(0x[0-9a-fA-F]{40})?$",
        description="The wallet; empty: no account stands in statements from now on.",
        examples=["0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"],
    )
    is_public_understood: bool = Field(
        default=False, description="That you know that a claim makes holder, period and grams public, for good."
    )


class ClaimOut(_Out):
    """A transaction that claims a statement; anybody may send it, the token goes to the holder."""

    chain_id: str
    to: str = Field(description="The contract.")
    data: str = Field(description="Calldata, hexadecimal.")
    holder: str
    token_id: str
    net_g_co2e: str = Field(description="Grams that become public, beside gross and retired.")
    warning: str

    @classmethod
    def of(cls, call: ClaimCall) -> "ClaimOut":
        """The transaction as we answer it."""
        return cls(
            chain_id=str(call.chain_id),
            to=call.contract,
            data=f"0x{call.data.hex()}",
            holder=call.holder,
            token_id=call.token_id_hex,
            net_g_co2e=str(call.net_g_co2e),
            warning=WARNING,
        )


class ShareIn(_In):
    """A wish for a link that shows a statement's lines, or one record or group of it alone."""

    days: Annotated[int, Field(ge=1, le=365, description="How long it holds.")] = 30
    record: str = Field("", max_length=64, description="Id of the record to show alone, from `/inputs`; empty: the lines.")
    group: str = Field("", max_length=500, description="Group whose sums to show alone, from `/inputs`; empty: the lines.")


class ShareOut(_Out):
    """A link that shows something of a statement; its token is shown this once."""

    path: str
    expires_at: datetime


class ShareLinkOut(_Out):
    """A link that was made, without its token."""

    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = Field(description="When it was withdrawn.")
    is_live: bool = Field(description="Whether who has it sees it now.")
    shown: str = Field(description="What it shows: lines, or record: and an id, or group: and its name.")

    @classmethod
    def of(cls, row: ShareLinkRow, now: datetime) -> "ShareLinkOut":
        """A link as it stands at an instant."""
        is_live = row.revoked_at is None and row.expires_at > now
        return cls(
            created_at=row.created_at,
            expires_at=row.expires_at,
            revoked_at=row.revoked_at,
            is_live=is_live,
            shown=row.shown,
        )


class InputRecordOut(_Out):
    """A record of a statement, which can be shown alone."""

    record_id: str = Field(description="Names it inside its statement.")
    record_key: str = Field(description="The source's own name of the thing.")
    month: str
    revision: int
    amounts: list[str] = Field(description="Kind, exact amount, unit, place and evidence, in plain words.")
    original_sha256s: list[str]


class InputGroupOut(_Out):
    """A group of a statement's inputs: a source, a usage point, a month."""

    group: str
    records: list[InputRecordOut]

    @classmethod
    def of(cls, found: ShowableGroup) -> "InputGroupOut":
        """A group with its records."""
        return cls(
            group=found.group_key,
            records=[
                InputRecordOut(
                    record_id=one.record_id,
                    record_key=one.leaf.record_key,
                    month=str(one.leaf.month),
                    revision=one.leaf.revision,
                    amounts=[activity_said(activity) for activity in one.leaf.activities],
                    original_sha256s=list(one.leaf.document_sha256s),
                )
                for one in found.records
            ],
        )


class StepOut(_Out):
    """One step of a verification."""

    name: str
    state: Literal["ok", "failed", "not_checked"]
    detail: str


class SupersededOut(_Out):
    """The revision that replaced a statement."""

    revision: int
    reason: str = Field(description="Why it was restated, in its owner's words.")
    proof_path: str = Field(description="Public page of its proof; empty before it is signed.")


class VerificationOut(_Out):
    """A verification, step by step."""

    verdict: Literal["holds", "consistent", "broken"] = Field(
        description="consistent: no step failed, but nobody known has signed; anybody could have made it."
    )
    holds: bool = Field(description="Whether no step failed and known auditors have signed.")
    first_failure: str = Field(description="The first step that broke; empty where none did.")
    standing: Literal["newest", "superseded", "revoked", "not_checked"] = Field(
        description="Whether a newer revision is known, or it was revoked; not checked for a statement of another installation."
    )
    superseded_by: SupersededOut | None
    checked_at: datetime | None = Field(
        description="When the steps of a statement of this installation were taken: nothing that they depend on changed since. "
        "Null: now."
    )
    steps: list[StepOut]

    @classmethod
    def of(cls, steps: Sequence[Step], successor: Successor, checked_at: datetime | None = None) -> "VerificationOut":
        """The answer about a verification."""
        failure = first_failure(steps)
        return cls(
            verdict=verdict(steps).value,
            holds=holds(steps),
            first_failure=failure.name if failure else "",
            standing=successor.standing.value,
            superseded_by=_superseded_by(successor) if successor.standing is Standing.SUPERSEDED else None,
            checked_at=checked_at,
            steps=[StepOut(name=step.name, state=step.state.value, detail=step.detail) for step in steps],
        )


def _superseded_by(successor: Successor) -> SupersededOut:
    path = f"/proof/{successor.public_token}" if successor.public_token else ""
    return SupersededOut(revision=successor.revision, reason=successor.reason, proof_path=path)


def _tonnes(amount_ug: int) -> str:
    """Tonnes to whole grams: an interval is no sharper."""
    return fraction_to_text(Fraction(grams_of_micrograms(amount_ug), 1_000_000))


def _grams(amount_ug: int) -> str:
    return fraction_to_text(Fraction(amount_ug, 1_000_000))
