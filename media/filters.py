import django_filters

from alice.common.filtering import TagsFilter, TotalOrderingFilter
from media.models import Media, MediaType

ORDERINGS = ("created_at", "updated_at", "original_filename", "duration")


class MediaFilter(django_filters.FilterSet):
    media_type = django_filters.ChoiceFilter(choices=MediaType.choices)
    tag = TagsFilter()
    name = django_filters.CharFilter(
        field_name="original_filename", lookup_expr="icontains", label="Part of the name."
    )
    source_id = django_filters.NumberFilter(
        field_name="source_id", min_value=1, max_value=2**63 - 1, label="Renditions of this one."
    )
    is_rendition = django_filters.BooleanFilter(
        field_name="source", lookup_expr="isnull", exclude=True, label="Made by a transcode."
    )
    created_after = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="gte", label="Created at this time or later."
    )
    created_before = django_filters.IsoDateTimeFilter(
        field_name="created_at", lookup_expr="lt", label="Created before this time."
    )
    ordering = TotalOrderingFilter(
        fields=[(name, name) for name in ORDERINGS] + [("size_bytes", "file_size")]
    )

    class Meta:
        model = Media
        fields: list[str] = []
