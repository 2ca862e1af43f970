from alice.common.pages import ScriptedPage


class BillingPage(ScriptedPage):
    """On which a person subscribes, and sees what it brings."""

    template_name = "billing/page.html"
