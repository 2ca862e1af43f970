"""Everything a user has, as one JSON file to take away."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import orjson
from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts.models import Session, User
from alice.common.signed_urls import signed_url
from system.models import Job
from system.services.jobs import JobKind, JobRun, enqueue_job, register_job_kind

KIND = "accounts.export"
VERB = "download"

ExportSource = Callable[[int], Iterator[dict[str, Any]]]
_sources: dict[str, ExportSource] = {}


def register_export_source(name: str, source: ExportSource) -> None:
    """Have `source(user_id)` yield, row by row, what goes under `name` into an export."""
    _sources[name] = source


def request_export(*, owner_id: int) -> Job:
    """Queue an export; while one is being made, that one is returned."""
    return enqueue_job(kind=KIND, owner_id=owner_id, twin_key=str(owner_id))


def export_path(job_id: int) -> Path:
    """Where the file of an export job is kept."""
    return Path(settings.DATA_DIR) / "exports" / f"{job_id}.json"


def write_export(run: JobRun) -> dict[str, Any]:
    """Write the file of one export, row by row in flat memory, and say where it is.

    A file stands under its name only when it is whole.
    """
    path = export_path(run.job_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{run.claim.hex}")
    user_id = run.owner_id or 0
    try:
        with partial.open("xb") as file:
            file.write(b"{")
            for index, (name, source) in enumerate(_sources.items()):
                file.write(b"," if index else b"")
                _write_rows(file, name, source(user_id))
                run.report((index + 1) * 100 // len(_sources))
            file.write(b"}\n")
        partial.chmod(0o600)
        partial.rename(path)
    finally:
        partial.unlink(missing_ok=True)
    seconds = int(settings.EXPORT_KEPT.total_seconds())
    address = reverse("accounts:export-file", args=[run.job_id])
    return {
        "download_url": signed_url(address, verb=VERB, seconds=seconds),
        "size_bytes": path.stat().st_size,
        "expires_at": (timezone.now() + settings.EXPORT_KEPT).isoformat(),
    }


def _write_rows(file: BinaryIO, name: str, rows: Iterator[dict[str, Any]]) -> None:
    file.write(orjson.dumps(name) + b":[")
    file.writelines(
        (b",\n" if index else b"\n") + orjson.dumps(row, default=str)
        for index, row in enumerate(rows)
    )
    file.write(b"]")


def account_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """The account itself, without its password."""
    columns = ("id", "username", "email", "email_verified_at", "created_at", "last_login")
    yield from User.objects.filter(pk=user_id).values(*columns)


def session_rows(user_id: int) -> Iterator[dict[str, Any]]:
    """Where the user signed in, and when."""
    columns = ("id", "device", "peer", "created_at", "last_seen_at", "ended_at", "end_reason")
    yield from Session.objects.filter(user_id=user_id).values(*columns).iterator()


def clear_old_exports() -> int:
    """Delete files past their time; return how many went."""
    oldest = (timezone.now() - settings.EXPORT_KEPT).timestamp()
    folder = Path(settings.DATA_DIR) / "exports"
    old = [path for path in folder.glob("*") if path.stat().st_mtime < oldest]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def erase_exports(user_id: int) -> None:
    """Delete the files of a user who leaves, once that is committed.

    A file left behind by a crash in between goes with the old ones.
    """
    job_ids = Job.objects.filter(owner_id=user_id, kind=KIND).values_list("pk", flat=True)
    for path in [export_path(job_id) for job_id in job_ids]:
        transaction.on_commit(partial(path.unlink, missing_ok=True), robust=True)


def register_kinds() -> None:
    """Make the workers know how to export, and what every export holds."""
    register_job_kind(JobKind(KIND, write_export))
    register_export_source("account", account_rows)
    register_export_source("sessions", session_rows)
