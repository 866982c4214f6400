"""Reads Stripe's forms, and checks them against Stripe's own description of its parameters.

The description is what the pinned library brings along: typed dictionaries, generated
from Stripe's API. They are taken as closed: a name that isn't in them is refused, however
deep it lies.
"""

import re
import types
import typing
from functools import cache
from urllib.parse import parse_qsl

from stripe import RequestOptions
from stripe._stripe_object import UntypedStripeObject
from stripe.params import (
    ChargeRetrieveParams,
    CustomerDeleteParams,
    DisputeListParams,
    DisputeRetrieveParams,
    EventListParams,
    PaymentIntentCancelParams,
    PaymentIntentCreateParams,
    PaymentIntentRetrieveParams,
    RefundCreateParams,
    RefundListParams,
    RefundRetrieveParams,
)
from stripe.params.checkout import (
    SessionCreateParams,
    SessionExpireParams,
    SessionListParams,
    SessionRetrieveParams,
)
from typing_extensions import is_typeddict

NAME = r"([A-Za-z0-9_]+)"
CALLS = [
    ("POST", "/v1/checkout/sessions", SessionCreateParams, "open_session"),
    ("GET", "/v1/checkout/sessions", SessionListParams, "list_sessions"),
    ("GET", f"/v1/checkout/sessions/{NAME}", SessionRetrieveParams, "session"),
    ("POST", f"/v1/checkout/sessions/{NAME}/expire", SessionExpireParams, "expire_session"),
    ("POST", "/v1/payment_intents", PaymentIntentCreateParams, "charge"),
    ("GET", f"/v1/payment_intents/{NAME}", PaymentIntentRetrieveParams, "intent"),
    ("POST", f"/v1/payment_intents/{NAME}/cancel", PaymentIntentCancelParams, "cancel_intent"),
    ("GET", f"/v1/charges/{NAME}", ChargeRetrieveParams, "charge_of"),
    ("POST", "/v1/refunds", RefundCreateParams, "refund"),
    ("GET", "/v1/refunds", RefundListParams, "list_refunds"),
    ("GET", f"/v1/refunds/{NAME}", RefundRetrieveParams, "refund_of"),
    ("GET", "/v1/disputes", DisputeListParams, "list_disputes"),
    ("GET", f"/v1/disputes/{NAME}", DisputeRetrieveParams, "dispute_of"),
    ("DELETE", f"/v1/customers/{NAME}", CustomerDeleteParams, "delete_customer"),
    ("GET", "/v1/events", EventListParams, "list_events"),
]
_NOT_SENT = frozenset(RequestOptions.__annotations__)


class Malformed(Exception):
    """A form that Stripe would refuse; `param` is the name at fault."""

    def __init__(self, param, why):
        super().__init__(f"{param}: {why}")
        self.param = param


def call_for(method, path):
    """Return who answers a call, its parameters' description, and what the path names."""
    for verb, pattern, described, answerer in CALLS:
        found = re.fullmatch(pattern, path)
        if verb == method and found:
            return answerer, described, found.groups()
    return None


def read(form, described):
    """Return a form as nested values of the described types. Raises Malformed."""
    return _dictionary(_nested(form), described, "")


def _nested(form):
    """Turn "a[b][0]=c" into {"a": {"b": {"0": "c"}}}."""
    root = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        place = root
        *way, last = re.findall(r"[^\[\]]+", name)
        for step in way:
            place = place.setdefault(step, {})
            if not isinstance(place, dict):
                raise Malformed(name, "both a value and more than a value")
        if last in place:
            raise Malformed(name, "twice")
        place[last] = value
    return root


@cache
def _hints(described):
    unknown_at_run_time = {"StripeContext": str, "Mapping": dict}
    return typing.get_type_hints(described, localns=unknown_at_run_time)


def _dictionary(given, described, at):
    if not isinstance(given, dict):
        raise Malformed(at, "not an object")
    hints = _hints(described)
    known = {name: kind for name, kind in hints.items() if at or name not in _NOT_SENT}
    for name in given:
        if name not in known:
            raise Malformed(_below(at, name), "Received unknown parameter")
    for name in described.__required_keys__:
        if name not in given:
            raise Malformed(_below(at, name), "Missing required param")
    return {name: _value(one, known[name], _below(at, name)) for name, one in given.items()}


def _below(at, name):
    return f"{at}[{name}]" if at else name


def _value(given, kind, at):
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.NotRequired, typing.Required):
        return _value(given, args[0], at)
    if origin in (typing.Union, types.UnionType):
        return _one_of(given, args, at)
    if origin is typing.Literal:
        if given not in args:
            raise Malformed(at, "not one of the allowed values")
        return given
    if origin is list:
        if not isinstance(given, dict) or list(given) != [str(n) for n in range(len(given))]:
            raise Malformed(at, "not a list")
        return [_value(one, args[0], f"{at}[{n}]") for n, one in given.items()]
    if origin is dict:
        if not isinstance(given, dict):
            raise Malformed(at, "not an object")
        if at.endswith("metadata"):
            _check_metadata(given, at)
        return {name: _value(one, args[1], _below(at, name)) for name, one in given.items()}
    if is_typeddict(kind):
        return _dictionary(given, kind, at)
    if not isinstance(given, str):
        raise Malformed(at, "an object where a value belongs")
    return _plain(given, kind, at)


def _check_metadata(given, at):
    fits = len(given) <= 50 and all(
        len(name) <= 40 and len(str(value)) <= 500 for name, value in given.items()
    )
    if not fits:
        raise Malformed(at, "too much metadata")


def _plain(given, kind, at):
    if kind is str:
        if len(given) > 5000:
            raise Malformed(at, "too long")
        return given
    if kind is int:
        if not re.fullmatch(r"-?[0-9]{1,15}", given):
            raise Malformed(at, "Invalid integer")
        return int(given)
    if kind is bool:
        if given not in ("true", "false"):
            raise Malformed(at, "Invalid boolean")
        return given == "true"
    raise Malformed(at, f"of a kind that nobody here sends: {kind}")


def _one_of(given, kinds, at):
    """Read one of several kinds. Beside a list of words, "any text" is a concession to types."""
    kinds = [kind for kind in kinds if kind is not type(None) and not _is_loose(kind)]
    words = [kind for kind in kinds if typing.get_origin(kind) is typing.Literal]
    if any(set(typing.get_args(kind)) != {""} for kind in words):
        kinds = [kind for kind in kinds if kind is not str]
    kinds.sort(key=lambda kind: kind is str)
    wrong = None
    for kind in kinds:
        try:
            return _value(given, kind, at)
        except Malformed as error:
            wrong = error if wrong is None or len(error.param) > len(wrong.param) else wrong
    raise wrong


def _is_loose(kind):
    return kind is UntypedStripeObject or typing.get_origin(kind) is UntypedStripeObject
