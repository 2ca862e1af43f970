"""Access and refresh tokens: JSON Web Tokens (RFC 7519) signed with HS256."""

import time
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings
from django.utils import timezone

from accounts.models import Session
from alice.common.converters import LARGEST_ID
from alice.common.errors import DomainError

ALGORITHM = "HS256"
ACCESS, REFRESH = "access", "refresh"
VERIFIED_TOKENS_KEPT = 4096
# Ours have some 250 characters. PyJWT takes 5 ms to refuse one of 60 KB.
TOKEN_MAX = 2048


class TokenInvalid(DomainError):
    code = "token_invalid"
    status = 401
    detail = "The token is not valid. Sign in again."


class TokenExpired(TokenInvalid):
    code = "token_expired"
    detail = "The token has expired. Refresh it, or sign in again."


@dataclass(frozen=True, slots=True)
class TokenPair:
    """What a sign-in answers; `expires_in` is the access token's life in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 - the scheme's name, not a secret


@dataclass(frozen=True, slots=True)
class AccessClaims:
    user_id: int
    session_id: int
    is_staff: bool
    ends_at: float


@dataclass(frozen=True, slots=True)
class RefreshClaims:
    session_id: int
    refresh_id: uuid.UUID


def mint_pair(session: Session) -> TokenPair:
    """The tokens of a session as it stands; its refresh token is the same at every call."""
    now = timezone.now()
    access_ends = min(now + settings.ACCESS_TOKEN_LIFETIME, session.expires_at)
    refresh_ends = min(session.rotated_at + settings.REFRESH_TOKEN_LIFETIME, session.expires_at)
    access = _sign(
        ACCESS,
        issued=now,
        ends=access_ends,
        sid=session.pk,
        sub=str(session.user_id),
        staff=session.user.is_staff,
    )
    refresh = _sign(
        REFRESH,
        issued=session.rotated_at,
        ends=refresh_ends,
        sid=session.pk,
        jti=session.refresh_id.hex,
    )
    return TokenPair(access, refresh, int((access_ends - now).total_seconds()))


def read_access(token: str) -> AccessClaims:
    """What a genuine access token says. Raises `TokenExpired` or `TokenInvalid`.

    A signature is checked once per process while the token is in use: what was genuine stays so,
    until the end that it names.
    """
    if len(token) > TOKEN_MAX:
        raise TokenInvalid
    claims = _read_access(token, settings.SECRET_KEY)
    if claims.ends_at <= time.time():
        raise TokenExpired
    return claims


@lru_cache(maxsize=VERIFIED_TOKENS_KEPT)
def _read_access(token: str, _key: str) -> AccessClaims:
    claims = _verify(token, ACCESS, required=["exp", "iat", "sub", "sid", "staff"])
    return AccessClaims(
        user_id=_row_id(claims["sub"]),
        session_id=_row_id(claims["sid"]),
        is_staff=claims["staff"] is True,
        ends_at=float(claims["exp"]),
    )


def read_refresh(token: str) -> RefreshClaims:
    """What a genuine refresh token says. Raises `TokenExpired` or `TokenInvalid`."""
    claims = _verify(token, REFRESH, required=["exp", "iat", "sid", "jti"])
    try:
        refresh_id = uuid.UUID(claims["jti"])
    except (ValueError, AttributeError, TypeError) as error:
        raise TokenInvalid from error
    return RefreshClaims(_row_id(claims["sid"]), refresh_id)


def _sign(token_type: str, *, issued: datetime, ends: datetime, **claims: Any) -> str:
    payload = claims | {"type": token_type, "iat": int(issued.timestamp()), "exp": ends}
    return jwt.encode(payload, settings.SECRET_KEY, algorithm=ALGORITHM)


def _verify(token: str, token_type: str, required: list[str]) -> dict[str, Any]:
    claims = None
    for key in [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]:
        try:
            claims = jwt.decode(token, key, algorithms=[ALGORITHM], options={"require": required})
            break
        except jwt.ExpiredSignatureError as error:
            raise TokenExpired from error
        except jwt.InvalidSignatureError:
            continue
        # Beyond what PyJWT names, odd claims make it trip over their types and sizes.
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise TokenInvalid from error
    if claims is None or claims.get("type") != token_type:
        raise TokenInvalid
    return claims


def _row_id(claim: Any) -> int:
    text = str(claim)
    if isinstance(claim, str | int) and text.isascii() and text.isdigit() and len(text) <= 19:
        number = int(text)
        if 0 < number <= LARGEST_ID:
            return number
    raise TokenInvalid
