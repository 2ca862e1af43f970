from typing import Any

from rest_framework import serializers

from accounts.models import Role, Session, User
from system.models import JobStatus


class RegisterSerializer(serializers.Serializer[User]):
    username = serializers.CharField(
        max_length=64, help_text="2-64 of letters a-z, digits and . _ -; case does not matter."
    )
    email = serializers.EmailField(max_length=254)
    password = serializers.CharField(trim_whitespace=False, help_text="8 to 128 characters.")


class LoginSerializer(serializers.Serializer[User]):
    username = serializers.CharField(max_length=254, help_text="Username or e-mail address.")
    password = serializers.CharField(trim_whitespace=False)


class TokenPairSerializer(serializers.Serializer[Any]):
    access_token = serializers.CharField()
    token_type = serializers.CharField(default="bearer")
    refresh_token = serializers.CharField(help_text="Good once, for POST /api/auth/refresh.")
    expires_in = serializers.IntegerField(help_text="Life of the access token in seconds.")


class RefreshSerializer(serializers.Serializer[Any]):
    refresh_token = serializers.CharField()


class UserSerializer(serializers.ModelSerializer[User]):
    role = serializers.ChoiceField(choices=Role.choices, read_only=True)

    class Meta:
        model = User
        fields = ["id", "username", "email", "role", "email_verified_at", "created_at"]
        read_only_fields = fields


class ProfileSerializer(serializers.Serializer[User]):
    username = serializers.CharField(max_length=64, required=False)
    email = serializers.EmailField(max_length=254, required=False)
    current_password = serializers.CharField(
        required=False, trim_whitespace=False, help_text="Needed for a new e-mail address."
    )


class PasswordChangeSerializer(serializers.Serializer[Any]):
    current_password = serializers.CharField(trim_whitespace=False)
    new_password = serializers.CharField(trim_whitespace=False)


class PasswordResetRequestSerializer(serializers.Serializer[Any]):
    email = serializers.EmailField(max_length=254)


class PasswordResetSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()
    new_password = serializers.CharField(trim_whitespace=False)


class EmailVerificationSerializer(serializers.Serializer[Any]):
    token = serializers.CharField()


class TicketSerializer(serializers.Serializer[Any]):
    ticket = serializers.CharField(help_text="For ?ticket= of a websocket, once.")
    expires_in = serializers.IntegerField(help_text="Seconds.")


class SessionSerializer(serializers.ModelSerializer[Session]):
    class Meta:
        model = Session
        fields = ["id", "device", "peer", "created_at", "last_seen_at", "expires_at"]
        read_only_fields = fields


class DetailSerializer(serializers.Serializer[Any]):
    detail = serializers.CharField()


class ExportSerializer(serializers.Serializer[Any]):
    job_id = serializers.IntegerField(source="pk", help_text="For GET /api/jobs/{id}.")
    status = serializers.ChoiceField(choices=JobStatus.choices)
