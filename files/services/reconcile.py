"""Rows and stored bytes agree again, whatever a crash left between them.

Bytes come before their row and go after it, so a crash leaves bytes without a row; those are
deleted. A row without its bytes is a loss that somebody must know of: it is never deleted here.
"""

import logging
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import TypeVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from files.models import Blob, StorageUsage, Upload
from files.services import uploads
from files.storage.incoming import incoming_directory
from files.storage.local import PARTIAL
from files.storage.protocol import Entry
from files.storage.stores import store

Thing = TypeVar("Thing")

logger = logging.getLogger("alice.files")

# What is younger may belong to a request that has yet to commit its row.
GRACE = timedelta(hours=1)
AT_ONCE = 1000
# So many bytes without a row are deleted unasked, even if nothing else is stored.
FEW_ORPHANS = 100
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
OUR_NAME = re.compile(rf"{UUID}(\.[0-9a-z]+)*")


@dataclass(frozen=True, slots=True)
class Loss:
    """A row whose bytes are not there, or not as many as there were."""

    name: str
    owner_id: int
    size_bytes: int
    stored_bytes: int | None


@dataclass(frozen=True, slots=True)
class Correction:
    """Storage of a user that was counted wrongly."""

    owner_id: int
    counted_bytes: int
    kept_bytes: int


@dataclass(slots=True)
class Report:
    """What was found and put right; in a dry run, what would be.

    `orphans_left` are so many that the database may be the wrong one; nothing of them is deleted.
    `foreign` things are not named as ours are and are left alone.
    """

    is_dry_run: bool
    stored: int = 0
    foreign: int = 0
    orphans_deleted: int = 0
    orphan_bytes_deleted: int = 0
    orphans_left: int = 0
    expired_uploads: int = 0
    upload_files_deleted: int = 0
    temporary_files_deleted: int = 0
    losses: list[Loss] = field(default_factory=list)
    corrections: list[Correction] = field(default_factory=list)

    @property
    def needs_a_person(self) -> bool:
        return bool(self.losses or self.orphans_left)


def reconcile(*, is_dry_run: bool = False, is_forced: bool = False) -> Report:
    """Delete what nothing refers to, correct what is counted, and tell what is lost.

    With `is_dry_run` it only looks. With `is_forced` bytes without a row are deleted even if they
    are the greater part of all. Safe to run beside anything, and by several at once.
    """
    report = Report(is_dry_run)
    now = timezone.now()
    _clear_uploads(report, now)
    _clear_temporary_files(report, now - GRACE)
    _correct_usage(report)
    _compare_stored(report, now, is_forced=is_forced)
    if report.needs_a_person:
        logger.error(
            "Stored files need a look: run `manage.py reconcile`",
            extra={"lost": len(report.losses), "orphans_left": report.orphans_left},
        )
    return report


def _clear_uploads(report: Report, now: datetime) -> None:
    if report.is_dry_run:
        report.expired_uploads = Upload.objects.expired(now).count()
        report.upload_files_deleted = len(_stray_uploads())
    else:
        report.expired_uploads = uploads.delete_expired_uploads()
        report.upload_files_deleted = uploads.delete_stray_bytes()


def _stray_uploads() -> set[str]:
    paths = (Path(settings.DATA_DIR) / "uploads").glob("*")
    names = {path.name for path in paths}
    unfinished = Upload.objects.unfinished().values_list("pk", flat=True)
    return names - {str(upload_id) for upload_id in unfinished}


def _clear_temporary_files(report: Report, before: datetime) -> None:
    partial = Path(settings.DATA_DIR) / "blobs" / PARTIAL
    for directory in (incoming_directory(), settings.REQUEST_SPOOL_DIR, partial):
        report.temporary_files_deleted += _delete_files(
            _old_files(directory, before), is_dry_run=report.is_dry_run
        )


def _old_files(directory: Path, before: datetime) -> Iterator[Path]:
    oldest = before.timestamp()
    with suppress(FileNotFoundError), os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                is_file = entry.is_file(follow_symlinks=False)
                if is_file and entry.stat(follow_symlinks=False).st_mtime < oldest:
                    yield Path(entry.path)


def _delete_files(paths: Iterable[Path], *, is_dry_run: bool) -> int:
    number = 0
    for path in paths:
        number += 1
        if not is_dry_run:
            path.unlink(missing_ok=True)
    return number


def _compare_stored(report: Report, now: datetime, *, is_forced: bool) -> None:
    seen: set[int] = set()
    orphans: list[Entry] = []
    for entries in _batches(store().entries(), AT_ONCE):
        rows = _rows_of(entries)
        report.stored += len(entries)
        for entry in entries:
            row = rows.get(entry.name)
            if row is not None:
                seen.add(row.pk)
                _compare_sizes(report, row, entry.size_bytes)
            elif not OUR_NAME.fullmatch(entry.name):
                report.foreign += 1
            elif entry.modified_at < now - GRACE:
                orphans.append(entry)
    _find_missing(report, seen, now)
    if len(orphans) > max(FEW_ORPHANS, len(seen)) and not is_forced:
        report.orphans_left = len(orphans)
        return
    for entries in _batches(orphans, AT_ONCE):
        _delete_orphans(report, entries)


def _rows_of(entries: list[Entry]) -> dict[str, Blob]:
    rows = Blob.objects.filter(name__in=[entry.name for entry in entries])
    return {row.name: row for row in rows.only("name", "owner_id", "size_bytes")}


def _compare_sizes(report: Report, row: Blob, stored_bytes: int) -> None:
    if row.size_bytes != stored_bytes:
        report.losses.append(Loss(row.name, row.owner_id, row.size_bytes, stored_bytes))


def _find_missing(report: Report, seen: set[int], now: datetime) -> None:
    rows = Blob.objects.filter(created_at__lt=now).only("name", "owner_id", "size_bytes")
    for row in rows.iterator(chunk_size=AT_ONCE):
        # Bytes go after their row: where the row is still there, they were lost, not deleted.
        is_missing = row.pk not in seen and store().size(row.name) is None
        if is_missing and Blob.objects.filter(pk=row.pk).exists():
            report.losses.append(Loss(row.name, row.owner_id, row.size_bytes, None))


def _delete_orphans(report: Report, orphans: list[Entry]) -> None:
    # Asked again: its row may have come since.
    rows = _rows_of(orphans)
    for entry in orphans:
        if entry.name in rows:
            continue
        report.orphans_deleted += 1
        report.orphan_bytes_deleted += entry.size_bytes
        if not report.is_dry_run:
            store().delete(entry.name)


def _correct_usage(report: Report) -> None:
    for owner_id in [*_owners_counted_wrongly(), *_owners_not_counted()]:
        correction = _correct(owner_id, is_dry_run=report.is_dry_run)
        if correction is not None:
            report.corrections.append(correction)


def _owners_counted_wrongly() -> list[int]:
    charged = _charged_blobs().filter(owner_id=OuterRef("pk")).values("owner_id")
    unfinished = Upload.objects.unfinished().filter(owner_id=OuterRef("pk")).values("owner_id")
    kept = Coalesce(
        Subquery(charged.order_by().annotate(total=Sum("size_bytes")).values("total")), 0
    ) + Coalesce(Subquery(unfinished.order_by().annotate(total=Sum("length")).values("total")), 0)
    wrong = StorageUsage.objects.annotate(kept=kept).exclude(used_bytes=F("kept"))
    return list(wrong.values_list("pk", flat=True))


def _owners_not_counted() -> list[int]:
    counted = StorageUsage.objects.values("owner_id")
    owners = _charged_blobs().exclude(owner_id__in=counted).order_by()
    return list(owners.values_list("owner_id", flat=True).distinct())


@transaction.atomic
def _correct(owner_id: int, *, is_dry_run: bool) -> Correction | None:
    StorageUsage.objects.bulk_create([StorageUsage(owner_id=owner_id)], ignore_conflicts=True)
    # Whoever charges or gives back holds this lock up to the commit of what it is for.
    usage = StorageUsage.objects.select_for_update().get(pk=owner_id)
    kept = _kept_bytes(owner_id)
    if usage.used_bytes == kept:
        return None
    correction = Correction(owner_id, usage.used_bytes, kept)
    if not is_dry_run:
        usage.used_bytes = kept
        usage.save(update_fields=["used_bytes"])
    return correction


def _kept_bytes(owner_id: int) -> int:
    charged = _charged_blobs().filter(owner_id=owner_id).aggregate(total=Sum("size_bytes"))
    unfinished = Upload.objects.filter(owner_id=owner_id).unfinished()
    return (charged["total"] or 0) + (unfinished.aggregate(total=Sum("length"))["total"] or 0)


def _charged_blobs() -> QuerySet[Blob]:
    return Blob.objects.filter(is_charged=True)


def _batches(things: Iterable[Thing], number: int) -> Iterator[list[Thing]]:
    remaining = iter(things)
    while batch := list(islice(remaining, number)):
        yield batch
