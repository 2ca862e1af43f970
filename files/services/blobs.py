"""Blobs: a row and its bytes, which come together and go together."""

import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from django.db import transaction

from alice.common.compiled import insert
from files.models import Blob
from files.services import quotas
from files.storage.incoming import Received
from files.storage.stores import store


@dataclass(frozen=True, slots=True)
class NewBlob:
    """Received bytes on their way to being kept: their type, their extension with its dot."""

    received: Received
    mime_type: str
    extension: str
    is_charged: bool = True


@contextmanager
def keeping(
    owner_id: int, new: Iterable[NewBlob], *, is_paid: bool = False
) -> Iterator[list[Blob]]:
    """Keep blobs, with whatever rows the body of this `with` makes of them, or nothing at all.

    The bytes are moved into place first, so that no lock is held meanwhile; then the charge, the
    rows and the body share one transaction. When any of it fails, no byte is left behind. Where
    they `is_paid`, their charge was made before and is now theirs. Raises `StorageQuotaReached`
    and `StorageFull`.
    """
    wanted = list(new)
    charged = 0 if is_paid else sum(one.received.size_bytes for one in wanted if one.is_charged)
    quotas.require_room(owner_id=owner_id, size_bytes=charged)
    blobs = [_unsaved(owner_id, blob) for blob in wanted]
    try:
        for blob, one in zip(blobs, wanted, strict=True):
            store().put(blob.name, one.received, content_type=blob.mime_type)
        with transaction.atomic():
            if charged:
                quotas.charge(owner_id=owner_id, size_bytes=charged)
            for blob in blobs:
                insert(blob)
            yield blobs
    except BaseException:
        _forget([blob.name for blob in blobs])
        raise


@transaction.atomic
def delete_blobs(blobs: Iterable[Blob]) -> None:
    """Delete rows whose users are gone already; the bytes go once that is committed.

    Bytes left behind by a crash in between are found by `manage.py reconcile`.
    """
    gone = list(blobs)
    Blob.objects.filter(pk__in=[blob.pk for blob in gone]).delete()
    for blob in gone:
        if blob.is_charged:
            quotas.release(owner_id=blob.owner_id, size_bytes=blob.size_bytes)
    forget_after_commit([blob.name for blob in gone])


def forget_after_commit(names: Iterable[str]) -> None:
    """Delete stored bytes once the transaction has ended well."""
    for name in names:
        transaction.on_commit(partial(store().delete, name), robust=True)


def erase_blobs(owner_id: int) -> None:
    """Delete the bytes of a user who leaves, once that is committed; the rows go with the user."""
    names = Blob.objects.filter(owner_id=owner_id).values_list("name", flat=True)
    forget_after_commit(list(names))


def _unsaved(owner_id: int, new: NewBlob) -> Blob:
    return Blob(
        owner_id=owner_id,
        name=f"{uuid.uuid4()}{new.extension}",
        size_bytes=new.received.size_bytes,
        sha256=new.received.sha256,
        mime_type=new.mime_type,
        is_charged=new.is_charged,
    )


def _forget(names: Iterable[str]) -> None:
    for name in names:
        store().delete(name)
