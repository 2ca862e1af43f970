"""Which store holds the bytes."""

from pathlib import Path

from django.conf import settings

from files.storage.local import LocalStore
from files.storage.protocol import Store


def store() -> Store:
    """The S3 bucket of the settings, or the data directory where they name none."""
    if not settings.AWS_STORAGE_BUCKET_NAME:
        return LocalStore(Path(settings.DATA_DIR) / "blobs")
    from files.storage.s3 import s3_store  # noqa: PLC0415 - boto3 costs 70 MB per process

    return s3_store()
