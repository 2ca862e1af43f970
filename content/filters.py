import django_filters

from alice.common.filtering import TagsFilter, TotalOrderingFilter
from content.models import Item, Status

ORDERINGS = ("created_at", "updated_at", "title", "published_at")


class ItemFilter(django_filters.FilterSet):
    item_type = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=Status.choices)
    tag = TagsFilter()
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created at this time or later."
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before this time."
    )
    updated_after = django_filters.IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="gte", label="Changed at this time or later."
    )
    updated_before = django_filters.IsoDateTimeFilter(
        field_name="updated_at", lookup_expr="lt", label="Changed before this time."
    )
    ordering = TotalOrderingFilter(fields=[(name, name) for name in ORDERINGS])

    class Meta:
        model = Item
        fields: list[str] = []
