"""The one error tree of the product.

    ClimateFitnessError              expected, got, record, next step
    ├── InputError                   what a person or a program sent cannot be used
    │   ├── NumberError              not a plain decimal number, or outside the range
    │   ├── UnitError
    │   │   ├── UnknownUnitError     no such unit
    │   │   └── DimensionError       a unit of another dimension (kWh against kg)
    │   ├── TimeError                naive, impossible, in the future, or an empty period
    │   ├── PlaceError               no such ZIP, country or zone; or a zone that must be asked for
    │   ├── KindError                unknown kind of activity
    │   │   └── AttributeValueError  an attribute that is missing, unknown, or has a value that the kind does not take
    │   └── DocumentError            a file that cannot be read
    │       ├── UnknownFormatError   not the format that it was given as
    │       ├── TruncatedDocumentError
    │       ├── HostileDocumentError entities, depth, expansion
    │       └── DocumentTooLargeError
    ├── NotFoundError                nothing of that name, or nothing that you may see
    ├── ConflictError                the thing is in another state than the request needs
    ├── BusyError                    others are writing: nothing was done, ask again in this many seconds
    ├── FactorError                  no published factor fits
    │   └── FactorSetError           the shipped factor set is damaged or another one
    ├── LineOverflowError            a sum or a line of 2^63 or more
    ├── CanonicalError               bytes or values that have no canonical form
    ├── ProofError                   a step of a verification that does not hold
    ├── LedgerError                  the chain or its signers
    │   ├── QuorumError              too few auditors signed
    │   ├── ChainError               the chain refused, is absent or is another one
    │   │   └── BudgetError          the day's gas is spent
    │   ├── AlreadyIssuedError       this commitment is on the chain already
    │   ├── AlreadyDoneError         the chain has it already, as it was asked for: a success
    │   └── ExpiredError             the signatures' deadline or epoch has passed: endorse again
    ├── AuditError                   an auditor's recomputation differs
    ├── ArchiveError                 an original is missing or is not what its hash says
    ├── SecurityError                a seal, password or session that does not hold
    └── ConnectorError               the four a caller acts on differently
        ├── TryLaterError            wait this many seconds
        ├── NeedsConsentError        ask the person to connect again
        ├── FormatChangedError       the provider changed its format
        └── ConnectorBugError        our own mistake

The HTTP status belongs to the edge (`app/api/problems.py`), not to these classes.
"""


class ClimateFitnessError(Exception):
    """Something the product refuses, in words that a person can act on.

    Args:
        message: What is wrong, in one sentence; the class's docstring where it is left out.
        expected: What would have been right.
        got: What came, shortened to 200 characters.
        record: Which record, file, line or field it was.
        next_step: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        expected: str = "",
        got: object = "",
        record: str = "",
        next_step: str = "",
    ) -> None:
        self.message = message or (type(self).__doc__ or type(self).__name__).splitlines()[0].rstrip(".")
        self.expected = expected
        self.got = _short(got)
        self.record = _printable(record)
        self.next_step = next_step
        super().__init__(self.sentence())

    @property
    def code(self) -> str:
        """The stable name of this kind of error, for programs: `UnknownUnitError` is `unknown-unit`."""
        name = type(self).__name__.removesuffix("Error")
        return "".join(f"-{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))

    def sentence(self) -> str:
        """The whole error as one line of text."""
        parts = [self.message]
        if self.expected:
            parts.append(f"expected {self.expected}")
        if self.got:
            parts.append(f"got {self.got}")
        if self.record:
            parts.append(f"in {self.record}")
        text = "; ".join(parts)
        return f"{text}. {self.next_step}" if self.next_step else text

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by fields, a subclass's own too, so that an error survives a process pool."""
        fields = {"expected": self.expected, "got": self.got, "record": self.record, "next_step": self.next_step}
        return (_rebuild, (type(self), self.message, fields), dict(self.__dict__))


_SHOWN_COUNT = 200


def _short(value: object) -> str:
    text = _printable(value if isinstance(value, str) else repr(value))
    return text if len(text) <= _SHOWN_COUNT else f"{text[: _SHOWN_COUNT - 3]}..."


def _printable(text: str) -> str:
    """The text in one line that every terminal, log and JSON reply takes: control characters and lone surrogates are escaped."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _rebuild(kind: type[ClimateFitnessError], message: str, fields: dict[str, str]) -> ClimateFitnessError:
    return kind(message, **fields)


class InputError(ClimateFitnessError):
    """This input cannot be used."""


class NumberError(InputError):
    """This is not a plain decimal number in the allowed range."""


class UnitError(InputError):
    """This unit cannot be used here."""


class UnknownUnitError(UnitError):
    """There is no such unit."""


class DimensionError(UnitError):
    """This unit measures something else."""


class TimeError(InputError):
    """This time or period cannot be used."""


class PlaceError(InputError):
    """This place is not known."""


class KindError(InputError):
    """This kind of activity is not known, or lacks an attribute."""


class AttributeValueError(KindError):
    """This attribute cannot be used here."""


class DocumentError(InputError):
    """This document cannot be read."""


class UnknownFormatError(DocumentError):
    """This document is not in the format that it was given as."""


class TruncatedDocumentError(DocumentError):
    """This document ends too early."""


class HostileDocumentError(DocumentError):
    """This document contains what no honest document needs."""


class DocumentTooLargeError(DocumentError):
    """This document is larger than allowed."""


class NotFoundError(ClimateFitnessError):
    """There is nothing here under that name."""


class ConflictError(ClimateFitnessError):
    """The thing is in another state than this needs."""


class BusyError(ClimateFitnessError):
    """Others are writing just now; nothing was done, ask again in a moment.

    Args:
        message: What is wrong, in one sentence.
        wait_s: Seconds to wait before the next try.
        expected: What would have been right.
        got: What came.
        record: Which record it was.
        next_step: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        wait_s: float = 5.0,
        expected: str = "",
        got: object = "",
        record: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(message, expected=expected, got=got, record=record, next_step=next_step)
        self.wait_s = wait_s


class FactorError(ClimateFitnessError):
    """No published emission factor fits this activity."""


class FactorSetError(FactorError):
    """The factor set is damaged, or is another one."""


class LineOverflowError(ClimateFitnessError):
    """A sum or a line is 2^63 or more."""


class CanonicalError(ClimateFitnessError):
    """This value or text has no canonical form."""


class ProofError(ClimateFitnessError):
    """A step of this proof does not hold."""


class LedgerError(ClimateFitnessError):
    """The ledger refused."""


class QuorumError(LedgerError):
    """Too few auditors signed."""


class ChainError(LedgerError):
    """The chain refused, is absent, or is another one."""


class BudgetError(ChainError):
    """The gas of the day is spent."""


class AlreadyIssuedError(LedgerError):
    """This commitment is on the chain already.

    Args:
        message: What is wrong, in one sentence.
        stored_root: What the chain holds, 32 bytes: equal to the root that was to be issued, it is a success.
        expected: What would have been right.
        got: What came.
        record: Which record it was.
        next_step: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        stored_root: bytes = b"",
        expected: str = "",
        got: object = "",
        record: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(message, expected=expected, got=got, record=record, next_step=next_step)
        self.stored_root = stored_root


class AlreadyDoneError(LedgerError):
    """The chain has this already, as it was asked for: a success."""


class ExpiredError(LedgerError):
    """The auditors' signatures no longer hold; ask them again."""


class AuditError(ClimateFitnessError):
    """An auditor's recomputation differs."""


class ArchiveError(ClimateFitnessError):
    """An original is missing, or is not what its hash says."""


class SecurityError(ClimateFitnessError):
    """A seal, password or session does not hold."""


class ConnectorError(ClimateFitnessError):
    """A connector could not do its work."""


class TryLaterError(ConnectorError):
    """The provider asks to come back later.

    Args:
        message: What is wrong, in one sentence.
        wait_s: Seconds to wait before the next try.
        expected: What would have been right.
        got: What came.
        record: Which record it was.
        next_step: What to do about it.
    """

    def __init__(
        self,
        message: str = "",
        *,
        wait_s: float = 60.0,
        expected: str = "",
        got: object = "",
        record: str = "",
        next_step: str = "",
    ) -> None:
        super().__init__(message, expected=expected, got=got, record=record, next_step=next_step)
        self.wait_s = wait_s


class NeedsConsentError(ConnectorError):
    """The person's consent has ended; ask to connect again."""


class FormatChangedError(ConnectorError):
    """The provider changed its format."""


class ConnectorBugError(ConnectorError):
    """Our connector made a mistake."""
