"""The page on which a person says what the columns of their table mean, and sees what would come of it. A plain form."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.dashboard import FormState
from dashboards.templating import page_text


@dataclass(frozen=True, slots=True)
class MappedColumn:
    """A column of the table.

    Attributes:
        name: Header text, or its position from 1.
        samples: Its first values.
        chosen: The field that it is; empty: it is left out.
        is_usable: Whether it can be chosen; a name that stands twice cannot.
    """

    name: str
    samples: tuple[str, ...]
    chosen: str
    is_usable: bool = True


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that a column can be.

    Attributes:
        label: What they have in common, for people.
        fields: Name and label of each.
    """

    label: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Setting:
    """Something that holds for the whole table.

    Attributes:
        name: Of the form's field.
        label: For people.
        value: What is chosen; empty: nothing yet.
        choices: Value to label; empty for free text.
        help: What it is for.
        how: How its value is known.
        is_asked: Whether it must be said before the table can be read.
        suggestions: For free text: what is usual.
    """

    name: str
    label: str
    value: str
    choices: tuple[tuple[str, str], ...] = ()
    help: str = ""
    how: str = ""
    is_asked: bool = False
    suggestions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PreviewLine:
    """One record as it would be read.

    Attributes:
        number: Its line from 1.
        said: What stands there.
        becomes: The activity that it becomes.
        left_out: Why it is none, though nothing is wrong.
        problem: Why it is refused.
    """

    number: int
    said: str
    becomes: str = ""
    left_out: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ShopLine:
    """A merchant of whom nothing says what they sell.

    Attributes:
        name: As the mapping names them.
        sample: As the bank prints one of the lines.
        lines_count: How many payments.
        spent: Currency and sum, decimal text, of what was spent.
        sells: Code of what they mostly sell, as the person says; empty: nothing is said.
    """

    name: str
    sample: str
    lines_count: int
    spent: tuple[tuple[str, str], ...]
    sells: str


@dataclass(frozen=True, slots=True)
class MappingModel:
    """The page.

    Attributes:
        document_name: As the person named the file.
        post_href: Where the form posts.
        back_href: The subject's page.
        format_title: What sort of file it is.
        connector: Id of what reads it.
        connectors: Id and title of what could.
        columns: The columns of the table; empty where the file's fields need no mapping.
        groups: What a column can be.
        settings: What holds for the whole table.
        layout: How the file is taken apart: shown folded.
        cells: Cells of the column of kinds that are no kinds, each with the kind chosen for it.
        shops: Merchants of whom nothing says what they sell.
        sells: Code and name of what merchants sell.
        kinds: Name and title of every kind.
        rows: First rows as they stand there.
        lines: First records as they would be read.
        activities_count: Activities of the whole file.
        refused_count: Refused records of the whole file.
        is_ready: Whether it can be taken in.
        looked: Names the mapping that the lines were read by.
        shape: Names how the file was taken apart.
        asked_count: How many questions are open.
        is_known: Whether the person said all this of an earlier file.
        form: Place and zone, and what is wrong; under the empty name what is wrong with all of it.
        zones: Time zones to choose from.
    """

    document_name: str
    post_href: str
    back_href: str
    format_title: str
    connector: str
    connectors: tuple[tuple[str, str], ...]
    columns: tuple[MappedColumn, ...]
    groups: tuple[FieldGroup, ...]
    settings: tuple[Setting, ...]
    layout: tuple[Setting, ...]
    cells: tuple[tuple[str, str], ...]
    shops: tuple[ShopLine, ...]
    sells: tuple[tuple[str, str], ...]
    kinds: tuple[tuple[str, str], ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    lines: tuple[PreviewLine, ...]
    activities_count: int
    refused_count: int
    is_ready: bool
    looked: str
    shape: str
    asked_count: int = 0
    is_known: bool = False
    form: FormState = field(default_factory=FormState)
    zones: tuple[str, ...] = ()

    @property
    def errors(self) -> Mapping[str, str]:
        """What is wrong, by field."""
        return self.form.errors


def render(model: MappingModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text("mapping.html", messages, frame, page=model)
