"""`manage.py reconcile`: rows and stored bytes agree again."""

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import orjson
from django.core.management import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from alice.common.errors import DomainError
from files.services.reconcile import Loss, Report, reconcile


class Command(BaseCommand):
    help = (
        "Deletes stored bytes and temporary files that nothing refers to, ends expired uploads, "
        "corrects the storage that is counted, and lists what is lost (exit code 1). Safe to run "
        "at any time; the worker does so each hour."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Only tell, change nothing.")
        parser.add_argument("--json", action="store_true", help="Tell it as a JSON object.")
        parser.add_argument(
            "--force",
            action="store_true",
            help="Delete bytes without a row even if they are the greater part of all.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            report = reconcile(is_dry_run=options["dry_run"], is_forced=options["force"])
        except DomainError as error:
            raise CommandError(error.detail) from error
        if options["json"]:
            self.stdout.write(orjson.dumps(asdict(report)).decode())
        else:
            self.stdout.writelines(f"{line}\n" for line in _lines(report))
        if report.needs_a_person:
            raise CommandError(_alarm(report))


def _lines(report: Report) -> Iterator[str]:
    deleted, corrected = "deleted", "corrected"
    if report.is_dry_run:
        deleted, corrected = "to delete", "to correct"
    size = filesizeformat(report.orphan_bytes_deleted).replace("\xa0", " ")
    yield f"Stored: {report.stored}, of which {report.foreign} are not ours and left alone."
    yield f"Bytes without a row: {report.orphans_deleted} {deleted} ({size})."
    yield f"Expired uploads: {report.expired_uploads} {deleted}."
    yield f"Bytes of uploads without a row: {report.upload_files_deleted} {deleted}."
    yield f"Temporary files: {report.temporary_files_deleted} {deleted}."
    yield f"Storage used: {len(report.corrections)} {corrected}."
    for wrong in report.corrections:
        yield (
            f"  user {wrong.owner_id}: {wrong.counted_bytes} bytes were counted, "
            f"{wrong.kept_bytes} are kept"
        )
    yield f"Rows without their bytes: {len(report.losses)}."
    yield from map(_described, report.losses)


def _described(loss: Loss) -> str:
    stored = "nothing" if loss.stored_bytes is None else f"{loss.stored_bytes} bytes"
    return (
        f"  {loss.name} of user {loss.owner_id}: {loss.size_bytes} bytes were kept, "
        f"{stored} is there"
    )


def _alarm(report: Report) -> str:
    if report.orphans_left:
        return (
            f"{report.orphans_left} of {report.stored} stored things have no row, which is most. "
            "Is this the right database? None of them was deleted; --force deletes them."
        )
    return f"{len(report.losses)} rows have lost their bytes: restore those from a backup."
