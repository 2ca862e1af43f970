from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.authentication import PublicAuthentication
from accounts.models import EndReason
from accounts.requests import SignedInRequest
from accounts.serializers import (
    DetailSerializer,
    LoginSerializer,
    RefreshSerializer,
    RegisterSerializer,
    TicketSerializer,
    TokenPairSerializer,
)
from accounts.services import sessions, sign_in, tickets
from accounts.services.tokens import TokenPair
from alice.common import request_context

PAIR_EXAMPLE = OpenApiExample(
    "Signed in",
    response_only=True,
    value={
        "access_token": "eyJhbGciOiJIUzI1NiJ9.access.signature",
        "token_type": "bearer",
        "refresh_token": "eyJhbGciOiJIUzI1NiJ9.refresh.signature",
        "expires_in": 1800,
    },
)


def pair_response(pair: TokenPair, status: int = 200) -> Response:
    """Tokens, never to be kept by a cache (RFC 6749, section 5.1)."""
    return Response(asdict(pair), status=status, headers={"Cache-Control": "no-store"})


def device_of(request: Request) -> dict[str, str]:
    """What a session notes about where it was opened."""
    agent = request.headers.get("User-Agent", "")
    return {"device": agent, "peer": request_context.current().peer}


class PublicView(APIView):
    """Base of the calls that come before a session."""

    authentication_classes = [PublicAuthentication]
    permission_classes = [AllowAny]
    serializer_class: type[BaseSerializer[Any]]

    def validated(self, request: Request) -> dict[str, str]:
        serializer = self.serializer_class(data=request.data)
        serializer.is_valid(raise_exception=True)
        validated: dict[str, str] = serializer.validated_data
        return validated


class RegisterView(PublicView):
    # Public: whoever registers has no account yet.
    serializer_class = RegisterSerializer

    @extend_schema(
        operation_id="auth_register",
        tags=["auth"],
        summary="Make an account and sign in",
        responses={201: TokenPairSerializer},
        examples=[
            OpenApiExample(
                "A new account",
                request_only=True,
                value={
                    "username": "ada",
                    "email": "ada@example.com",
                    "password": "correct-Horse-9-battery",
                },
            ),
            PAIR_EXAMPLE,
        ],
    )
    def post(self, request: Request) -> Response:
        pair = sign_in.register(**self.validated(request), **device_of(request))
        return pair_response(pair, status=201)


class LoginView(PublicView):
    # Public: this is where a session comes from.
    serializer_class = LoginSerializer

    @extend_schema(
        operation_id="auth_login",
        tags=["auth"],
        summary="Sign in with a username or an e-mail address",
        responses={200: TokenPairSerializer},
        examples=[
            OpenApiExample(
                "By name",
                request_only=True,
                value={"username": "ada", "password": "correct-Horse-9-battery"},
            ),
            PAIR_EXAMPLE,
        ],
    )
    def post(self, request: Request) -> Response:
        asked = self.validated(request)
        pair = sign_in.log_in(
            name_or_email=asked["username"], password=asked["password"], **device_of(request)
        )
        return pair_response(pair)


class RefreshView(PublicView):
    # Public: the access token may have expired; the refresh token is the credential.
    serializer_class = RefreshSerializer

    @extend_schema(
        operation_id="auth_refresh",
        tags=["auth"],
        summary="Change a refresh token for new tokens",
        description="A refresh token is good once. Used again after 10 s it ends its session.",
        responses={200: TokenPairSerializer},
        examples=[PAIR_EXAMPLE],
    )
    def post(self, request: Request) -> Response:
        return pair_response(sessions.refresh_session(**self.validated(request)))


class LogoutView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_logout",
        tags=["auth"],
        summary="End this session",
        request=None,
        responses={200: DetailSerializer},
    )
    def post(self, request: Request) -> Response:
        claims = self.request.auth
        sessions.end_sessions(
            owner_id=claims.user_id, session_ids=[claims.session_id], reason=EndReason.LOGOUT
        )
        return Response({"detail": "You are signed out."})


class TicketView(APIView):
    request: SignedInRequest

    @extend_schema(
        operation_id="auth_ticket",
        tags=["auth"],
        summary="A ticket to sign in to a websocket, once, within 30 s",
        request=None,
        responses={200: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        claims = self.request.auth
        ticket = tickets.issue_ticket(
            user_id=claims.user_id, session_id=claims.session_id, ends_at=claims.ends_at
        )
        body = {"ticket": ticket, "expires_in": settings.TICKET_SECONDS}
        return Response(body, headers={"Cache-Control": "no-store"})
