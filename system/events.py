from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class JobQueued:
    job_id: int
    queue: str


@dataclass(frozen=True, kw_only=True)
class JobProgressed:
    """A running job came further; not announced for every per cent."""

    job_id: int
    owner_id: int | None
    kind: str
    progress: int


@dataclass(frozen=True, kw_only=True)
class JobEnded:
    """A job is completed, failed or cancelled."""

    job_id: int
    owner_id: int | None
    kind: str
    status: str
    progress: int
