"""What the SDK sends, read by the very types that describe it in the SDK."""

import sys
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Literal, Union
from urllib.parse import parse_qsl

from stripe import RequestOptions
from typing_extensions import is_typeddict

from billing.tests.fake_stripe.errors import Refused, unknown

Json = dict[str, Any]


def decode(text: str) -> Json:
    """`a[b][0][c]=1&k[]=x` as nested dictionaries and lists of strings."""
    root: Json = {}
    for key, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = key.replace("]", "").split("[")
        place, name = root, first
        for part in rest:
            place = place.setdefault(name, {})
            name = part or str(len(place))
        place[name] = value
    return typing.cast("Json", with_lists(root))


def with_lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if value and all(key.isdigit() for key in value):
        return [with_lists(value[key]) for key in sorted(value, key=int)]
    return {key: with_lists(member) for key, member in value.items()}


def read(given: Mapping[str, Any], params_type: type, honoured: Iterable[str]) -> Json:
    """`given` with numbers and booleans for what; refuses what the fake does not honour."""
    hints = hints_of(params_type)
    for name in given:
        if name not in honoured or name not in hints:
            raise unknown(name)
    return {name: read_value(value, hints[name], name) for name, value in given.items()}


@cache
def hints_of(params_type: type) -> dict[str, Any]:
    """The parameters a type of the SDK names, without those that concern the connection."""
    names = set(params_type.__annotations__) - set(RequestOptions.__annotations__)
    own = {name: params_type.__annotations__[name] for name in names}
    carrier = type("Carrier", (), {"__annotations__": own})
    return typing.get_type_hints(carrier, vars(sys.modules[params_type.__module__]))


def read_value(value: Any, hint: Any, name: str) -> Any:
    kinds = members(hint)
    if isinstance(value, dict):
        return read_object(value, kinds, name)
    if isinstance(value, list):
        return read_list(value, kinds, name)
    return read_word(value, kinds, name)


def members(hint: Any) -> list[Any]:
    """The types a value may have: the members of a union, `NotRequired` taken off."""
    origin = typing.get_origin(hint)
    if origin in {Union, types.UnionType}:
        return [kind for member in typing.get_args(hint) for kind in members(member)]
    if getattr(origin, "_name", "") == "NotRequired":
        return members(typing.get_args(hint)[0])
    return [hint]


def read_object(value: Json, kinds: list[Any], name: str) -> Json:
    for kind in kinds:
        if is_typeddict(kind):
            return read_typed(value, kind, name)
    if any(typing.get_origin(kind) is dict for kind in kinds):
        return value
    raise Refused(f"Invalid {name}: an object is not expected here", param=name)


def read_typed(value: Json, kind: type, name: str) -> Json:
    hints = hints_of(kind)
    for key in value:
        if key not in hints:
            raise unknown(f"{name}[{key}]")
    return {key: read_value(each, hints[key], f"{name}[{key}]") for key, each in value.items()}


def read_list(value: list[Any], kinds: list[Any], name: str) -> list[Any]:
    for kind in kinds:
        if typing.get_origin(kind) is list:
            (member,) = typing.get_args(kind)
            return [read_value(each, member, f"{name}[{n}]") for n, each in enumerate(value)]
    raise Refused(f"Invalid array: {name}", param=name)


def read_word(value: str, kinds: list[Any], name: str) -> Any:
    if bool in kinds and value in {"true", "false"}:
        return value == "true"
    if int in kinds and value.removeprefix("-").isdecimal():
        return int(value)
    if str in kinds or value in words_of(kinds):
        return value
    wanted = "integer" if int in kinds else "boolean" if bool in kinds else "object"
    raise Refused(f"Invalid {wanted}: {value}", code=f"parameter_invalid_{wanted}", param=name)


def words_of(kinds: list[Any]) -> list[Any]:
    """Every word that the literals among `kinds` list."""
    literals = [kind for kind in kinds if typing.get_origin(kind) is Literal]
    return [word for literal in literals for word in typing.get_args(literal)]
