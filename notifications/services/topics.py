"""What notifications are about, and where each goes unless its owner wishes otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass

from notifications.models import Channel

DIRECT, ANNOUNCEMENT, SECURITY = "direct", "announcement", "security"
MENTION, SHARE = "chat.mention", "share.received"
PAYMENT, SUBSCRIPTION = "billing.payment", "billing.subscription"
JOB_COMPLETED, JOB_FAILED, EXPORT_READY = "job.completed", "job.failed", "export.ready"
# Whoever has set up an endpoint wants to hear; who has none is not asked.
USUAL = {Channel.IN_APP: True, Channel.EMAIL: False, Channel.WEBHOOK: True}
COMPULSORY = frozenset({Channel.IN_APP, Channel.EMAIL})


@dataclass(frozen=True, slots=True)
class Topic:
    """One row of the preferences; a channel in `mandatory` cannot be switched off."""

    name: str
    title: str
    defaults: Mapping[Channel, bool]
    mandatory: frozenset[Channel]

    def is_wanted(self, channel: Channel, wish: bool | None) -> bool:  # noqa: FBT001 - a column
        """Whether it goes to `channel` for somebody with this wish, None for none."""
        if channel in self.mandatory or wish is None:
            return self.defaults[channel]
        return wish


_topics: dict[str, Topic] = {}


def register_topic(
    name: str,
    title: str,
    *,
    defaults: Mapping[str, bool] | None = None,
    is_mandatory: bool = False,
) -> None:
    """Make a topic known; to be called from an app's `ready()`.

    `defaults` says per channel (in_app, email, webhook) whether it goes there, for those that
    differ from in the app, by webhook and not by mail. Of a mandatory topic what goes to the
    app or by mail by default cannot be switched off.
    """
    wanted = USUAL | {Channel(channel): value for channel, value in (defaults or {}).items()}
    forced = {channel for channel in COMPULSORY if is_mandatory and wanted[channel]}
    _topics[name] = Topic(name, title, wanted, frozenset(forced))


def topic_named(name: str) -> Topic:
    """The registered topic of that name; `KeyError` for one that nobody registered."""
    return _topics[name]


def topics() -> list[Topic]:
    """All registered topics, by name."""
    return [topic for _, topic in sorted(_topics.items())]


def register_topics() -> None:
    """Make known what this app tells of."""
    register_topic(DIRECT, "Sent to you by yourself or by staff", is_mandatory=True)
    register_topic(ANNOUNCEMENT, "Announcements to everybody")
    register_topic(MENTION, "Somebody mentions you in a room")
    register_topic(SHARE, "Somebody shares something with you")
    register_topic(EXPORT_READY, "The export of your account is ready")
    unasked = {Channel.IN_APP.value: False, Channel.WEBHOOK.value: False}
    register_topic(JOB_COMPLETED, "Long work you started is done", defaults=unasked)
    register_topic(JOB_FAILED, "Long work you started has failed")
    register_topic(SUBSCRIPTION, "Your subscription begins, is cancelled or ends")
    by_mail = {Channel.EMAIL.value: True}
    register_topic(
        PAYMENT, "A payment for your plan fails, and what comes of it", defaults=by_mail
    )
    register_topic(SECURITY, "Your account's security", defaults=by_mail, is_mandatory=True)
