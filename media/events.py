from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class MediaUploaded:
    media_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class MediaUpdated:
    media_id: int
    owner_id: int
    changed: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MediaTranscoded:
    """A rendition of a media object is there: `media_id`, made from `source_id`."""

    media_id: int
    source_id: int
    owner_id: int


@dataclass(frozen=True, kw_only=True)
class MediaDeleted:
    """A media object is gone for good. A user who leaves takes all along without this event."""

    media_id: int
    owner_id: int
