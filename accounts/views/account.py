from typing import Any

from django.db.models import QuerySet
from django.http import FileResponse, HttpResponseBase
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView
from rest_framework.viewsets import GenericViewSet

from accounts.authentication import LinkAuthentication
from accounts.models import EndReason, Session, User
from accounts.permissions import SignedInOrByLink
from accounts.requests import SignedInRequest
from accounts.serializers import (
    DetailSerializer,
    EmailVerificationSerializer,
    ExportSerializer,
    PasswordChangeSerializer,
    PasswordResetRequestSerializer,
    PasswordResetSerializer,
    ProfileSerializer,
    SessionSerializer,
    TokenPairSerializer,
    UserSerializer,
)
from accounts.services import exports, passwords, profile, sessions
from accounts.views.sign_in import PublicView, device_of, pair_response
from alice.common import request_context
from alice.common.errors import NotFound
from alice.common.signed_urls import LinkGrant
from alice.common.views import ListRows
from system.models import Job, JobStatus


def checked(serializer: BaseSerializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


class MeView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_me", tags=["auth"], summary="Who you are", responses=UserSerializer
    )
    def get(self, request: Request) -> Response:
        user = User.objects.filter(pk=self.request.user.pk).first()
        if user is None:
            raise NotFound
        return Response(UserSerializer(user).data)

    @extend_schema(
        operation_id="auth_me_update",
        tags=["auth"],
        summary="Change your name or address",
        description="A new e-mail address needs `current_password` and is to be verified anew.",
        request=ProfileSerializer,
        responses=UserSerializer,
    )
    def patch(self, request: Request) -> Response:
        user = profile.update_profile(
            owner_id=self.request.user.pk,
            peer=request_context.current().peer,
            **checked(ProfileSerializer(data=request.data)),
        )
        return Response(UserSerializer(user).data)

    @extend_schema(
        operation_id="auth_me_delete",
        tags=["auth"],
        summary="Erase your account and all you own",
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        profile.delete_account(owner_id=self.request.user.pk)
        return Response(status=204)


@extend_schema_view(
    list=extend_schema(
        operation_id="auth_sessions", tags=["auth"], summary="Where you are signed in"
    )
)
class SessionViewSet(ListRows, GenericViewSet[Session]):
    request: SignedInRequest
    serializer_class = SessionSerializer
    queryset = Session.objects.none()
    lookup_value_converter = "id"

    def get_queryset(self) -> QuerySet[Session]:
        return Session.objects.visible_to(self.request.user).live(timezone.now()).order_by("-pk")

    @extend_schema(
        operation_id="auth_session_end",
        tags=["auth"],
        summary="Sign one device out",
        responses={204: None},
    )
    def destroy(self, request: Request, **kwargs: Any) -> Response:
        ended = sessions.end_sessions(
            owner_id=self.request.user.pk,
            session_ids=[kwargs["pk"]],
            reason=EndReason.REVOKED,
        )
        if not ended:
            raise NotFound
        return Response(status=204)


class PasswordView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_password",
        tags=["auth"],
        summary="Change your password",
        description="Ends every session and answers the tokens of a new one for this device.",
        request=PasswordChangeSerializer,
        responses=TokenPairSerializer,
    )
    def post(self, request: Request) -> Response:
        asked = checked(PasswordChangeSerializer(data=request.data))
        owner = User.objects.get(pk=self.request.user.pk)
        return pair_response(passwords.change_password(owner=owner, **asked, **device_of(request)))


class PasswordResetRequestView(PublicView):
    # Public: whoever asks cannot sign in.
    serializer_class = PasswordResetRequestSerializer

    @extend_schema(
        operation_id="auth_password_reset",
        tags=["auth"],
        summary="Ask for a mail with a link that sets a new password",
        responses=DetailSerializer,
    )
    def post(self, request: Request) -> Response:
        passwords.request_password_reset(**self.validated(request))
        return Response({"detail": "If this address has an account, a mail is on its way."})


class PasswordResetView(PublicView):
    # Public: the mailed token is the credential.
    serializer_class = PasswordResetSerializer

    @extend_schema(
        operation_id="auth_password_reset_confirm",
        tags=["auth"],
        summary="Set a new password by a mailed token",
        description="Ends every session.",
        responses=DetailSerializer,
    )
    def post(self, request: Request) -> Response:
        passwords.reset_password(**self.validated(request))
        return Response({"detail": "Your new password is set. Sign in with it."})


class EmailVerificationView(PublicView):
    # Public: the mailed token is the credential, and mail is often read on another device.
    serializer_class = EmailVerificationSerializer

    @extend_schema(
        operation_id="auth_email_verify",
        tags=["auth"],
        summary="Confirm an e-mail address by a mailed token",
        responses=DetailSerializer,
    )
    def post(self, request: Request) -> Response:
        profile.verify_email(**self.validated(request))
        return Response({"detail": "Your e-mail address is confirmed."})


class EmailVerificationMailView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_email_verification",
        tags=["auth"],
        summary="Mail the confirmation link again",
        request=None,
        responses=DetailSerializer,
    )
    def post(self, request: Request) -> Response:
        profile.resend_verification(owner_id=self.request.user.pk)
        return Response({"detail": "A mail is on its way."})


class ExportView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_export",
        tags=["auth"],
        summary="Have everything you own written to one file",
        description="A job; when completed, its result holds a `download_url`.",
        request=None,
        responses={202: ExportSerializer},
    )
    def post(self, request: Request) -> Response:
        job = exports.request_export(owner_id=self.request.user.pk)
        headers = {"Location": f"/api/jobs/{job.pk}"}
        return Response(ExportSerializer(job).data, status=202, headers=headers)


class ExportFileView(APIView):
    # A browser follows the signed link of the job's result and sends no header.
    authentication_classes = [LinkAuthentication]
    permission_classes = [SignedInOrByLink]
    link_verb = exports.VERB

    @extend_schema(
        operation_id="auth_export_file",
        tags=["auth"],
        summary="Download an export",
        responses={(200, "application/json"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, job_id: int) -> HttpResponseBase:
        completed = Job.objects.filter(kind=exports.KIND, status=JobStatus.COMPLETED, pk=job_id)
        if not isinstance(request.auth, LinkGrant):
            completed = completed.visible_to(request.user)
        path = exports.export_path(job_id)
        if not completed.exists() or not path.exists():
            raise NotFound
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename="alice-export.json",
            content_type="application/json",
            headers={"Cache-Control": "private, no-store"},
        )
