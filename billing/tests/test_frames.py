"""What open sockets hear of a subscription, in the moment that it changes."""

import pytest

from alice.common.events import publish
from billing import subscribers
from billing.events import SubscriptionChanged

pytestmark = pytest.mark.django_db


def test_a_change_is_pushed_to_the_user_once_it_is_committed(
    monkeypatch, django_capture_on_commit_callbacks
):
    pushed = []
    monkeypatch.setattr(subscribers, "push", lambda group, frame: pushed.append((group, frame)))

    with django_capture_on_commit_callbacks(execute=True):
        publish(SubscriptionChanged(user_id=7, tier="pro", status="active"))
        assert pushed == []

    assert pushed == [("user.7", {"type": "billing", "tier": "pro", "status": "active"})]
