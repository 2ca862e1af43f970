import pytest
from django.db import IntegrityError, transaction

from alice.common import request_context
from system.models import AuditEntry
from system.services import audit

pytestmark = pytest.mark.django_db


def test_an_entry_names_the_request_and_hides_secrets():
    request_context.enter(request_context.RequestContext("request-1", peer="203.0.113.7"))
    try:
        audit.record(
            action="user.tested", target="user:7", actor_id=1, actor_name="ada", token="x", n=2
        )
    finally:
        request_context.leave()

    entry = AuditEntry.objects.get()
    assert (entry.request_id, entry.peer) == ("request-1", "203.0.113.7")
    assert entry.details == {"token": "[hidden]", "n": 2}


def test_an_entry_needs_no_request():
    entry = audit.record(action="user.tested")

    assert (entry.request_id, entry.peer, entry.actor_id) == ("", "", None)


@pytest.mark.parametrize("change", [
    lambda entries: entries.update(action="other"),
    lambda entries: entries.delete(),
])  # fmt: skip
def test_the_database_refuses_to_change_an_entry(change):
    audit.record(action="user.tested")

    with pytest.raises(IntegrityError, match="never changed"), transaction.atomic():
        change(AuditEntry.objects.all())

    assert AuditEntry.objects.get().action == "user.tested"
