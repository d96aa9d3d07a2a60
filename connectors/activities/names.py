"""The vocabulary of a file of activities: the fields of `estimate`, and the attributes of all kinds."""

from domain.declared import MONTH_ATTRIBUTE
from domain.kinds import KINDS

REQUIRED_FIELDS = ("kind", "quantity", "unit", "start")
"""What every activity has."""

ATTACHMENT_FIELD = "attachment_sha256"
"""Names a file that shows the activity, kept beside: its SHA-256. It changes nothing of what is counted."""

OWN_FIELDS = frozenset({"id", *REQUIRED_FIELDS, "end", "region", "removed", "removed_at", ATTACHMENT_FIELD})
"""Fields of every kind; all others are attributes of a kind."""

ONLY_ESTIMATED = {
    "factor": "A factor of your own is for `estimate`; what is imported is scored with published factors.",
    "basis": "Leave it out: a statement has both, location-based and market-based.",
    "gwp_set": "Leave it out: a statement has one set for all its lines.",
}
"""Fields that `estimate` takes and a file does not, with what to do."""

COLUMNS = OWN_FIELDS | {one.name for kind in KINDS.values() for one in kind.attributes} - {MONTH_ATTRIBUTE} | {"category"}
"""Every column that a CSV may have."""
