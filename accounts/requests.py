from rest_framework.request import Request

from accounts.models import User
from accounts.services.tokens import AccessClaims


class SignedInRequest(Request):
    """A request that passed authentication: `user` is known, `auth` is what its token says."""

    user: User
    auth: AccessClaims
