"""Bytes in a private S3 bucket, by django-storages' settings `AWS_*`.

An upload that fails is aborted, so its parts are gone. Only a process that is killed leaves parts
behind: they are never listed and never become an object, but they cost until they are aborted, so
a bucket should have a lifecycle rule `AbortIncompleteMultipartUpload`
(https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpu-abort-incomplete-mpu-lifecycle-config.html).
"""

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from storages.backends.s3 import S3Storage  # type: ignore[import-untyped]

from alice.common.errors import NotFound, Unavailable
from files.storage.incoming import Received, StorageFull, a_full_disk_is_said
from files.storage.local import NAME
from files.storage.protocol import Entry

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

logger = logging.getLogger("alice.storage")

MIB = 1024 * 1024
PAGE_ENTRIES = 1000
NO_ANSWER = "The storage does not answer. Try again shortly."
CONNECTION_SETTINGS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_S3_REGION_NAME",
    "AWS_S3_ENDPOINT_URL",
    "AWS_S3_ADDRESSING_STYLE",
)

# Part after part from the file itself: no threads of its own and no part in memory.
TRANSFER = TransferConfig(
    multipart_threshold=16 * MIB,
    multipart_chunksize=16 * MIB,
    use_threads=False,
    num_download_attempts=3,
    preferred_transfer_client="classic",
)


@dataclass(frozen=True, slots=True)
class S3Store:
    """A store (see `Store`) in one bucket, below one prefix. Boto3's clients are thread-safe."""

    client: "S3Client"
    bucket: str
    prefix: str

    def put(self, name: str, received: Received, *, content_type: str) -> None:
        """Upload the file, in parts when it is large; S3 shows an object only when it is whole."""
        with answering():
            self.client.upload_file(
                str(received.path),
                self.bucket,
                self.key_of(name),
                ExtraArgs={"ContentType": content_type},
                Config=TRANSFER,
            )

    def delete(self, name: str) -> None:
        """Delete the object; S3 does not mind one that is missing."""
        with answering():
            self.client.delete_object(Bucket=self.bucket, Key=self.key_of(name))

    def open(self, name: str, *, first: int = 0) -> BinaryIO:
        """The object's bytes as they come over the network. Raises `NotFound`."""
        wanted: dict[str, Any] = {"Range": f"bytes={first}-"} if first else {}
        with answering():
            found = self.client.get_object(Bucket=self.bucket, Key=self.key_of(name), **wanted)
        return cast("BinaryIO", Download(found["Body"]))

    def size(self, name: str) -> int | None:
        """The size of the object, or None."""
        try:
            with answering():
                found = self.client.head_object(Bucket=self.bucket, Key=self.key_of(name))
        except NotFound:
            return None
        return found["ContentLength"]

    def entries(self) -> Iterator[Entry]:
        """Every object below the prefix, page by page."""
        pages = self.client.get_paginator("list_objects_v2")
        with answering():
            for page in pages.paginate(
                Bucket=self.bucket,
                Prefix=self.prefix,
                PaginationConfig={"PageSize": PAGE_ENTRIES},
            ):
                for found in page.get("Contents", ()):
                    name = found["Key"].removeprefix(self.prefix)
                    yield Entry(name, found["Size"], found["LastModified"])

    def link(self, name: str, *, content_type: str, disposition: str, seconds: int) -> str:
        """A presigned GET; the signature covers both headers. Asks nothing of S3."""
        with answering():
            return self.client.generate_presigned_url(
                "get_object",
                Params={
                    "Bucket": self.bucket,
                    "Key": self.key_of(name),
                    "ResponseContentType": content_type,
                    "ResponseContentDisposition": disposition,
                },
                ExpiresIn=seconds,
            )

    def local_copy(self, name: str, directory: Path) -> Path:
        """Download the object. Raises `NotFound` and `StorageFull`, with nothing left."""
        path = directory / name
        with answering(), a_full_disk_is_said():
            self.client.download_file(self.bucket, self.key_of(name), str(path), Config=TRANSFER)
        return path

    def key_of(self, name: str) -> str:
        """The key of an object; `ValueError` for what is no name of ours."""
        if not NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not the name of a blob.")
        return self.prefix + name


class Download(io.RawIOBase):
    """The body of an object, to be read forward."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """All that is left, or `size` bytes; fewer only at the end. Raises `Unavailable`."""
        with answering():
            block: bytes = self._body.read(None if size < 0 else size)
        return block

    def readinto(self, buffer: Any) -> int:
        """As `read`, into a buffer."""
        block = self.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        """Give the connection back."""
        self._body.close()
        super().close()


@contextmanager
def answering() -> Iterator[None]:
    """Raise `NotFound`, `StorageFull` or `Unavailable` for what boto3 raises."""
    try:
        yield
    except ClientError as error:
        raise _meaning(error) from error
    except (BotoCoreError, Boto3Error) as error:
        cause = error.__context__
        if isinstance(cause, ClientError):
            raise _meaning(cause) from error
        logger.warning("S3 does not answer: %s", error)
        raise Unavailable(NO_ANSWER) from error


def _meaning(error: ClientError) -> NotFound | StorageFull | Unavailable:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    code = error.response.get("Error", {}).get("Code")
    if code in {"404", "NoSuchKey"}:
        return NotFound()
    # MinIO's answer for a full disk or a spent quota.
    if status == 507:
        return StorageFull()
    logger.error("S3 refuses: %s", error)
    return Unavailable(NO_ANSWER)


def s3_store() -> S3Store:
    """The store of the settings."""
    client = _client(tuple(getattr(settings, name) for name in CONNECTION_SETTINGS))
    prefix = f"{settings.AWS_LOCATION}/" if settings.AWS_LOCATION else ""
    return S3Store(client, settings.AWS_STORAGE_BUCKET_NAME, prefix)


@cache
def _client(_values: tuple[str | None, ...]) -> "S3Client":
    """A client for these settings. It takes a tenth of a second to make, so there is one."""
    config = Config(
        connect_timeout=3,
        read_timeout=20,
        retries={"total_max_attempts": 3, "mode": "standard"},
        signature_version="s3v4",
        s3=cast("Any", {"addressing_style": settings.AWS_S3_ADDRESSING_STYLE}),
        # Not every store that speaks S3 knows the newer checksums.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    client: S3Client = S3Storage(client_config=config).connection.meta.client
    return client
