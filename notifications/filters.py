import django_filters

from notifications.models import Notification, NotificationType


class NotificationFilter(django_filters.FilterSet):
    notification_type = django_filters.ChoiceFilter(choices=NotificationType.choices)
    topic = django_filters.CharFilter(label="Such as chat.mention.")

    class Meta:
        model = Notification
        fields: list[str] = []
