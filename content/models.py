from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast, Length
from django.db.models.lookups import Exact, LessThanOrEqual
from django.utils import timezone

from alice.common.json_columns import JsonDecoder, JsonEncoder
from alice.common.tags import TAG_MAX, tags_column, tags_constraints
from collaboration.models import ResourceType
from collaboration.selectors import ShareableQuerySet

TITLE_MAX = 300
DESCRIPTION_MAX = 5000
ITEM_TYPE_PATTERN = "^[a-z0-9_-]{1,50}$"
JSON_MAX_BYTES = 1024 * 1024
# PostgreSQL writes 1e308 out as 309 digits: what fits on the way in may be 50 times as long on
# the way out. Spaces after commas and colons alone never double a text.
JSON_WRITTEN_OUT_MAX_BYTES = 2 * JSON_MAX_BYTES

VERSIONED_FIELDS = (
    "title",
    "description",
    "content",
    "item_type",
    "status",
    "metadata",
    "tags",
)


class Status(models.TextChoices):
    DRAFT = "draft", "Draft"
    PUBLISHED = "published", "Published"
    ARCHIVED = "archived", "Archived"


def is_json_object(column: str) -> Exact[bool]:
    """The CHECK that a JSON column holds an object."""
    kind = Func(F(column), function="jsonb_typeof", output_field=models.TextField())
    return Exact(kind, Value("object"))


def is_bounded_json(column: str) -> LessThanOrEqual[int]:
    """The CHECK that a JSON column stays bounded when PostgreSQL writes it out."""
    text = Cast(F(column), models.TextField())
    size = Func(text, function="octet_length", output_field=models.IntegerField())
    return LessThanOrEqual(size, JSON_WRITTEN_OUT_MAX_BYTES)


class ItemQuerySet(ShareableQuerySet["Item"]):
    resource_type = ResourceType.ITEM

    def live(self) -> Self:
        return self.filter(trashed_at=None)

    def trashed(self) -> Self:
        return self.filter(trashed_at__isnull=False)

    def in_trash_since(self, moment: datetime) -> Self:
        """Moved to the trash at `moment` or earlier."""
        return self.filter(trashed_at__lte=moment)


class Item(models.Model):
    """Something a user writes: a post, a note, a page. Counts its versions."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    title = models.CharField(max_length=TITLE_MAX)
    description = models.TextField(blank=True, default="")
    content = models.JSONField(default=dict, blank=True, encoder=JsonEncoder, decoder=JsonDecoder)
    item_type = models.CharField(max_length=50, default="post")
    status = models.CharField(max_length=9, choices=Status, default=Status.DRAFT)
    metadata = models.JSONField(default=dict, blank=True, encoder=JsonEncoder, decoder=JsonDecoder)
    tags = tags_column()
    version = models.PositiveBigIntegerField(default=1, help_text="One more with each change.")
    editor_id = models.BigIntegerField(help_text="The user who wrote this version.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, help_text="When this version was.")
    published_at = models.DateTimeField(
        null=True, blank=True, help_text="Set once, when first published."
    )
    trashed_at = models.DateTimeField(null=True, blank=True, help_text="Null outside the trash.")

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(title__regex=r"[^ \t\n\r]"), name="item_title_not_blank"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), DESCRIPTION_MAX),
                name="item_description_length",
            ),
            models.CheckConstraint(
                condition=Q(item_type__regex=ITEM_TYPE_PATTERN), name="item_type_pattern"
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="item_status_known"
            ),
            models.CheckConstraint(
                condition=is_json_object("content"), name="item_content_object"
            ),
            models.CheckConstraint(
                condition=is_json_object("metadata"), name="item_metadata_object"
            ),
            models.CheckConstraint(
                condition=is_bounded_json("content"), name="item_content_bounded"
            ),
            models.CheckConstraint(
                condition=is_bounded_json("metadata"), name="item_metadata_bounded"
            ),
            *tags_constraints("item"),
            models.CheckConstraint(condition=Q(version__gte=1), name="item_version_counts"),
            models.CheckConstraint(
                condition=~Q(status=Status.PUBLISHED.value) | Q(published_at__isnull=False),
                name="item_published_has_date",
            ),
        ]
        indexes = [
            # Not partial: it also finds what a user who leaves takes along, trash included.
            models.Index(fields=["owner", "-id"], name="item_by_owner"),
            models.Index(
                fields=["owner", "-id"],
                name="item_trash_by_owner",
                condition=Q(trashed_at__isnull=False),
            ),
            models.Index(
                fields=["trashed_at"],
                name="item_trash_by_age",
                condition=Q(trashed_at__isnull=False),
            ),
            GinIndex(fields=["tags"], name="item_by_tag"),
        ]

    def __str__(self) -> str:
        return self.title


class Revision(models.Model):
    """A version of an item that a later one has replaced."""

    item = models.ForeignKey(
        Item, on_delete=models.CASCADE, related_name="revisions", db_index=False
    )
    version = models.PositiveBigIntegerField()
    editor_id = models.BigIntegerField(help_text="The user who wrote this version.")
    created_at = models.DateTimeField(help_text="When this version was written.")
    title = models.CharField(max_length=TITLE_MAX)
    description = models.TextField(blank=True)
    content = models.JSONField(encoder=JsonEncoder, decoder=JsonDecoder)
    item_type = models.CharField(max_length=50)
    status = models.CharField(max_length=9, choices=Status)
    metadata = models.JSONField(encoder=JsonEncoder, decoder=JsonDecoder)
    tags = ArrayField(models.CharField(max_length=TAG_MAX), blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(fields=["item", "version"], name="revision_once_per_version"),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="revision_status_known"
            ),
            models.CheckConstraint(condition=Q(version__gte=1), name="revision_version_counts"),
        ]

    def __str__(self) -> str:
        return f"version {self.version} of item {self.item_id}"
