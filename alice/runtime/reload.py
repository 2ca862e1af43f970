"""Replacing processes one at a time, the web ones without a gap."""

from collections.abc import Callable

from alice.runtime.child import Child, Phase
from alice.runtime.console import Console


class RollingReload:
    """Works through a queue of children, one step at each `advance`.

    A controlled child is replaced by a fresh one that is ready before the old one is stopped; if
    the fresh one ends early, the rest is left as it was. Any other is stopped, then started.
    """

    def __init__(self, console: Console, make_child: Callable[[Child], Child]) -> None:
        self.console = console
        self.make_child = make_child
        self.queue: list[Child] = []
        self.old: Child | None = None
        self.fresh: Child | None = None

    def begin(self, children: list[Child]) -> list[Child]:
        """Queue all `children` anew; returns what a reload under way had started in vain."""
        self.console.say("Reloading, one process at a time.")
        abandoned = self.abandon()
        self.queue = list(children)
        return abandoned

    def abandon(self) -> list[Child]:
        """Give up, and return the fresh child that has no place yet, if there is one."""
        self.queue.clear()
        fresh, self.fresh, self.old = self.fresh, None, None
        if fresh is None:
            return []
        fresh.stop()
        return [fresh]

    def advance(self, children: list[Child], leaving: list[Child]) -> None:
        """Take the next step; a replaced child moves from `children` to `leaving`."""
        if self.fresh is None or self.old is None:
            self.take_next()
            return
        self.fresh.tick()
        if self.fresh.phase is Phase.READY:
            children[children.index(self.old)] = self.fresh
            leaving.append(self.old)
            self.old.stop()
            self.old = self.fresh = None
            self.tell_end()
        elif self.fresh.failures:
            self.console.say(f"The new {self.fresh.spec.name} does not start: reload abandoned.")
            leaving.extend(self.abandon())

    def take_next(self) -> None:
        if not self.queue:
            return
        child = self.queue.pop(0)
        if child.spec.is_controlled:
            self.old, self.fresh = child, self.make_child(child)
            self.fresh.start()
            self.fresh.release()
        else:
            child.restart()
            self.tell_end()

    def tell_end(self) -> None:
        if not self.queue:
            self.console.say("Reloaded.")
