"""A single figure beside its target."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """What was measured, its unit in the title; the target is the most it may be."""

    title: str
    value: float
    target: float | None = None

    @property
    def is_met(self) -> bool:
        return self.target is None or self.value <= self.target
