import uuid
from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from alice.common.tags import tags_column, tags_constraints
from collaboration.models import ResourceType
from collaboration.selectors import ShareableQuerySet

FILENAME_MAX = 255
DESCRIPTION_MAX = 5000
SHA256_PATTERN = "^[0-9a-f]{64}$"


class Blob(models.Model):
    """Bytes that are kept under a name of our own. The row is there if and only if they are."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    name = models.CharField(max_length=60, unique=True, help_text="A UUID and an extension.")
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    mime_type = models.CharField(max_length=100, help_text="By the bytes, never by a name.")
    is_charged = models.BooleanField(
        default=True, help_text="Whether they count against the owner's storage."
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(size_bytes__gte=1), name="blob_not_empty"),
            models.CheckConstraint(
                condition=Q(sha256__regex=SHA256_PATTERN), name="blob_sha256_pattern"
            ),
        ]
        indexes = [models.Index(fields=["owner"], name="blob_by_owner")]

    def __str__(self) -> str:
        return self.name


class FileQuerySet(ShareableQuerySet["File"]):
    resource_type = ResourceType.FILE
    is_attachable = True


class File(models.Model):
    """A file as its owner gave it, byte for byte, with its name."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    blob = models.OneToOneField(Blob, on_delete=models.RESTRICT, related_name="+")
    original_filename = models.CharField(max_length=FILENAME_MAX)
    description = models.TextField(blank=True, default="")
    tags = tags_column()
    version = models.PositiveBigIntegerField(default=1, help_text="One more with each change.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = FileQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(original_filename=""), name="file_original_filename_not_blank"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), DESCRIPTION_MAX),
                name="file_description_length",
            ),
            *tags_constraints("file"),
        ]
        indexes = [models.Index(fields=["owner", "-id"], name="file_by_owner")]

    def __str__(self) -> str:
        return self.original_filename


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The uploads a user began."""
        return self.none() if user.is_anonymous else self.filter(owner_id=user.pk)

    def live(self, now: datetime) -> Self:
        """Those that can still be asked about or continued."""
        return self.filter(expires_at__gt=now)

    def expired(self, now: datetime) -> Self:
        return self.filter(expires_at__lte=now)

    def unfinished(self) -> Self:
        return self.filter(finished_at=None)


class Upload(models.Model):
    """A resumable upload (tus 1.0). Until it is finished its length is charged as if stored."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    target = models.CharField(max_length=20, help_text="What it becomes: file or media.")
    length = models.PositiveBigIntegerField(help_text="Bytes in all.")
    offset = models.PositiveBigIntegerField(default=0, help_text="Bytes received and kept.")
    metadata = models.TextField(blank=True, help_text="Upload-Metadata as the client sent it.")
    original_filename = models.CharField(max_length=FILENAME_MAX)
    description = models.TextField(blank=True, default="")
    tags = tags_column()
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    result_id = models.BigIntegerField(
        null=True, blank=True, help_text="The id of the file or media object it became."
    )

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        constraints = [
            models.CheckConstraint(condition=Q(length__gte=1), name="upload_length_positive"),
            models.CheckConstraint(
                condition=Q(offset__lte=F("length")), name="upload_offset_within_length"
            ),
            models.CheckConstraint(
                condition=Q(finished_at=None, result_id=None)
                | Q(finished_at__isnull=False, result_id__isnull=False, offset=F("length")),
                name="upload_finished_has_result",
            ),
        ]
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="upload_by_owner"),
            models.Index(fields=["expires_at"], name="upload_by_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.original_filename}, {self.offset} of {self.length} bytes"


class StorageUsage(models.Model):
    """How many bytes of a user count against the storage of the tier."""

    owner = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    used_bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        ordering = ["pk"]
        verbose_name_plural = "storage usage"
        constraints = [
            models.CheckConstraint(condition=Q(used_bytes__gte=0), name="storage_usage_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.used_bytes} bytes of user {self.owner_id}"
