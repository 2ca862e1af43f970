"""Answers kept for requests with an Idempotency-Key."""

from datetime import datetime

from django.conf import settings
from django.db import connection
from django.utils import timezone

from alice.common.idempotency import Attempt, KeyInFlight, KeyReused, StoredAnswer
from system.models import IdempotencyRecord


def _oldest_kept() -> datetime:
    return timezone.now() - settings.IDEMPOTENCY_KEPT


class DatabaseAnswers:
    """`AnswerStore` in PostgreSQL; the key is held by an advisory lock of the transaction."""

    def claim(self, attempt: Attempt) -> StoredAnswer | None:
        """The stored answer, or None with the key held until the transaction ends.

        Raises `KeyInFlight` while a twin holds the key and `KeyReused` for another request.
        """
        name = f"{attempt.user_id} {attempt.route} {attempt.key}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", [name])
            (is_held,) = cursor.fetchone() or (False,)
        if not is_held:
            raise KeyInFlight
        same_key = IdempotencyRecord.objects.filter(
            user_id=attempt.user_id, route=attempt.route, key=attempt.key
        )
        record = same_key.first()
        if record is None:
            return None
        if record.created_at < _oldest_kept():
            same_key.delete()
            return None
        if record.fingerprint != attempt.fingerprint:
            raise KeyReused
        return StoredAnswer(record.status, bytes(record.body), record.headers)

    def keep(self, attempt: Attempt, answer: StoredAnswer) -> None:
        """Store `answer` in the current transaction."""
        IdempotencyRecord.objects.create(
            user_id=attempt.user_id,
            route=attempt.route,
            key=attempt.key,
            fingerprint=attempt.fingerprint,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
        )


def clear_expired_answers() -> int:
    """Delete answers past their time; return how many went."""
    deleted, _ = IdempotencyRecord.objects.filter(created_at__lt=_oldest_kept()).delete()
    return deleted
