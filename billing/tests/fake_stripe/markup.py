"""The HTML of the hosted pages: no script, everything escaped."""

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from billing.tests.fake_stripe.forms import Json

STYLE = (Path(__file__).parent / "style.css").read_text()
NOTICE = "Stand-in for Stripe - no money moves"


def document(title: str, *parts: str) -> str:
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)} - {NOTICE}</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<div class="notice" role="note">{NOTICE}</div>
<main>{"".join(parts)}</main>
</body>
</html>"""


def section(*parts: str) -> str:
    return f"<section>{''.join(parts)}</section>"


def heading(text: str, note: str = "") -> str:
    return f"<h1>{escape(text)}</h1>" + (quiet(note) if note else "")


def title(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def quiet(text: str) -> str:
    return f'<p class="quiet">{escape(text)}</p>'


def problem(text: str) -> str:
    return f'<p class="problem" role="alert">{escape(text)}</p>' if text else ""


def badge(word: str) -> str:
    return f'<span class="badge {escape(word)}">{escape(word.replace("_", " "))}</span>'


def button(label: str, action: str, *, is_plain: bool = True) -> str:
    """A form of one button, which posts `action` to the page itself."""
    return f'<form method="post">{submit(label, action, is_plain=is_plain)}</form>'


def submit(label: str, action: str, *, is_plain: bool = False) -> str:
    kind = ' class="plain"' if is_plain else ""
    return f'<button{kind} name="action" value="{escape(action)}">{escape(label)}</button>'


def link(label: str, address: str, *, css: str = "") -> str:
    # Only web addresses: a success_url comes from outside.
    if not address.startswith(("https://", "http://", "/")):
        return escape(label)
    return f'<a class="{css}" href="{escape(address)}">{escape(label)}</a>'


def actions(*parts: str) -> str:
    return f'<div class="actions">{"".join(parts)}</div>'


def field(label: str, name: str, value: str) -> str:
    return (
        f'<div><label for="{name}">{escape(label)}</label>'
        f'<input id="{name}" name="{name}" value="{escape(value)}" autocomplete="off"'
        ' inputmode="numeric"></div>'
    )


def facts(*pairs: tuple[str, str]) -> str:
    """Pairs of a label and HTML."""
    return "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{v}</dd>" for k, v in pairs) + "</dl>"


def table(rows: Sequence[tuple[str, ...]]) -> str:
    """Rows of cells, which are HTML."""
    lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def money(cents: int, currency: str) -> str:
    sign = {"usd": "$", "eur": "€", "gbp": "£"}.get(currency, f"{currency.upper()} ")
    return f"{sign}{cents / 100:,.2f}"


def day(moment: int | None) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%-d %B %Y}" if moment else "-"


def per(price: Json) -> str:
    return f"{money(price['unit_amount'], price['currency'])} per {price['recurring']['interval']}"
