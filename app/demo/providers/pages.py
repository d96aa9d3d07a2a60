"""The pages that people see at a demo provider: which data it may hand over, and to whom.

One stylesheet, no script, every control reachable by keyboard with a label of its own. Who else may frame them: nobody. Where
their form may lead: to the provider, and to the address that asked for the consent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from urllib.parse import urlsplit

import dashboards
from app.demo.providers.wire import HTML, Reply

STYLE_PATH = "/style.css"
"""Where the stylesheet is, at each provider."""

_EXTRA = """
body { border-top: 6px solid var(--warn); }
main { max-width: 40rem; }
fieldset { border: 1px solid var(--line); border-radius: 12px; padding: var(--s3) var(--s4); margin: 0; width: 100%; }
fieldset { display: grid; gap: var(--s1); }
legend { font-weight: 650; padding-inline: var(--s1); }
.tick { display: grid; grid-template-columns: auto 1fr; gap: 0 var(--s3); align-items: center; min-height: 2.75rem; }
.tick input { inline-size: 1.5rem; block-size: 1.5rem; min-height: 0; accent-color: var(--accent); }
.tick label { font-weight: 550; cursor: pointer; }
.tick small { grid-column: 2; color: var(--ink-soft); font-size: .875rem; }
.decide { display: flex; flex-wrap: wrap; gap: var(--s3); }
.decide button { min-height: 2.75rem; }
"""


@dataclass(frozen=True, slots=True)
class Choice:
    """Something that can be ticked.

    Attributes:
        value: What the form sends.
        label: For people.
        help: A second line, or empty.
        is_ticked: Whether it is ticked at first.
    """

    value: str
    label: str
    help: str = ""
    is_ticked: bool = True


@dataclass(frozen=True, slots=True)
class ConsentPage:
    """What a consent page asks.

    Attributes:
        provider: The provider's name for people.
        asks: Who wants the data: the client's name.
        action: Where the form goes.
        ticket: Names this one request; single use.
        returns_to: The address that the answer leads to.
        accounts: Of whom; one of them is chosen.
        permissions: What may be handed over; any of them.
        problem: What was wrong with the first try.
    """

    provider: str
    asks: str
    action: str
    ticket: str
    returns_to: str
    accounts: Sequence[Choice]
    permissions: Sequence[Choice]
    problem: str = ""


@cache
def stylesheet() -> bytes:
    """Our own stylesheet, with what these pages need besides."""
    own = Path(dashboards.__file__).parent / "static" / "app.css"
    return own.read_bytes() + _EXTRA.encode()


def style_reply() -> Reply:
    """The stylesheet."""
    return Reply(200, stylesheet(), {"Content-Type": "text/css; charset=utf-8", "Cache-Control": "max-age=300"})


def consent_page(page: ConsentPage) -> Reply:
    """Ask the person.

    Args:
        page: What is asked.
    """
    alert = f'<p class="notice notice-bad" role="alert">{escape(page.problem)}</p>' if page.problem else ""
    body = f"""
<section class="card" aria-labelledby="title">
  <h1 id="title">Share your data from {escape(page.provider)}?</h1>
  <p class="lead"><b>{escape(page.asks)}</b> asks to read the data below, now and as new data come in. It cannot change anything,
  and it never sees a password. You can end this at any time, there or here.</p>
  {alert}
  <form method="post" action="{escape(page.action)}">
    <input type="hidden" name="ticket" value="{escape(page.ticket)}">
    {_group("Whose account", "radio", "account", page.accounts)}
    {_group("What may be read", "checkbox", "allow", page.permissions)}
    <p class="fine">Untick what you would rather keep. Afterwards you return to {escape(urlsplit(page.returns_to).netloc)}.</p>
    <div class="decide">
      <button class="primary" name="decision" value="allow">Allow</button>
      <button name="decision" value="deny" formnovalidate>Do not allow</button>
    </div>
  </form>
</section>"""
    return _document(
        f"Share your data from {page.provider}?", page.provider, body, form_action=f"'self' {_origin(page.returns_to)}"
    )


def message_page(provider: str, title: str, said: str, status: int = 400) -> Reply:
    """Tell the person something, where there is nowhere to return to.

    Args:
        provider: The provider's name for people.
        title: The heading.
        said: One or two sentences.
        status: HTTP status.
    """
    body = (
        f'<section class="card" aria-labelledby="title"><h1 id="title">{escape(title)}</h1>'
        f'<p class="lead">{escape(said)}</p></section>'
    )
    return _document(title, provider, body, status=status)


def _group(legend: str, kind: str, name: str, choices: Sequence[Choice]) -> str:
    rows = []
    for number, one in enumerate(choices, 1):
        field = f"{name}-{number}"
        described = f' aria-describedby="{field}-help"' if one.help else ""
        help_text = f'<small id="{field}-help">{escape(one.help)}</small>' if one.help else ""
        ticked = " checked" if one.is_ticked and (kind == "checkbox" or number == 1) else ""
        rows.append(
            f'<div class="tick"><input type="{kind}" id="{field}" name="{name}" value="{escape(one.value)}"{ticked}{described}>'
            f'<label for="{field}">{escape(one.label)}</label>{help_text}</div>'
        )
    return f"<fieldset><legend>{escape(legend)}</legend>{''.join(rows)}</fieldset>"


def _origin(address: str) -> str:
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def _document(title: str, provider: str, body: str, *, form_action: str = "'none'", status: int = 200) -> Reply:
    text = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{escape(title)} · {escape(provider)} (demo)</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{STYLE_PATH}">
</head>
<body>
<header class="top"><div class="top-in">
  <span class="brand">{escape(provider)}</span><span class="chip chip-demo">Demo provider</span>
</div></header>
<main id="content">{body}
<p class="fine">This page is a simulation that runs on this machine. There is no such company, and nobody's data are here.</p>
</main>
</body>
</html>
"""
    policy = (
        f"default-src 'none'; style-src 'self'; img-src data:; form-action {form_action}; frame-ancestors 'none'; base-uri 'none'"
    )
    headers = {
        "Content-Type": HTML,
        "Cache-Control": "no-store",
        "Content-Security-Policy": policy,
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
    }
    return Reply(status, text.encode(), headers)
