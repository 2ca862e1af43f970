"""Whether an object is one that the SDK's generated types describe, to the last key."""

import builtins
import decimal
import inspect
import sys
import types
import typing
from functools import cache
from typing import Any, ClassVar, Literal, Union

import stripe
from stripe import StripeObject, billing_portal, checkout, test_helpers
from stripe._stripe_object import UntypedStripeObject

from billing.tests.fake_stripe.forms import Json

RESOURCES: list[Any] = [
    stripe.Account,
    billing_portal.Session,
    checkout.Session,
    stripe.Customer,
    stripe.Event,
    stripe.Invoice,
    stripe.LineItem,
    stripe.PaymentMethod,
    stripe.Plan,
    stripe.Price,
    stripe.Product,
    stripe.Subscription,
    stripe.SubscriptionItem,
    test_helpers.TestClock,
]
CLASSES: dict[str, type] = {each.OBJECT_NAME: each for each in RESOURCES}
WORDS_OF_KINDS = {int: int, str: str, bool: bool, float: float, decimal.Decimal: str}


def faults_of(value: Json) -> list[str]:
    """What is wrong with an object of the API, as sentences that begin with the place."""
    cls = stripe.InvoiceLineItem if is_invoice_line(value) else CLASSES[value["object"]]
    return faults_in_object(value, cls, value["object"])


def is_invoice_line(value: Json) -> bool:
    return bool(value["object"] == "line_item")


def faults_in_object(value: Json, cls: type, place: str) -> list[str]:
    hints = hints_of(cls)
    faults = [f"{place}: {key} is not a key of {cls.__name__}" for key in value.keys() - hints]
    required = {key for key, hint in hints.items() if type(None) not in members(hint)}
    if not value.get("deleted"):
        faults += [f"{place}: {key} is missing" for key in required - value.keys()]
    for key in value.keys() & hints:
        faults += faults_in(value[key], hints[key], f"{place}.{key}")
    return faults


def faults_in(value: Any, hint: Any, place: str) -> list[str]:
    """No faults if any member of `hint` fits, else those of the nearest."""
    attempts = [faults_in_kind(value, kind, place) for kind in members(hint)]
    return min(attempts, key=len)


def faults_in_kind(value: Any, kind: Any, place: str) -> list[str]:
    origin = typing.get_origin(kind) or kind
    if origin is Literal:
        words = typing.get_args(kind)
        return [] if value in words else [f"{place}: {value!r} is none of {words}"]
    if isinstance(value, dict):
        return faults_in_dict(value, kind, origin, place)
    if isinstance(value, list) and origin is list:
        (member,) = typing.get_args(kind)
        return [f for n, each in enumerate(value) for f in faults_in(each, member, f"{place}.{n}")]
    # A bool is an int to Python, not to JSON.
    if type(value) is WORDS_OF_KINDS.get(kind, kind) or (value is None and kind is type(None)):
        return []
    return [f"{place}: {value!r} is no {kind}"]


def faults_in_dict(value: Json, kind: Any, origin: Any, place: str) -> list[str]:
    if origin is stripe.ListObject:
        (member,) = typing.get_args(kind)
        parts = [faults_in(v, member, f"{place}.{n}") for n, v in enumerate(value["data"])]
        return [fault for part in parts for fault in part]
    if origin in {dict, UntypedStripeObject} or kind is Any:
        return []
    if isinstance(kind, type) and issubclass(kind, StripeObject):
        return faults_in_object(value, kind, place)
    return [f"{place}: an object is no {kind}"]


def members(hint: Any) -> list[Any]:
    """The types of a union; for a key whose words are open, only the words that are listed."""
    if typing.get_origin(hint) not in {Union, types.UnionType}:
        return [hint]
    kinds = list(typing.get_args(hint))
    has_words = any(typing.get_origin(kind) is Literal for kind in kinds)
    return [kind for kind in kinds if not (has_words and kind is str)]


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """The keys of a resource and their types, with the names that only type checkers import."""
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        if base.__module__.startswith("stripe.") and base not in PLUMBING:
            own = {"__annotations__": inspect.get_annotations(base)}
            names = {**vars(sys.modules[base.__module__])}
            hints |= typing.get_type_hints(type("Carrier", (), own), names, Names(names))
    return {key: hint for key, hint in hints.items() if typing.get_origin(hint) is not ClassVar}


PLUMBING = frozenset(StripeObject.__mro__) | frozenset(
    base for base in stripe.Customer.__mro__ if base is not stripe.Customer
)


class Names(dict[str, Any]):
    """Finds a resource by its name anywhere in the SDK."""

    def __init__(self, known: dict[str, Any]) -> None:
        super().__init__()
        self.known = known

    def __missing__(self, name: str) -> Any:
        if name in self.known or hasattr(builtins, name):
            raise KeyError(name)
        return getattr(stripe, name, None) or getattr(test_helpers, name, UntypedStripeObject)
