import django_filters
from django.db.models import Q

from collaboration.models import ResourceType, Room, RoomQuerySet, Share


class ShareFilter(django_filters.FilterSet):
    resource_type = django_filters.ChoiceFilter(choices=ResourceType.choices)

    class Meta:
        model = Share
        fields: list[str] = []


class RoomFilter(django_filters.FilterSet):
    private = django_filters.BooleanFilter(field_name="is_private")
    unread = django_filters.BooleanFilter(
        field_name="unread_count", method="filter_unread", label="Whether something is unread."
    )

    class Meta:
        model = Room
        fields: list[str] = []

    def filter_unread(
        self,
        rooms: RoomQuerySet,
        name: str,
        value: bool,  # noqa: FBT001 - django-filter's signature
    ) -> RoomQuerySet:
        unread = Q(unread_count__gt=0)
        return rooms.filter(unread) if value else rooms.exclude(unread)
