"""Who is asking: bearer tokens for the API, names and passwords for the admin."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from accounts.models import User
from accounts.services.sign_in import CredentialsWrong, TooManyAttempts, check_credentials
from accounts.services.tokens import AccessClaims, TokenInvalid, read_access
from alice.common import gate, request_context
from alice.common.errors import CHALLENGE
from alice.common.peers import peer_of
from alice.common.signed_urls import LinkGrant, LinkRefused, has_signature, require_signature

LINK_TIER = "link"


def user_from_claims(claims: AccessClaims) -> User:
    """The user a token names, without a query: other columns are read when somebody asks."""
    columns = ["id", "is_active", "is_staff"]  # in the order of the model's fields
    return User.from_db("default", columns, [claims.user_id, True, claims.is_staff])


class SessionTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <access token>`, its session and its window, in one Redis call."""

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def authenticate(self, request: Request) -> tuple[User, AccessClaims] | None:
        scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        django_request = request._request
        if scheme.lower() != "bearer":
            gate.admit_peer(django_request, request_context.current().peer)
            return None
        try:
            claims = read_access(token.strip())
        except TokenInvalid:
            gate.admit_peer(django_request, request_context.current().peer)
            raise
        gate.admit(django_request, session_id=claims.session_id, user_id=claims.user_id)
        request_context.current().user_id = claims.user_id
        return user_from_claims(claims), claims


class LinkAuthentication(BaseAuthentication):
    """A signed link for the view's `link_verb`; without a signature, a token as everywhere.

    `request.auth` is then a `LinkGrant` and `request.user` nobody. Good links have a window of
    their own: a page of pictures, or a player that seeks, must not spend the one of the peer.
    """

    by_token = SessionTokenAuthentication()

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Any] | None:
        django_request = request._request
        if not has_signature(django_request):
            return self.by_token.authenticate(request)
        verb: str = request.parser_context["view"].link_verb
        peer = request_context.current().peer
        try:
            require_signature(django_request, verb=verb)
        except LinkRefused:
            gate.admit_peer(django_request, peer)
            raise
        gate.admit_peer(django_request, peer, tier=LINK_TIER)
        return AnonymousUser(), LinkGrant(verb)


class PublicAuthentication(SessionTokenAuthentication):
    """For endpoints without a session: counts the peer and does not look at any token.

    A client that still sends its old token can sign in, refresh or reset its password.
    """

    def authenticate(self, request: Request) -> None:
        gate.admit_peer(request._request, request_context.current().peer)


class SessionTokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = SessionTokenAuthentication
    name = "bearer"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class LinkScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = LinkAuthentication
    name = "link"

    def get_security_definition(self, auto_schema: Any) -> dict[str, Any]:
        return {"type": "apiKey", "in": "query", "name": "signature"}

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return [{"bearer": []}, {"link": []}]


class PublicScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = PublicAuthentication
    name: list[str] = []

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, Any]]:
        return []

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[Any]]]:
        return []


class NameOrEmailBackend(ModelBackend):
    """The admin's login: same credentials, same limits as the API's."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        if not username or password is None:
            return None
        peer = peer_of(request) if request else ""
        try:
            return check_credentials(name_or_email=username, password=password, peer=peer)
        except CredentialsWrong:
            return None
        except TooManyAttempts as error:
            if request is not None:
                # Django tells its login form no reason; the admin's looks here.
                request.sign_in_problem = error.detail  # type: ignore[attr-defined]
            raise PermissionDenied from error
