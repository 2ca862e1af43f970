"""Resumable uploads (tus 1.0, https://tus.io/protocols/resumable-upload).

A row says how many bytes are kept; they are the first ones of a file named after it. What a crash
left behind them in the file is cut off before the next ones are appended.
"""

import hashlib
import hmac
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from io import FileIO
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from alice.common.errors import DomainError, Invalid, NotFound, PayloadTooLarge, TooManyRequests
from alice.common.tiers import entitlements_of
from files.models import Upload, UploadQuerySet
from files.services import quotas
from files.services.targets import upload_target
from files.storage.incoming import FileTooLarge, a_full_disk_is_said, hash_file

BLOCK_BYTES = 256 * 1024
CHECKSUM_ALGORITHMS = ("sha1", "sha256")


class TooManyUploads(TooManyRequests):
    code = "too_many_uploads"
    detail = "You have too many unfinished uploads. Finish or delete one first."


class UploadExpired(DomainError):
    code = "upload_expired"
    status = 410
    detail = "This upload has expired. Begin a new one."


class UploadLocked(DomainError):
    code = "upload_locked"
    status = 423
    detail = "Another request is working on this upload. Try again shortly."


class OffsetMismatch(DomainError):
    """`details`: `offset`, from which the upload goes on."""

    code = "upload_offset_mismatch"
    detail = "Upload-Offset is not where this upload goes on. Ask for its offset by HEAD."


class PastTheEnd(PayloadTooLarge):
    """`details`: `remaining_bytes`."""

    code = "past_the_end"
    detail = "These are more bytes than the upload still lacks. None of them was kept."


class ChecksumMismatch(DomainError):
    code = "checksum_mismatch"
    status = 460
    detail = "The bytes do not have this checksum. None of them was kept: send them again."


@dataclass(frozen=True, slots=True)
class NewUpload:
    """What somebody wants to upload: how many bytes, and what is to become of them.

    `metadata` is Upload-Metadata as it was sent.
    """

    length: int
    target: str
    original_filename: str
    description: str = ""
    tags: list[str] = field(default_factory=list)
    metadata: str = ""


@dataclass(frozen=True, slots=True)
class Checksum:
    """What the bytes of one piece must hash to, by one of `CHECKSUM_ALGORITHMS`."""

    algorithm: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """`size_bytes` of an upload, beginning at `offset`, to be had from `read(count)`."""

    offset: int
    size_bytes: int
    read: Callable[[int], bytes]
    checksum: Checksum | None = None


def upload_directory() -> Path:
    """Where the bytes of uploads are until they are finished."""
    return Path(settings.DATA_DIR) / "uploads"


def upload_path(upload_id: uuid.UUID) -> Path:
    """The file of one upload; its first bytes are those that its row says are kept."""
    return upload_directory() / str(upload_id)


@transaction.atomic
def create_upload(*, owner_id: int, new: NewUpload) -> Upload:
    """Begin an upload. All its bytes are charged now, so that it can be finished in any case.

    Raises `Invalid` for a length below 1, `FileTooLarge` above what the owner's tier may upload,
    `StorageQuotaReached`, and `TooManyUploads` for more than UPLOADS_AT_ONCE unfinished ones.
    """
    if new.length < 1:
        raise Invalid("Upload-Length: An upload has at least 1 byte.")
    limit_bytes = entitlements_of(owner_id).upload_size_bytes
    if new.length > limit_bytes:
        raise FileTooLarge(limit_bytes)
    # The charge locks the owner's storage, so that two at once are counted one after the other.
    quotas.charge(owner_id=owner_id, size_bytes=new.length)
    _require_free_place(owner_id)
    return Upload.objects.create(
        owner_id=owner_id,
        target=new.target,
        length=new.length,
        metadata=new.metadata,
        original_filename=new.original_filename,
        description=new.description,
        tags=new.tags,
        expires_at=timezone.now() + settings.UPLOAD_KEPT,
    )


def get_upload(*, uploads: UploadQuerySet, upload_id: uuid.UUID) -> Upload:
    """One of `uploads`. Raises `NotFound`, and `UploadExpired` until its row is cleared away."""
    upload = uploads.filter(pk=upload_id).first()
    if upload is None:
        raise NotFound
    if upload.expires_at <= timezone.now():
        raise UploadExpired
    return upload


def append_bytes(*, uploads: UploadQuerySet, upload_id: uuid.UUID, piece: Piece) -> Upload:
    """Append a piece to one of `uploads` and prolong it; the last piece makes it what it is for.

    The bytes are on the disk before the row says so, and the last of them, the object and the
    end of the upload are one transaction. Raises `NotFound`, `UploadExpired`, `UploadLocked`
    while another piece is appended, `OffsetMismatch`, `PastTheEnd`, `ChecksumMismatch` and
    `StorageFull`, all with nothing kept of the piece. What the target refuses is raised with the
    upload gone and its bytes given back.
    """
    with transaction.atomic():
        upload = _locked(uploads, upload_id)
        if piece.offset != upload.offset:
            raise OffsetMismatch(offset=upload.offset)
        if piece.size_bytes > upload.length - upload.offset:
            raise PastTheEnd(remaining_bytes=upload.length - upload.offset)
        refusal = None if upload.finished_at else _continue(upload, piece)
    # A refusal that changed something is raised only now: that change is to stay.
    if refusal:
        raise refusal
    return upload


@transaction.atomic
def terminate_upload(*, uploads: UploadQuerySet, upload_id: uuid.UUID) -> None:
    """Forget one of `uploads` and the bytes it has; what a finished one became stays.

    Raises `NotFound`, `UploadExpired` and `UploadLocked`.
    """
    _remove(_locked(uploads, upload_id))


def delete_expired_uploads() -> int:
    """Forget the uploads past their time, with bytes and charge; return how many went."""
    expired = Upload.objects.expired(timezone.now()).values_list("pk", flat=True)
    return sum(_remove_expired(upload_id) for upload_id in list(expired))


def delete_stray_bytes() -> int:
    """Delete files of uploads that are no more, left behind by a crash; return how many went."""
    # In this order: a file is made only for a row that is there already.
    paths = {path.name: path for path in upload_directory().glob("*")}
    unfinished = Upload.objects.unfinished().values_list("pk", flat=True)
    strays = paths.keys() - {str(upload_id) for upload_id in unfinished}
    for name in strays:
        paths[name].unlink(missing_ok=True)
    return len(strays)


def erase_uploads(owner_id: int) -> None:
    """Delete the bytes of a user who leaves, once that is committed; the rows go with the user."""
    unfinished = Upload.objects.filter(owner_id=owner_id).unfinished()
    for upload_id in unfinished.values_list("pk", flat=True):
        _forget_bytes_after_commit(upload_id)


def _require_free_place(owner_id: int) -> None:
    now = timezone.now()
    unfinished = Upload.objects.filter(owner_id=owner_id).unfinished().live(now)
    expiries = list(unfinished.order_by("expires_at").values_list("expires_at", flat=True))
    if len(expiries) >= settings.UPLOADS_AT_ONCE:
        raise TooManyUploads(retry_after=int((expiries[0] - now).total_seconds()))


def _locked(uploads: UploadQuerySet, upload_id: uuid.UUID) -> Upload:
    upload = get_upload(uploads=uploads, upload_id=upload_id)
    # Not a wait: the other request may take long, and the client had better ask again.
    locked = uploads.filter(pk=upload.pk).select_for_update(skip_locked=True).first()
    if locked is None:
        raise UploadLocked
    return locked


def _continue(upload: Upload, piece: Piece) -> DomainError | None:
    """Append `piece`, and finish the upload with the last one; or answer what is to be raised."""
    with a_full_disk_is_said(), _opened(upload.pk) as file:
        kept = os.fstat(file.fileno()).st_size
        if kept < upload.offset:
            # The disk lost what the row promises; from what it has the client can go on.
            _save(upload, offset=kept)
            return OffsetMismatch(offset=kept)
        size_bytes = _append(file, upload.offset, piece)
    _save(upload, offset=upload.offset + size_bytes)
    return _finish(upload) if upload.offset == upload.length else None


@contextmanager
def _opened(upload_id: uuid.UUID) -> Iterator[FileIO]:
    path = upload_path(upload_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with FileIO(descriptor, "r+") as file:
        yield file


def _append(file: FileIO, offset: int, piece: Piece) -> int:
    """Write `piece` at `offset`, the new end of the file, and force it to the disk; or nothing."""
    file.truncate(offset)
    file.seek(offset)
    try:
        size_bytes = _copy(piece, file)
        os.fsync(file.fileno())
    except BaseException:
        with suppress(OSError):
            file.truncate(offset)
        raise
    return size_bytes


def _copy(piece: Piece, file: FileIO) -> int:
    digest = hashlib.new(piece.checksum.algorithm) if piece.checksum else None
    size_bytes = 0
    while block := piece.read(min(BLOCK_BYTES, piece.size_bytes - size_bytes)):
        size_bytes += len(block)
        if digest:
            digest.update(block)
        left = memoryview(block)
        while left:
            left = left[file.write(left) :]
    if digest and piece.checksum:
        _require_match(digest.digest(), piece.checksum)
    return size_bytes


def _require_match(digest: bytes, checksum: Checksum) -> None:
    if not hmac.compare_digest(digest, checksum.digest):
        raise ChecksumMismatch


def _save(upload: Upload, *, offset: int) -> None:
    upload.offset = offset
    upload.expires_at = timezone.now() + settings.UPLOAD_KEPT
    upload.save(update_fields=["offset", "expires_at"])


def _finish(upload: Upload) -> DomainError | None:
    """Make the upload what it is for; or remove it and answer why it cannot be that."""
    received = hash_file(upload_path(upload.pk))
    try:
        with transaction.atomic():
            upload.result_id = upload_target(upload.target).finish(
                owner_id=upload.owner_id,
                received=received,
                original_filename=upload.original_filename,
                description=upload.description,
                tags=upload.tags,
            )
    except DomainError as refusal:
        if refusal.status >= 500:
            raise
        _remove(upload)
        return refusal
    upload.finished_at = timezone.now()
    upload.save(update_fields=["finished_at", "result_id"])
    _forget_bytes_after_commit(upload.pk)
    return None


@transaction.atomic
def _remove_expired(upload_id: uuid.UUID) -> bool:
    expired = Upload.objects.expired(timezone.now()).filter(pk=upload_id)
    upload = expired.select_for_update(skip_locked=True).first()
    if upload:
        _remove(upload)
    return upload is not None


def _remove(upload: Upload) -> None:
    Upload.objects.filter(pk=upload.pk).delete()
    if upload.finished_at is None:
        quotas.release(owner_id=upload.owner_id, size_bytes=upload.length)
    _forget_bytes_after_commit(upload.pk)


def _forget_bytes_after_commit(upload_id: uuid.UUID) -> None:
    path = upload_path(upload_id)
    transaction.on_commit(partial(path.unlink, missing_ok=True), robust=True)
