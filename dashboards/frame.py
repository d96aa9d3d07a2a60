"""What stands around every page: who is signed in, which subject, where things are."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NavLink:
    """One place to go.

    Attributes:
        label: Its name, as the person gave it (a subject) or from the catalogue.
        href: Address, beginning with "/".
        is_current: Whether it is where one is.
    """

    label: str
    href: str
    is_current: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence after something was done.

    Attributes:
        text: The sentence, in the page's language.
        is_problem: Whether it says that something did not work.
    """

    text: str
    is_problem: bool = False


@dataclass(frozen=True, slots=True)
class Frame:
    """What every page shows around its content.

    Attributes:
        home_href: Where the name of the product leads.
        subjects: Subjects that this account sees; one of them current.
        add: Where a further subject is added; None for a stranger.
        sections: Pages of the current subject.
        account_name: Who is signed in; empty for a stranger.
        sign_out_href: Where the sign-out form posts to.
        csrf_token: Put into every form; empty where no session is.
        notice: Shown on top once.
        is_demo: Whether the data are the demo's.
        static_href: Where the static files are served.
        asset_version: Put behind static addresses, so that they may be cached for ever.
        method_href: Page about the method; empty where there is none.
    """

    home_href: str = "/"
    subjects: tuple[NavLink, ...] = ()
    add: NavLink | None = None
    sections: tuple[NavLink, ...] = ()
    account_name: str = ""
    sign_out_href: str = "/sign-out"
    csrf_token: str = field(default="", repr=False)
    notice: Notice | None = None
    is_demo: bool = False
    static_href: str = "/static"
    asset_version: str = ""
    method_href: str = ""
