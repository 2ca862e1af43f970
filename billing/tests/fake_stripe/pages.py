"""The pages people see: checkout, portal, invoice, and an overview."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape

from billing.tests.fake_stripe import clocks, life, pdf, shopper
from billing.tests.fake_stripe import markup as m
from billing.tests.fake_stripe.errors import Refused
from billing.tests.fake_stripe.forms import Json
from billing.tests.fake_stripe.handlers import payment_methods, subscriptions
from billing.tests.fake_stripe.world import World

HTML = "text/html; charset=utf-8"
EVENTS_SHOWN = 30
STANDS = ["delivered", "waiting"]
TEST_CARD = "4242 4242 4242 4242"


@dataclass(frozen=True)
class Page:
    status: int = 200
    content_type: str = HTML
    body: bytes = b""
    location: str = ""


def html(text: str, status: int = 200) -> Page:
    return Page(status=status, body=text.encode())


def redirect(address: str) -> Page:
    return Page(status=303, location=address)


class Pages:
    """Answers a request for a page; `on_change` is called after each that changed something."""

    def __init__(self, world: World, on_change: Callable[[], None] = lambda: None) -> None:
        self.world, self.on_change = world, on_change

    def __call__(self, method: str, path: str, form: dict[str, str]) -> Page:
        kind, _, rest = path.strip("/").partition("/")
        object_id, _, extra = rest.partition("/")
        maker = {"pay": self.pay, "portal": self.portal, "invoice": self.invoice}.get(kind)
        with self.world.lock:
            try:
                if maker is None:
                    return self.overview() if not kind else missing()
                page = maker(object_id, form if method == "POST" else None, extra)
            except Refused:
                return missing()
        if method == "POST":
            self.on_change()
        return page

    # Checkout

    def pay(self, session_id: str, form: dict[str, str] | None, extra: str) -> Page:
        session = self.world.find("checkout.session", session_id)
        if session["status"] != "open":
            return html(closed_checkout(session), 410)
        if form is None:
            return html(checkout(self.world, session))
        is_good = form.get("action") != "decline"
        card = form.get("card", "") if is_good else payment_methods.DECLINED
        try:
            shopper.pay(self.world, session_id, card)
        except Refused as refused:
            return html(checkout(self.world, session, str(refused)), 402)
        return redirect(session["success_url"].replace("{CHECKOUT_SESSION_ID}", session_id))

    # Portal

    def portal(self, session_id: str, form: dict[str, str] | None, extra: str) -> Page:
        session = self.world.find("billing_portal.session", session_id)
        if form is None:
            return html(portal(self.world, session))
        self.act(session["customer"], form.get("action", ""), form)
        return redirect(f"/portal/{session_id}")

    def act(self, customer_id: str, action: str, form: dict[str, str]) -> None:
        """What the buttons of the portal do."""
        owner = self.world.find("customer", customer_id)
        subscription = newest(self.world, customer_id)
        if action == "card":
            payment_methods.new_card(self.world, owner, shopper.GOOD_CARD)
            self.settle(subscription)
        elif action == "decline":
            self.world.declines[customer_id] = payment_methods.FOREVER
        elif subscription is None or subscription["status"] == "canceled":
            return
        elif action in {"cancel", "resume"}:
            change = {"cancel_at_period_end": True} if action == "cancel" else {"cancel_at": ""}
            subscriptions.update(self.world, change, subscription["id"])
        elif action == "next":
            clocks.advance(self.world, next_moment(self.world, subscription))

    def settle(self, subscription: Json | None) -> None:
        """A new card pays what is open."""
        for invoice in life.open_invoices(self.world, subscription) if subscription else []:
            if subscription and subscription["status"] != "canceled":
                life.collect(self.world, invoice)

    # Invoices and the overview

    def invoice(self, invoice_id: str, form: dict[str, str] | None, extra: str) -> Page:
        invoice = self.world.find("invoice", invoice_id)
        if extra == "pdf":
            return Page(content_type="application/pdf", body=pdf.text_page(plain(invoice)))
        if form is not None:
            if invoice["status"] == "open":
                life.collect(self.world, invoice)
            return redirect(f"/invoice/{invoice_id}")
        return html(invoice_page(self.world, invoice))

    def overview(self) -> Page:
        rows = [
            (broken(event["type"]), m.badge(STANDS[event["pending_webhooks"]]))
            for event in reversed(self.world.events[-EVENTS_SHOWN:])
        ]
        about = (
            "This process answers in the place of Stripe while you develop. It takes any card but"
            " 4000 0000 0000 0002, which is declined, and hands each event to the webhook."
        )
        events = m.table(rows) if rows else m.quiet("Nothing happened yet.")
        return html(
            m.document(
                "Overview",
                m.section(m.heading("Stripe, played"), f"<p>{about}</p>"),
                m.section(m.title("Latest events"), events),
            )
        )


def broken(name: str) -> str:
    """The name of an event, which may be broken after its dots."""
    return escape(name).replace(".", ".<wbr>")


def missing() -> Page:
    text = m.section(m.heading("Nothing here"), m.quiet("This address names nothing known."))
    return html(m.document("Nothing here", text), 404)


def checkout(world: World, session: Json, problem: str = "") -> str:
    line = session["_lines"][0]
    price, product = line["price"], world.objects[line["price"]["product"]]
    trial = session["_subscription_data"].get("trial_period_days")
    total = m.money(session["amount_total"], session["currency"])
    owner = world.objects.get(session["customer"] or "", {})
    amount, _, interval = m.per(price).partition(" per ")
    form = (
        '<form method="post">'
        + m.field("Test card", "card", TEST_CARD)
        + '<div class="row">'
        + m.field("Expires", "expires", "12 / 34")
        + m.field("CVC", "cvc", "123")
        + "</div>"
        + m.actions(
            m.submit(f"Start {trial} day trial" if trial else f"Pay {total}", "pay"),
            m.submit("Have it declined", "decline", is_plain=True),
            m.link("Back", session["cancel_url"] or "", css="button plain"),
        )
        + "</form>"
    )
    return m.document(
        f"Subscribe to {product['name']}",
        m.section(
            m.heading(f"Subscribe to {product['name']}", product["description"] or ""),
            f'<p class="price">{amount} <small>per {interval}</small></p>',
            m.quiet(owner.get("email") or session["customer_email"] or ""),
        ),
        m.section(m.problem(problem), form),
    )


def closed_checkout(session: Json) -> str:
    words = {"complete": "This was paid already.", "expired": "This checkout has expired."}
    back = session["success_url" if session["status"] == "complete" else "cancel_url"] or ""
    return m.document(
        "Checkout",
        m.section(
            m.heading(words[session["status"]], "Nothing more can be done here."),
            m.link("Back", back, css="button"),
        ),
    )


def newest(world: World, customer_id: str) -> Json | None:
    """The subscription the portal is about: a live one before an ended one."""
    found = [each for each in world.all("subscription") if each["customer"] == customer_id]
    return min(found, key=lambda each: each["status"] == "canceled", default=None)


def next_moment(world: World, subscription: Json) -> int:
    """When something happens next: a retry, or the end of the period."""
    retries = [each["next_payment_attempt"] for each in life.open_invoices(world, subscription)]
    moments: list[int] = [moment for moment in retries if moment]
    return min([*moments, life.next_change(subscription)])


def portal(world: World, session: Json) -> str:
    owner = world.find("customer", session["customer"])
    subscription = newest(world, owner["id"])
    invoices = [each for each in world.all("invoice") if each["customer"] == owner["id"]]
    return m.document(
        "Your subscription",
        m.section(
            m.heading("Your subscription", owner.get("email") or ""), *plan(world, subscription)
        ),
        m.section(m.title("Card"), *card(world, owner)),
        m.section(m.title("Invoices"), invoice_table(invoices)),
        m.section(m.title("The clock"), *clock(world, owner, subscription)),
        m.actions(m.link("Back to Alice", session["return_url"] or "", css="button")),
    )


def plan(world: World, subscription: Json | None) -> list[str]:
    if subscription is None:
        return [m.quiet("There is none.")]
    item = life.item_of(subscription)
    name = world.objects[item["price"]["product"]]["name"]
    until = "Ended" if subscription["status"] == "canceled" else "Renews"
    until = "Ends" if until == "Renews" and subscription["cancel_at"] else until
    moment = subscription["ended_at"] or life.next_change(subscription)
    parts = [
        m.facts(
            ("Plan", escape(f"{name}, {m.per(item['price'])}")),
            ("Status", m.badge(subscription["status"])),
            (until, m.day(moment)),
        )
    ]
    if subscription["status"] == "canceled":
        return parts
    if subscription["cancel_at"]:
        return [*parts, m.button("Resume the subscription", "resume", is_plain=False)]
    return [*parts, m.button("Cancel at period end", "cancel")]


def card(world: World, owner: Json) -> list[str]:
    held = world.objects.get(owner["invoice_settings"]["default_payment_method"] or "")
    shown = f"Visa ending in {held['card']['last4']}" if held else "No card yet."
    if not life.will_be_declined(world, owner["id"]):
        return [f"<p>{shown}</p>", m.button("Update the card", "card")]
    return [
        f"<p>{shown}</p>",
        m.problem("This card is declined from now on."),
        m.button("Update the card", "card", is_plain=False),
    ]


def invoice_table(invoices: list[Json]) -> str:
    rows = [
        (
            m.link(each["number"] or "Draft", f"/invoice/{each['id']}"),
            m.day(each["created"]),
            f"{m.badge(each['status'])} {m.money(each['amount_due'], each['currency'])}",
        )
        for each in invoices
    ]
    return m.table(rows) if rows else m.quiet("None yet.")


def clock(world: World, owner: Json, subscription: Json | None) -> list[str]:
    parts = [f"<p>Here it is {m.day(world.now_for(owner))}. The clock only goes forward.</p>"]
    if subscription is None or subscription["status"] == "canceled":
        return parts
    retries = [each["next_payment_attempt"] for each in life.open_invoices(world, subscription)]
    label = "To the next attempt to charge" if any(retries) else "To the end of the period"
    moves = m.button(f"{label} ({m.day(next_moment(world, subscription))})", "next")
    if life.will_be_declined(world, owner["id"]):
        return [*parts, m.actions(moves)]
    return [*parts, m.actions(moves, m.button("Decline the next payment", "decline"))]


def invoice_page(world: World, invoice: Json) -> str:
    line = invoice["lines"]["data"][0]
    total = m.money(invoice["total"], invoice["currency"])
    pay = m.button(f"Pay {total}", "pay", is_plain=False) if invoice["status"] == "open" else ""
    download = m.link("Download the PDF", invoice["invoice_pdf"] or "", css="button plain")
    return m.document(
        f"Invoice {invoice['number']}",
        m.section(
            m.heading(f"Invoice {invoice['number']}", invoice["customer_email"] or ""),
            f'<p class="price">{total}</p>',
            m.facts(
                ("Status", m.badge(invoice["status"])),
                ("Date", m.day(invoice["created"])),
                ("Period", f"{m.day(line['period']['start'])} to {m.day(line['period']['end'])}"),
            ),
            m.table([(escape(line["description"]), m.money(line["amount"], line["currency"]))]),
        ),
        m.actions(pay, download),
    )


def plain(invoice: Json) -> list[str]:
    """The lines of the PDF."""
    line = invoice["lines"]["data"][0]
    return [
        f"Invoice {invoice['number']}",
        m.NOTICE,
        "",
        f"To: {invoice['customer_email'] or invoice['customer']}",
        f"Date: {m.day(invoice['created'])}",
        f"Status: {invoice['status']}",
        "",
        f"{line['description']}    {m.money(line['amount'], line['currency'])}",
        f"Total: {m.money(invoice['total'], invoice['currency'])}",
    ]
