"""The hosted pages of the stand-in, what it remembers, and how it delivers."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import httpx
import pytest
import stripe as sdk_module

from alice.common.tests.kit import wait_until
from billing.tests.fake_stripe.delivery import Delivery
from billing.tests.fake_stripe.fake import FakeStripe
from billing.tests.fake_stripe.markup import NOTICE

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def customer(sdk):
    return sdk.v1.customers.create({"email": f"{SCRIPT}@example.com"}).id


@pytest.fixture
def session(stripe, sdk, customer):
    return sdk.v1.checkout.sessions.create(
        {
            "mode": "subscription",
            "customer": customer,
            "line_items": [{"price": stripe.monthly_price, "quantity": 1}],
            "success_url": "https://app.example.com/done?id={CHECKOUT_SESSION_ID}",
            "cancel_url": "https://app.example.com/back",
        }
    )


@pytest.fixture
def portal(sdk, customer):
    where = {"customer": customer, "return_url": "https://app.example.com/billing"}
    return sdk.v1.billing_portal.sessions.create(where).url


def status_of(stripe, customer):
    return stripe.subscriptions(customer)[0]["status"]


def test_the_checkout_page_says_what_it_is_and_escapes_what_it_was_told(session):
    page = httpx.get(session.url)

    assert page.status_code == 200
    for words in (NOTICE, "Alice Pro", "$49.99", "4242 4242 4242 4242", "app.example.com/back"):
        assert words in page.text
    assert SCRIPT not in page.text
    assert "script-src" not in page.headers["Content-Security-Policy"]


def test_paying_leads_to_the_success_url_and_is_done_once(stripe, customer, session):
    paid = httpx.post(session.url, data={"card": "4242 4242 4242 4242", "action": "pay"})
    again = httpx.post(session.url, data={"card": "4242 4242 4242 4242", "action": "pay"})

    assert paid.status_code == 303
    assert paid.headers["Location"] == f"https://app.example.com/done?id={session.id}"
    assert (again.status_code, "paid already" in again.text) == (410, True)
    assert len(stripe.subscriptions(customer)) == 1


@pytest.mark.parametrize(
    "form",
    [
        {"card": "4242424242424242", "action": "decline"},
        {"card": "4000000000000002", "action": "pay"},
        {"card": "many digits", "action": "pay"},
        {},
    ],
)
def test_a_card_that_is_not_taken_is_said_and_makes_nothing(stripe, customer, session, form):
    page = httpx.post(session.url, data=form)

    assert (page.status_code, 'role="alert"' in page.text) == (402, True)
    assert stripe.subscriptions(customer) == []


def test_the_portal_cancels_and_resumes(stripe, customer, portal):
    stripe.subscribe(customer)

    httpx.post(portal, data={"action": "cancel"})
    is_ending = stripe.subscriptions(customer)[0]["cancel_at_period_end"]
    assert "Resume the subscription" in httpx.get(portal).text
    httpx.post(portal, data={"action": "resume"})

    assert (is_ending, stripe.subscriptions(customer)[0]["cancel_at"]) == (True, None)


def test_the_clock_of_the_portal_leads_to_past_due_and_a_new_card_out_of_it(
    stripe, customer, portal
):
    stripe.subscribe(customer)
    for action in ("decline", "next"):
        assert httpx.post(portal, data={"action": action}).status_code == 303
    declined = status_of(stripe, customer)

    httpx.post(portal, data={"action": "card"})

    assert (declined, status_of(stripe, customer)) == ("past_due", "active")


def test_a_subscription_that_is_never_paid_ends(stripe, customer, portal):
    stripe.subscribe(customer)
    for action in ("decline", "next", "next", "next", "next"):
        httpx.post(portal, data={"action": action})

    page = httpx.get(portal)

    assert status_of(stripe, customer) == "canceled"
    assert page.status_code == 200
    assert "Ended" in page.text


def test_an_open_invoice_is_paid_on_its_page(stripe, customer, portal):
    stripe.subscribe(customer)
    stripe.decline_next_payment(customer)
    httpx.post(portal, data={"action": "next"})
    url = stripe.events_of("invoice.payment_failed")[0]["data"]["object"]["hosted_invoice_url"]
    assert "Pay $49.99" in httpx.get(url).text

    httpx.post(url, data={"action": "pay"})

    assert status_of(stripe, customer) == "active"
    assert httpx.get(f"{url}/pdf").content.startswith(b"%PDF-1.4")


@pytest.mark.parametrize("path", ["/pay/cs_none", "/portal/bps_none", "/invoice/x", "/elsewhere"])
def test_an_unknown_address_is_a_page_too(stripe, path):
    page = httpx.get(stripe.url + path)

    assert (page.status_code, "Nothing here" in page.text) == (404, True)


def test_the_overview_lists_what_happened(stripe, customer):
    assert "customer.<wbr>created" in httpx.get(stripe.url).text


def test_another_site_cannot_press_a_button(stripe, customer, session):
    headers = {"Sec-Fetch-Site": "cross-site"}

    answer = httpx.post(session.url, data={"card": "4242424242424242"}, headers=headers)

    assert answer.status_code == 403
    assert stripe.subscriptions(customer) == []


@pytest.fixture
def stand_in():
    """Makes stand-ins of one's own, each on its port."""
    made = []

    def make(path):
        made.append(FakeStripe())
        made[-1].start(path=path)
        return made[-1]

    yield make
    for each in made:
        each.stop()


def client_of(fake):
    return sdk_module.StripeClient(fake.secret_key, base_addresses={"api": fake.url}).v1


def test_everything_is_there_after_a_restart_at_its_new_address(stand_in, tmp_path):
    first = stand_in(tmp_path / "kept.json")
    customer = client_of(first).customers.create({"name": "Ada"}).id
    first.subscribe(customer)
    first.save()

    second = stand_in(tmp_path / "kept.json")

    invoice = client_of(second).invoices.list({"customer": customer}).data[0]
    assert client_of(second).customers.retrieve(customer).name == "Ada"
    assert invoice.hosted_invoice_url.startswith(second.url)
    assert [event["id"] for event in second.events] == [event["id"] for event in first.events]


def test_a_file_that_cannot_be_read_is_put_aside(stand_in, tmp_path):
    (tmp_path / "kept.json").write_text('{"base_url": ')

    fake = stand_in(tmp_path / "kept.json")

    assert len(client_of(fake).prices.list().data) == 2
    assert (tmp_path / "kept.broken").read_text() == '{"base_url": '


@pytest.fixture
def webhook():
    """A place that takes events, and refuses as many as it is told."""

    class Taker(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server.refusals -= 1
            if server.refusals < 0:
                server.taken.append((json.loads(body)["type"], body, self.headers))
            self.send_response(500 if server.refusals >= 0 else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taker)
    server.taken, server.refusals = [], 0
    server.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    Thread(target=server.serve_forever, args=[0.02]).start()
    yield server
    server.shutdown()
    server.server_close()


def test_events_are_delivered_signed_and_again_until_they_are_taken(stand_in, webhook, tmp_path):
    fake = stand_in(tmp_path / "kept.json")
    webhook.refusals = 2
    client_of(fake).customers.create({"name": "Ada"})

    delivery = Delivery(fake.world, webhook.url, fake.webhook_secret)
    wait_until(lambda: fake.events[0]["pending_webhooks"] == 0)
    client_of(fake).products.create({"name": "Team"})
    wait_until(lambda: fake.events[-1]["pending_webhooks"] == 0)
    delivery.stop()

    assert [kind for kind, _, _ in webhook.taken] == ["customer.created", "product.created"]
    _, body, headers = webhook.taken[0]
    assert sdk_module.WebhookSignature.verify_header(
        body, headers["Stripe-Signature"], fake.webhook_secret, 300
    )
