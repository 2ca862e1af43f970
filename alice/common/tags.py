"""Tags, as every app that has them keeps them."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import CheckConstraint, Q

TAGS_MAX = 32
TAG_MAX = 50


def tags_column() -> "ArrayField[list[str], list[str]]":
    """A column for a list of tags, empty by default."""
    return ArrayField(models.CharField(max_length=TAG_MAX), default=list, blank=True)


def tags_constraints(model: str) -> list[CheckConstraint]:
    """How many tags a row of `model` may have, and that none of them is blank."""
    return [
        CheckConstraint(condition=Q(tags__len__lte=TAGS_MAX), name=f"{model}_tags_count"),
        CheckConstraint(condition=~Q(tags__contains=[""]), name=f"{model}_tags_not_blank"),
    ]
