"""The addresses to which users have their notifications posted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import User
from alice.common import windows
from alice.common.errors import DomainError, Invalid, NotFound, TooManyRequests
from alice.common.secrets import Secret
from notifications.models import (
    URL_MAX,
    Delivery,
    DeliveryStatus,
    Endpoint,
    EndpointQuerySet,
    Notification,
)
from notifications.services import deliveries
from notifications.services.deliveries import EndpointDisabled
from notifications.services.signing import new_secret
from system.services import audit

ENDPOINTS_MAX = 5
FORMER_SECRET_KEPT = timedelta(hours=24)
TRIES_PER_MINUTE = 10
WINDOW_SECONDS = 60
TEST = "webhook.test"
URL_SENTENCE = "Give an https address of a public host, without a user name."
DISABLED_BY_OWNER = "The endpoint was disabled."


class EndpointLimitReached(DomainError):
    code = "endpoint_limit_reached"
    detail = f"You have {ENDPOINTS_MAX} endpoints, which is the most. Delete one first."


class EndpointExists(DomainError):
    code = "endpoint_exists"
    detail = "You have an endpoint with this address."


@transaction.atomic
def add_endpoint(*, owner_id: int, url: str) -> Endpoint:
    """Have an owner's notifications posted to `url`, signed with the new endpoint's secret.

    Raises `Invalid`, `EndpointLimitReached` and `EndpointExists`.
    """
    _require_callable(url)
    # Two adds at once must not both see the last free place, so they queue on the owner.
    User.objects.select_for_update(no_key=True).get(pk=owner_id)
    if Endpoint.objects.filter(owner_id=owner_id).count() >= ENDPOINTS_MAX:
        raise EndpointLimitReached
    endpoint = Endpoint(owner_id=owner_id, url=url, secret=new_secret())
    _save(endpoint)
    return endpoint


@transaction.atomic
def change_endpoint(
    *,
    endpoints: EndpointQuerySet,
    endpoint_id: int,
    url: str | None = None,
    is_enabled: bool | None = None,
) -> Endpoint:
    """Change one of `endpoints`; None stays. Disabling ends what is owed to it.

    Raises `NotFound`, `Invalid` and `EndpointExists`.
    """
    endpoint = _locked(endpoints, endpoint_id)
    if url is not None:
        _require_callable(url)
        endpoint.url, endpoint.paused_until = url, None
    if is_enabled is not None:
        endpoint.is_enabled, endpoint.paused_until = is_enabled, None
    _save(endpoint, "url", "is_enabled", "paused_until")
    if not endpoint.is_enabled:
        owed = Delivery.objects.filter(endpoint=endpoint, status=DeliveryStatus.PENDING)
        owed.update(status=DeliveryStatus.FAILED, error=DISABLED_BY_OWNER)
    return endpoint


@transaction.atomic
def rotate_secret(*, endpoints: EndpointQuerySet, endpoint_id: int) -> Endpoint:
    """Give one of `endpoints` a new secret; for a day calls are signed with the old one too."""
    endpoint = _locked(endpoints, endpoint_id)
    endpoint.former_secret, endpoint.secret = endpoint.secret, new_secret()
    endpoint.rotated_at = timezone.now()
    endpoint.save(update_fields=["secret", "former_secret", "rotated_at"])
    return endpoint


@transaction.atomic
def delete_endpoint(*, endpoints: EndpointQuerySet, endpoint_id: int) -> None:
    """Delete one of `endpoints` and what is owed to it. Raises `NotFound`."""
    _locked(endpoints, endpoint_id).delete()


@transaction.atomic
def try_endpoint(*, endpoints: EndpointQuerySet, endpoint_id: int) -> Delivery:
    """Owe one of `endpoints` a call that says it is a test; the answer tells how it went.

    Raises `NotFound`, `EndpointDisabled` and `TooManyRequests`.
    """
    endpoint = _locked(endpoints, endpoint_id)
    if not endpoint.is_enabled:
        raise EndpointDisabled
    count_try(endpoint.owner_id)
    endpoint.paused_until = None
    endpoint.save(update_fields=["paused_until"])
    now = timezone.now()
    row = Notification.objects.create(
        owner_id=endpoint.owner_id,
        topic=TEST,
        title="A test",
        message="Your endpoint is called as it will be with notifications.",
        is_shown=False,
        created_at=now,
    )
    deliveries.owe(mails=[], calls=[(row, endpoint)], now=now)
    return row.deliveries.get()


@transaction.atomic
def set_enabled_as_staff(*, endpoint_id: int, is_enabled: bool, actor: User) -> Endpoint:
    """Let an endpoint be called, or not any more, and note who did it. For staff."""
    endpoint = change_endpoint(
        endpoints=Endpoint.objects.all(), endpoint_id=endpoint_id, is_enabled=is_enabled
    )
    audit.record(
        action="endpoint.enabled_by_staff" if is_enabled else "endpoint.disabled_by_staff",
        target=f"endpoint:{endpoint_id}",
        actor_id=actor.pk,
        actor_name=actor.username,
        owner_id=endpoint.owner_id,
    )
    return endpoint


def count_try(owner_id: int) -> None:
    """Count a call that a user asked for. Raises `TooManyRequests` after ten in a minute."""
    window = windows.spend(
        f"webhook-tries:{owner_id}", limit=TRIES_PER_MINUTE, seconds=WINDOW_SECONDS
    )
    if window.is_exceeded:
        raise TooManyRequests(retry_after=window.reset_seconds)


def secrets_of(endpoint: Endpoint, now: datetime) -> Sequence[Secret]:
    """What a call is signed with: the secret, and for a day after a change the former one."""
    is_recent = endpoint.rotated_at and now - endpoint.rotated_at < FORMER_SECRET_KEPT
    former = endpoint.former_secret if is_recent else None
    return [secret for secret in (endpoint.secret, former) if secret is not None]


def forget_former_secrets() -> int:
    """Clear secrets that have signed for long enough; return how many went."""
    over = Endpoint.objects.filter(rotated_at__lt=timezone.now() - FORMER_SECRET_KEPT)
    return over.filter(former_secret__isnull=False).update(former_secret=None)


def _locked(endpoints: EndpointQuerySet, endpoint_id: int) -> Endpoint:
    endpoint = endpoints.filter(pk=endpoint_id).select_for_update().first()
    if endpoint is None:
        raise NotFound
    return endpoint


def _save(endpoint: Endpoint, *fields: str) -> None:
    try:
        with transaction.atomic():
            endpoint.save(update_fields=fields or None)
    except IntegrityError as error:
        raise EndpointExists from error


def _require_callable(url: str) -> None:
    if not _is_callable(url):
        raise Invalid(f"url: {URL_SENTENCE}", errors={"url": [URL_SENTENCE]})


def _is_callable(url: str) -> bool:
    """Whether it may be called at all; where its name leads is looked at with every call."""
    is_plain = url.isprintable() and " " not in url and "\\" not in url and len(url) <= URL_MAX
    if not is_plain:
        return False
    try:
        parts = urlsplit(url)
        has_good_port = parts.port != 0
    except ValueError:
        return False
    if not parts.hostname or "@" in parts.netloc or not has_good_port:
        return False
    is_own = parts.scheme == "http" and not settings.IS_PRODUCTION and _is_loopback(parts.hostname)
    return parts.scheme == "https" or is_own


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
