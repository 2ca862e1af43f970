from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FileUploaded:
    file_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class FileUpdated:
    file_id: int
    owner_id: int
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class FileDeleted:
    """A file is gone for good. A user who leaves takes the files along without this event."""

    file_id: int
    owner_id: int
