from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import AnonymousUser, PermissionsMixin
from django.core.validators import MinLengthValidator, RegexValidator
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

models.CharField.register_lookup(Lower)
models.EmailField.register_lookup(Lower)

USERNAME_RULES: list[Callable[[Any], None]] = [
    MinLengthValidator(2),
    RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]*\Z", "Use letters a-z, digits and . _ - only."),
]


class Role(models.TextChoices):
    USER = "user", "User"
    ADMIN = "admin", "Admin"


class UserQuerySet(models.QuerySet["User"]):
    def named(self, name_or_email: str) -> Self:
        """Whoever has this username or e-mail address, without regard to case."""
        column = "email__lower" if "@" in name_or_email else "username__lower"
        return self.filter(**{column: name_or_email.lower()})

    def active(self) -> Self:
        return self.filter(is_active=True)


class UserManager(BaseUserManager["User"]):
    """What Django's own commands call; everything else goes through the services."""

    def get_queryset(self) -> UserQuerySet:
        return UserQuerySet(self.model, using=self._db)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get_queryset().named(username or "").get()

    def create_user(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        user = self.model(username=username, email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, username: str, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        return self.create_user(
            username, email, password, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person, or a program that signs in like one."""

    username = models.CharField(max_length=64, validators=USERNAME_RULES)
    email = models.EmailField(max_length=254, verbose_name="e-mail")
    is_active = models.BooleanField(default=True, help_text="Whether signing in is possible.")
    is_staff = models.BooleanField(default=False, help_text="Whether the role is admin.")
    email_verified_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = UserManager.from_queryset(UserQuerySet)()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["email"]

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="user_username_once",
                violation_error_message="This username is taken.",
            ),
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_once",
                violation_error_message="This e-mail address is taken.",
            ),
        ]
        indexes = [models.Index(fields=["-created_at"], name="user_by_sign_up")]

    def __str__(self) -> str:
        return self.username

    @property
    def role(self) -> Role:
        return Role.ADMIN if self.is_staff else Role.USER


class SessionQuerySet(models.QuerySet["Session"]):
    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> Self:
        """The sessions a user opened."""
        return self.none() if user.is_anonymous else self.filter(user_id=user.pk)

    def live(self, now: datetime) -> Self:
        """Neither ended nor past their absolute end, of users who may sign in."""
        return self.filter(ended_at=None, expires_at__gt=now, user__is_active=True)

    def over_since(self, moment: datetime) -> Self:
        return self.filter(Q(ended_at__lt=moment) | Q(expires_at__lt=moment))


class EndReason(models.TextChoices):
    LOGOUT = "logout", "Signed out"
    REVOKED = "revoked", "Revoked by the user"
    PASSWORD = "password", "Password changed"
    REUSE = "reuse", "Old refresh token used again"
    ROLE = "role", "Role changed"
    STAFF = "staff", "Ended by staff"


class Session(models.Model):
    """A sign-in on one device. Every token names one, and is worth no more than it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    device = models.CharField(max_length=200, blank=True, help_text="User agent at sign-in.")
    peer = models.CharField(max_length=45, blank=True, help_text="Address at sign-in.")
    refresh_id = models.UUIDField(editable=False, help_text="The refresh token now good.")
    previous_refresh_id = models.UUIDField(null=True, editable=False)
    rotated_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(help_text="To the minute.")
    expires_at = models.DateTimeField(help_text="The end, however often it was refreshed.")
    ended_at = models.DateTimeField(null=True, blank=True)
    end_reason = models.CharField(max_length=8, choices=EndReason, blank=True)

    objects = SessionQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_reason__in=["", *EndReason.values]),
                name="session_end_reason_known",
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="session_ends_after_start"
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-id"], name="session_by_user"),
            models.Index(fields=["expires_at"], name="session_by_end"),
        ]

    def __str__(self) -> str:
        return f"session {self.pk} of user {self.user_id}"
