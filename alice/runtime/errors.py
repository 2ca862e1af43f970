"""What stops a run before it has begun."""


class CannotRun(Exception):
    """A reason, in words for the person at the console, and the exit code that goes with it."""

    def __init__(self, reason: str, *, exit_code: int = 1) -> None:
        super().__init__(reason)
        self.exit_code = exit_code
