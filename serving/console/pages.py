"""The console's pages as HTML: no scripts, no styles in them, and every value escaped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from starlette.responses import HTMLResponse

from serving.console import words
from serving.console.accounts import Account
from serving.console.audit import Entry
from serving.console.layout import field, form, page, section
from serving.console.markup import Markup, tag
from serving.console.passwords import LEAST_CHARACTERS
from serving.console.roles import ROLES, allowed, permissions
from serving.console.sessions import ABSOLUTE_MS, IDLE_MS, Session

ADD = "liveshelf accounts add NAME --role ROLE"


class Overview(NamedTuple):
    """What the start page tells; None: it is not known right now."""

    sources: Mapping[str, bool]
    items: int
    verdict: str | None
    waiting: int
    entries: Sequence[Entry] | None


def login(csrf: str, *, problem: str = "", note: str = "", name: str = "", status: int = 200) -> HTMLResponse:
    """The sign-in page; `problem` says why the last try was none."""
    return page(
        "Sign-in failed" if problem else "Sign in",
        tag(
            "section",
            tag("h1", "Sign in"),
            tag("p", problem, class_="problem", role="alert") if problem else None,
            tag("p", note, class_="note", role="status") if note else None,
            form(
                "/console/login",
                csrf,
                field(
                    "Name", "name", value=name or None, autocomplete="username", autofocus=not name,
                    autocapitalize="none", spellcheck="false", maxlength=64,
                ),
                field("Password", "password", kind="password", autocomplete="current-password", autofocus=bool(name)),
                tag("button", "Sign in", class_="main-action"),
            ),
            tag("p", "No account? Somebody with access to the server adds one: ", tag("code", ADD), class_="soft"),
            class_="card narrow",
        ),
        status=status,
    )  # fmt: skip


def refusal(
    status: int, title: str, detail: str, session: Session | None, csrf: str, retry_after_s: int | None = None
) -> HTMLResponse:
    """Why something was not done."""
    back = tag("p", tag("a", "Back to the console", href="/console"))
    response = page(
        title, tag("section", tag("h1", title), tag("p", detail), back, class_="card narrow"),
        session=session, csrf=csrf, status=status,
    )  # fmt: skip
    if retry_after_s is not None:
        response.headers["Retry-After"] = str(retry_after_s)
    return response


def start(overview: Overview, session: Session, csrf: str, note: str = "") -> HTMLResponse:
    """What runs, what was done last, and who you are."""
    return page(
        "Overview",
        tag("h1", "Overview"),
        tag("p", note, class_="note", role="status") if note else None,
        tag("div", _system(overview), _you(session), class_="pair"),
        _log(overview.entries, everybody=allowed(session.role, "read_audit")),
        _password(csrf),
        session=session,
        csrf=csrf,
    )


def _system(overview: Overview) -> Markup:
    states = [
        _state(words.SOURCES[source], "answers" if up else "does not answer", "good" if up else "bad")
        for source, up in overview.sources.items()
    ]
    tone = {"ok": "good", "behind": "warn", "late": "bad"}.get(overview.verdict or "", "warn")
    waiting = f", {overview.waiting:,} waiting" if overview.waiting else ""
    workers = words.VERDICTS[overview.verdict] + waiting
    return section(
        "What runs",
        tag("dl", states, _state("Workers", workers, tone), _state("Catalogue", _count(overview.items), None)),
    )


def _count(items: int) -> str:
    return "no items yet" if not items else f"{items:,} item{'s' if items > 1 else ''}"


def _state(name: str, state: str, tone: str | None) -> Markup:
    return tag("div", tag("dt", name), tag("dd", state, class_=tone))


def _you(session: Session) -> Markup:
    may = tag("ul", [tag("li", words.PERMISSIONS[permission]) for permission in permissions(session.role)])
    latest = session.issued_at + ABSOLUTE_MS
    return section(
        "You",
        tag("p", "Signed in as ", tag("b", session.name), ", role ", tag("b", session.role), ". You may:"),
        may,
        tag(
            "p",
            f"You are signed out after {IDLE_MS // 60_000} minutes without a click, at the latest at ",
            tag("time", f"{words.moment(latest)[11:16]} UTC", datetime=f"{words.moment(latest).replace(' ', 'T')}Z"),
            ".",
            class_="soft",
        ),
    )


def _log(entries: Sequence[Entry] | None, *, everybody: bool) -> Markup:
    title = "What was done last" if everybody else "What you did last"
    if entries is None:
        return section(title, tag("p", "The audit log does not answer right now. Load this page again in a moment."))
    if not entries:
        return section(title, tag("p", "Nothing in the last 30 days."))
    heads = tag("tr", [tag("th", head, scope="col") for head in ("When (UTC)", "Who", "What", "To", "Outcome")])
    rows = [_row(entry) for entry in entries]
    return section(title, tag("table", tag("thead", heads), tag("tbody", rows), class_="log"))


def _row(entry: Entry) -> Markup:
    at = words.moment(entry.at)
    return tag(
        "tr",
        tag("td", tag("time", at, datetime=f"{at.replace(' ', 'T')}Z")),
        tag("td", words.who(entry), tag("small", f" {entry.role}") if entry.role else None),
        tag("td", words.what(entry)),
        tag("td", entry.object),
        tag("td", tag("span", words.OUTCOMES[entry.outcome], class_="good" if entry.outcome == "ok" else "bad")),
    )


def _password(csrf: str) -> Markup:
    return tag(
        "details",
        tag("summary", "Change your password"),
        form(
            "/console/password",
            csrf,
            field("Password now", "password", kind="password", autocomplete="current-password"),
            _new_password("New password"),
            field("New password again", "again", kind="password", autocomplete="new-password"),
            tag("button", "Change the password", class_="main-action"),
        ),
        class_="card",
    )


def _new_password(label: str) -> Markup:
    hint = f"At least {LEAST_CHARACTERS} characters; a few words are easy to keep."
    return field(label, "new", kind="password", hint=hint, autocomplete="new-password", minlength=LEAST_CHARACTERS)


def accounts(known: Iterable[Account], session: Session, csrf: str) -> HTMLResponse:
    """Who may sign in."""
    heads = tag("tr", [tag("th", head, scope="col") for head in ("Name", "Role", "Remove")])
    rows = [_account(account, session, csrf) for account in known]
    choice = tag("select", [tag("option", role, value=role) for role in ROLES], id="role", name="role")
    return page(
        "Accounts",
        tag("h1", "Accounts"),
        section("Who may sign in", tag("table", tag("thead", heads), tag("tbody", rows), class_="people")),
        section(
            "Add an account",
            form(
                "/console/accounts/add",
                csrf,
                field(
                    "Name", "name", hint="Small letters, digits and . _ - ; better no mail address.",
                    autocomplete="off", autocapitalize="none", maxlength=64, pattern="[a-z0-9][a-z0-9._\\-]*",
                ),
                tag("p", tag("label", "Role", for_="role"), choice, class_="field"),
                _new_password("First password"),
                tag("button", "Add the account", class_="main-action"),
            ),
        ),
        session=session,
        csrf=csrf,
    )  # fmt: skip


def _account(account: Account, session: Session, csrf: str) -> Markup:
    last = "you" if account.name == session.name else _removal(account.name, csrf)
    return tag("tr", tag("td", account.name), tag("td", account.role), tag("td", last))


def _removal(name: str, csrf: str) -> Markup:
    """A button behind a button, so that one click takes nobody's account."""
    remove = form(
        "/console/accounts/remove",
        csrf,
        tag("input", type="hidden", name="name", value=name),
        tag("button", f"Yes, remove {name}", class_="plain bad-action"),
    )
    return tag("details", tag("summary", "Remove…", aria_label=f"Remove {name}…"), remove)
