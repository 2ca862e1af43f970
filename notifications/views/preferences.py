from django.http import HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.requests import SignedInRequest
from alice.common.serializing import checked, json_response
from notifications.models import Channel, Digest
from notifications.serializers import PreferencesSerializer
from notifications.services import preferences


class PreferencesView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="notify_preferences",
        summary="Of what you are told, and where",
        responses=PreferencesSerializer,
    )
    def get(self, request: Request) -> HttpResponse:
        owner_id = self.request.user.pk
        rows = [
            {
                "topic": wishes.topic.name,
                "title": wishes.topic.title,
                "channels": {channel.value: wish for channel, wish in wishes.channels.items()},
                "mandatory": sorted(wishes.topic.mandatory),
            }
            for wishes in preferences.wishes_of(owner_id)
        ]
        return json_response({"digest": preferences.digest_of(owner_id), "topics": rows})

    @extend_schema(
        operation_id="notify_preferences_update",
        summary="Choose of what you are told, and where",
        description="Topics and channels that the body leaves out stay as they are. Mails come at"
        " once, gathered at the full hour, or at eight in the morning (UTC).",
        request=PreferencesSerializer,
        responses=PreferencesSerializer,
    )
    def put(self, request: Request) -> HttpResponse:
        asked = checked(PreferencesSerializer, request.data)
        digest = asked.get("digest")
        preferences.change_preferences(
            owner_id=self.request.user.pk,
            changes={
                row["topic"]: {Channel(name): wish for name, wish in row["channels"].items()}
                for row in asked.get("topics", [])
            },
            digest=None if digest is None else Digest(digest),
        )
        return self.get(request)
