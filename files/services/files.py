"""Writing files: kept byte for byte, renamed, described, deleted with their bytes."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils import timezone

from alice.common.compiled import insert
from alice.common.conditional import ANY_VERSION, IfMatch, etag_of
from alice.common.errors import Forbidden, Invalid
from alice.common.events import publish
from alice.common.versions import change_row
from collaboration.models import ResourceType
from collaboration.services.rights import OwnerOnly, ViewOnly, refusal
from collaboration.services.shares import forget
from files.events import FileDeleted, FileUpdated, FileUploaded
from files.models import File, FileQuerySet
from files.services.blobs import NewBlob, delete_blobs, keeping
from files.services.targets import Target
from files.storage.incoming import Received
from files.storage.types import file_type_of

EMPTY = "The file is empty."


def upload_file(
    *,
    owner_id: int,
    received: Received,
    original_filename: str,
    description: str = "",
    tags: Sequence[str] = (),
    is_paid: bool = False,
) -> File:
    """Keep received bytes as a file of `owner_id`, announced by `FileUploaded`.

    Its type is found in the bytes. Raises `Invalid` for an empty file, `StorageQuotaReached` and
    `StorageFull`; then nothing is kept. Where the caller's own transaction fails afterwards, the
    bytes stay behind until `manage.py reconcile` finds them.
    """
    if not received.size_bytes:
        raise Invalid(f"file: {EMPTY}", errors={"file": [EMPTY]})
    found = file_type_of(received.path)
    new = NewBlob(received, found.mime_type, found.extension)
    with keeping(owner_id, [new], is_paid=is_paid) as (blob,):
        now = timezone.now()
        file = File(
            owner_id=owner_id,
            blob=blob,
            original_filename=original_filename,
            description=description,
            tags=list(tags),
            created_at=now,
            updated_at=now,
        )
        insert(file)
        publish(FileUploaded(file_id=file.pk, owner_id=owner_id))
    return file


def finish_upload(
    *,
    owner_id: int,
    received: Received,
    original_filename: str,
    description: str,
    tags: list[str],
) -> int:
    """Make a file of a finished resumable upload and return its id; raises as `upload_file`."""
    file = upload_file(
        owner_id=owner_id,
        received=received,
        original_filename=original_filename,
        description=description,
        tags=tags,
        is_paid=True,
    )
    return file.pk


UPLOAD_TARGET = Target(finish_upload, "files/{id}")


@transaction.atomic
def update_file(
    *,
    files: FileQuerySet,
    file_id: int,
    changes: Mapping[str, Any],
    if_match: IfMatch = ANY_VERSION,
    shared: FileQuerySet | None = None,
) -> File:
    """Change the fields in `changes` of one of `files`; announced by `FileUpdated`.

    What is equal to before makes no new version. Raises `NotFound`, or `ViewOnly` for one of
    `shared`, and `PreconditionFailed`.
    """
    file = _locked(files, file_id, shared, ViewOnly)
    if_match.require(etag_of(file.version))
    if changed := change_row(file, changes):
        publish(FileUpdated(file_id=file.pk, owner_id=file.owner_id, changed=changed))
    return file


@transaction.atomic
def delete_file(
    *,
    files: FileQuerySet,
    file_id: int,
    if_match: IfMatch = ANY_VERSION,
    shared: FileQuerySet | None = None,
) -> None:
    """Delete one of `files` for good; its bytes go once that is committed.

    Raises `NotFound`, or `OwnerOnly` for one of `shared`, and `PreconditionFailed`.
    """
    file = _locked(files, file_id, shared, OwnerOnly)
    if_match.require(etag_of(file.version))
    File.objects.filter(pk=file.pk).delete()
    forget(ResourceType.FILE, [file.pk])
    delete_blobs([file.blob])
    publish(FileDeleted(file_id=file_id, owner_id=file.owner_id))


def _locked(
    files: FileQuerySet, file_id: int, shared: FileQuerySet | None, kind: type[Forbidden]
) -> File:
    locked = files.select_related("blob").select_for_update(no_key=True, of=("self",))
    try:
        return locked.order_by().get(pk=file_id)
    except File.DoesNotExist:
        raise refusal(shared, file_id, kind) from None
