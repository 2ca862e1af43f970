from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from alice.common.signed_urls import LinkGrant


class SignedInOrByLink(BasePermission):
    """For views with `LinkAuthentication`; anybody else gets 401."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return isinstance(request.auth, LinkGrant) or request.user.is_authenticated
