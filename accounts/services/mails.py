"""Mails to account holders: each is a job first, so none that is owed gets lost."""

from urllib.parse import quote

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import send_mail
from django.template.loader import render_to_string

from accounts.models import User
from system.services.jobs import JobKind, JobRun, enqueue_job, register_job_kind

VERIFICATION_SALT = "accounts.email_verification"
RESET_SALT = "accounts.password_reset"
VERIFICATION, RESET, EMAIL_CHANGED = "verification", "password_reset", "email_changed"


def send_verification(*, owner: User) -> None:
    """Owe `owner` a mail with a link that proves the address is theirs."""
    enqueue_job(kind="accounts.mail", arguments={"user_id": owner.pk, "mail": VERIFICATION})


def send_password_reset(*, address: str) -> None:
    """Owe whoever has this address a mail with a link that sets a new password.

    The worker looks the address up: a request for an unknown one takes no less time.
    """
    enqueue_job(kind="accounts.mail", arguments={"email": address, "mail": RESET})


def send_email_changed(*, owner: User, old_address: str) -> None:
    """Tell the old address that the account has a new one."""
    arguments = {"user_id": owner.pk, "mail": EMAIL_CHANGED, "to": old_address}
    enqueue_job(kind="accounts.mail", arguments=arguments)


def verification_token(user: User) -> str:
    """Proves that its holder reads the mail of this user's present address."""
    return signing.dumps({"user": user.pk, "email": user.email}, salt=VERIFICATION_SALT)


def reset_token(user: User) -> str:
    """Good for one new password: it dies with the password it replaces."""
    secret = default_token_generator.make_token(user)
    return signing.dumps({"user": user.pk, "secret": secret}, salt=RESET_SALT)


def deliver(run: JobRun) -> dict[str, str]:
    """Write and send one mail. The link's token is made here and stored nowhere."""
    mail = run.arguments["mail"]
    user = _addressee(run)
    if user is None:
        return {"skipped": "There is no such account."}
    context = {"user": user, "link": _link(mail, user), "site": settings.PUBLIC_URL}
    subject, _, body = render_to_string(f"accounts/mails/{mail}.txt", context).partition("\n")
    recipient = run.arguments.get("to", user.email)
    send_mail(subject.strip(), body.strip() + "\n", None, [recipient])
    return {"sent": mail}


def _addressee(run: JobRun) -> User | None:
    active = User.objects.active()
    if "email" in run.arguments:
        return active.filter(email__lower=run.arguments["email"].lower()).first()
    return active.filter(pk=run.arguments["user_id"]).first()


def _link(mail: str, user: User) -> str:
    if mail == VERIFICATION:
        return (
            f"{settings.PUBLIC_URL}/account/verify-email?token={quote(verification_token(user))}"
        )
    if mail == RESET:
        return f"{settings.PUBLIC_URL}/account/reset-password?token={quote(reset_token(user))}"
    return f"{settings.PUBLIC_URL}/account/forgot-password"


def register_kinds() -> None:
    """Make the workers know how to send mails."""
    register_job_kind(JobKind("accounts.mail", deliver, attempts_max=8))
