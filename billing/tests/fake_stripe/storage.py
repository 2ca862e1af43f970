"""The world in a file, so that subscriptions outlive a restart."""

import json
from contextlib import suppress
from pathlib import Path

from billing.tests.fake_stripe.world import World

EVENTS_KEPT = 1000


def save(world: World, path: Path) -> None:
    """Write everything, whole or not at all."""
    with world.lock:
        text = json.dumps(
            {
                "base_url": world.base_url,
                "declines": world.declines,
                "events": world.events[-EVENTS_KEPT:],
                "objects": world.objects,
                "offset_seconds": world.offset_seconds,
            }
        )
        temporary = path.with_suffix(".new")
        temporary.touch(mode=0o600)
        temporary.write_text(text)
        temporary.replace(path)


def load(world: World, path: Path) -> bool:
    """Take over what was saved; False when there is nothing, or it cannot be read.

    What cannot be read is put aside as `.broken`.
    """
    if not path.exists():
        return False
    try:
        text = path.read_text()
        # Addresses of pages were made with the port of that run.
        kept = json.loads(text.replace(json.loads(text)["base_url"], world.base_url))
        with world.lock:
            for name in ("declines", "events", "objects", "offset_seconds"):
                setattr(world, name, kept[name])
    except (ValueError, KeyError, TypeError):
        with suppress(OSError):
            path.replace(path.with_suffix(".broken"))
        return False
    return True
