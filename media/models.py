from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Length
from django.db.models.lookups import LessThanOrEqual
from django.utils import timezone

from alice.common.tags import tags_column, tags_constraints
from collaboration.models import ResourceType
from collaboration.selectors import ShareableQuerySet
from files.models import DESCRIPTION_MAX, FILENAME_MAX

PART_NAME_PATTERN = "^[a-z0-9]+[.][a-z0-9]+$"


class MediaType(models.TextChoices):
    VIDEO = "video", "Video"
    AUDIO = "audio", "Audio"
    IMAGE = "image", "Image"


class OutputFormat(models.TextChoices):
    MP4 = "mp4", "MP4 (H.264, AAC)"
    WEBM = "webm", "WebM (VP9, Opus)"
    HLS = "hls", "HLS (H.264, AAC, several sizes)"
    MP3 = "mp3", "MP3"
    OGG = "ogg", "Ogg (Vorbis)"
    WAV = "wav", "WAV"
    WEBP = "webp", "WebP"
    JPG = "jpg", "JPEG"
    PNG = "png", "PNG"


class Quality(models.TextChoices):
    LOW = "low", "Low"
    MEDIUM = "medium", "Medium"
    HIGH = "high", "High"


class MediaQuerySet(ShareableQuerySet["Media"]):
    resource_type = ResourceType.MEDIA
    is_attachable = True


class Media(models.Model):
    """A video, a sound or a picture: uploaded, or made from another one by a transcode."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False
    )
    blob = models.OneToOneField("files.Blob", on_delete=models.RESTRICT, related_name="+")
    poster = models.OneToOneField(
        "files.Blob", on_delete=models.RESTRICT, related_name="+", null=True, blank=True
    )
    source = models.ForeignKey(
        "self", on_delete=models.CASCADE, related_name="renditions", null=True, blank=True
    )
    job_id = models.BigIntegerField(
        null=True, blank=True, unique=True, help_text="The transcode that made it."
    )
    output_format = models.CharField(max_length=4, choices=OutputFormat, blank=True)
    quality = models.CharField(max_length=6, choices=Quality, blank=True)
    original_filename = models.CharField(max_length=FILENAME_MAX)
    description = models.TextField(blank=True, default="")
    tags = tags_column()
    media_type = models.CharField(max_length=5, choices=MediaType)
    size_bytes = models.PositiveBigIntegerField(help_text="Of all its parts, but not the poster.")
    duration = models.FloatField(null=True, blank=True, help_text="Seconds; null for a picture.")
    width = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels, as shown.")
    height = models.PositiveIntegerField(null=True, blank=True, help_text="Pixels, as shown.")
    video_codec = models.CharField(max_length=32, blank=True)
    audio_codec = models.CharField(max_length=32, blank=True)
    frame_rate = models.FloatField(null=True, blank=True, help_text="Frames per second.")
    transcoded = models.BooleanField(default=False, help_text="Whether it has renditions.")
    version = models.PositiveBigIntegerField(default=1, help_text="One more with each change.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now)

    objects = MediaQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        verbose_name_plural = "media"
        constraints = [
            models.CheckConstraint(
                condition=~Q(original_filename=""), name="media_original_filename_not_blank"
            ),
            models.CheckConstraint(
                condition=LessThanOrEqual(Length("description"), DESCRIPTION_MAX),
                name="media_description_length",
            ),
            models.CheckConstraint(
                condition=Q(media_type__in=MediaType.values), name="media_type_known"
            ),
            models.CheckConstraint(
                condition=Q(output_format__in=["", *OutputFormat.values]),
                name="media_output_format_known",
            ),
            models.CheckConstraint(
                condition=Q(quality__in=["", *Quality.values]), name="media_quality_known"
            ),
            models.CheckConstraint(
                condition=Q(duration=None) | Q(duration__gte=0), name="media_duration_positive"
            ),
            *tags_constraints("media"),
        ]
        indexes = [models.Index(fields=["owner", "-id"], name="media_by_owner")]

    def __str__(self) -> str:
        return self.original_filename


class MediaPart(models.Model):
    """A file that a player fetches beside the main one: a playlist or the segments of HLS."""

    media = models.ForeignKey(
        Media, on_delete=models.CASCADE, related_name="parts", db_index=False
    )
    blob = models.OneToOneField("files.Blob", on_delete=models.RESTRICT, related_name="+")
    name = models.CharField(max_length=40, help_text="What the playlists call it.")

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["media", "name"], name="media_part_once"),
            models.CheckConstraint(
                condition=Q(name__regex=PART_NAME_PATTERN), name="media_part_name_pattern"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} of media {self.media_id}"
