from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from alice.common.errors import DomainError
from billing.services.catching_up import KEPT_BY_STRIPE, catch_up


class Command(BaseCommand):
    help = "Process the events that Stripe has and this installation has not."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=int,
            choices=range(1, KEPT_BY_STRIPE.days + 1),
            metavar="1-30",
            help="How far to look back; by default, to the newest event that arrived.",
        )

    def handle(self, *args: Any, days: int | None = None, **options: Any) -> None:
        since = timezone.now() - timedelta(days=days) if days else None
        try:
            done = catch_up(since=since)
        except DomainError as error:
            raise CommandError(error.detail) from error
        self.stdout.write(
            f"{done.seen} events at Stripe, {done.processed} of them news, {done.failed} failed;"
            f" {done.reread} overdue subscriptions read anew."
        )
        if done.failed:
            raise CommandError("Not everything could be processed; the log says why.")
