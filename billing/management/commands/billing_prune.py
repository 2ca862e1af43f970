from typing import Any

from django.core.management.base import BaseCommand

from billing.services.pruning import prune_events


class Command(BaseCommand):
    help = "Delete events of Stripe's past their time. It is done each day by itself."

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{prune_events()} events deleted.")
