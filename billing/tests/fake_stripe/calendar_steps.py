"""When a billing period ends."""

import calendar
from datetime import UTC, datetime, timedelta

from billing.tests.fake_stripe.forms import Json


def end_of_period(start: int, price: Json) -> int:
    """The Unix second one period of `price` after `start`; months are clamped to their length."""
    every = price["recurring"]["interval_count"]
    moment = datetime.fromtimestamp(start, UTC)
    match price["recurring"]["interval"]:
        case "day":
            moment += timedelta(days=every)
        case "week":
            moment += timedelta(weeks=every)
        case "month":
            moment = months_later(moment, every)
        case _:
            moment = months_later(moment, 12 * every)
    return int(moment.timestamp())


def months_later(moment: datetime, months: int) -> datetime:
    years, month = divmod(moment.month - 1 + months, 12)
    year, month = moment.year + years, month + 1
    last_day = calendar.monthrange(year, month)[1]
    return moment.replace(year=year, month=month, day=min(moment.day, last_day))
