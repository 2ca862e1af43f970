from django.urls import path

from billing.views import subscriptions, usage, webhook

app_name = "billing"

urlpatterns = [
    path("billing/checkout", subscriptions.CheckoutView.as_view(), name="checkout"),
    path("billing/plans", subscriptions.PlansView.as_view(), name="plans"),
    path("billing/portal", subscriptions.PortalView.as_view(), name="portal"),
    path("billing/invoices", subscriptions.InvoicesView.as_view(), name="invoices"),
    path("billing/subscription", subscriptions.SubscriptionView.as_view(), name="subscription"),
    path("billing/subscription/cancel", subscriptions.CancelView.as_view(), name="cancel"),
    path(
        "billing/subscription/reactivate",
        subscriptions.ReactivateView.as_view(),
        name="reactivate",
    ),
    path("billing/usage", usage.UsageView.as_view(), name="usage"),
    path("billing/webhook", webhook.WebhookView.as_view(), name="webhook"),
]
