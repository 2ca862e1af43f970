"""The pictures on the first page of the staff admin."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from django.http import HttpRequest

CHART_OPTIONS = {
    "animation": False,
    "maintainAspectRatio": False,
    "plugins": {"legend": {"display": False}},
    "scales": {
        "x": {
            "grid": {"display": False},
            "ticks": {"color": "#9ca3af", "maxRotation": 0, "autoSkipPadding": 12},
        },
        "y": {
            "beginAtZero": True,
            "suggestedMax": 4,
            "border": {"display": False},
            "grid": {"color": "#9ca3af40"},
            "ticks": {"color": "#9ca3af", "precision": 0, "maxTicksLimit": 5},
        },
    },
}
LEGEND = {
    "position": "bottom",
    "labels": {"color": "#9ca3af", "boxWidth": 12, "boxHeight": 12},
}


@dataclass(frozen=True, slots=True)
class Series:
    """One of several values for each label of a picture, with the name that its legend gives."""

    name: str
    values: list[int]
    colour: str


@dataclass(frozen=True, kw_only=True)
class Card:
    """One picture of the first page: bars or a line, with the number that sums them up.

    `colours` holds one CSS colour for all values or one for each. Where there are several values
    for each label, they are in `series`.
    """

    title: str
    figure: int
    note: str
    chart: Literal["bar", "line"]
    labels: list[str]
    values: list[int] = field(default_factory=list)
    colours: str | list[str] = "var(--color-primary-600)"
    series: list[Series] = field(default_factory=list)
    href: str = ""
    is_wide: bool = False

    @property
    def data(self) -> str:
        """What the chart component reads."""
        drawn: list[tuple[str, list[int], str | list[str]]]
        drawn = [(each.name, each.values, each.colour) for each in self.series]
        datasets = [
            {
                "label": name,
                "data": values,
                "backgroundColor": colours,
                "borderColor": colours,
                "borderRadius": 4,
                "borderWidth": 2,
                "maxBarThickness": 40,
            }
            for name, values, colours in drawn or [(self.title, self.values, self.colours)]
        ]
        return json.dumps({"labels": self.labels, "datasets": datasets})

    @property
    def options(self) -> str:
        """How the chart is drawn: whole numbers, and only the lines that help."""
        plugins = {"legend": LEGEND} if self.series else CHART_OPTIONS["plugins"]
        return json.dumps(CHART_OPTIONS | {"plugins": plugins})

    @property
    def summary(self) -> str:
        """The picture in words, for those who do not see it."""
        if not self.series:
            pairs = zip(self.labels, self.values, strict=True)
            return ", ".join(f"{label}: {value}" for label, value in pairs)
        return "; ".join(
            f"{label}: " + ", ".join(f"{each.values[at]} {each.name}" for each in self.series)
            for at, label in enumerate(self.labels)
        )


CardSource = Callable[[HttpRequest], Card | None]
_cards: list[CardSource] = []


def register_dashboard_card(source: CardSource) -> CardSource:
    """Have `source(request)` draw a card of the first page, or None for who may not see it.

    Usable as a decorator; a card is to cost one aggregate query.
    """
    if source not in _cards:
        _cards.append(source)
    return source


def dashboard(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Adds the cards to what the first page is rendered with."""
    cards = [card for source in _cards if (card := source(request))]
    return context | {"cards": sorted(cards, key=lambda card: not card.is_wide)}
