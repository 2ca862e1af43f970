"""How long to wait before a child is started again."""

FIRST_DELAY_SECONDS = 0.2
LONGEST_DELAY_SECONDS = 10.0
SETTLED_AFTER_SECONDS = 30.0


class Backoff:
    """Doubles the delay with each early end, and forgets them after a life of 30 seconds."""

    def __init__(self) -> None:
        self.delay_seconds = FIRST_DELAY_SECONDS

    def next_delay(self, *, lived_seconds: float) -> float:
        """The seconds to wait now that a child has ended after `lived_seconds`."""
        if lived_seconds >= SETTLED_AFTER_SECONDS:
            self.delay_seconds = FIRST_DELAY_SECONDS
        delay = self.delay_seconds
        self.delay_seconds = min(delay * 2, LONGEST_DELAY_SECONDS)
        return delay
