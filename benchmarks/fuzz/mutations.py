"""Makes hostile requests from valid ones, by the descriptors of the contract. The same random source gives the same.

Half of the requests have only values that a caller might state, so that they reach the rules of the book and not only
the checks of their fields.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from benchmarks.fuzz.plausible import Names, is_value, plausible_value, state_id, state_value

DEPTH_LIMIT = 5
MUTATIONS_LIMIT = 4
REPEATS_LIMIT = 300
PLAUSIBLE_SHARE, ONE_HOSTILE_SHARE, DAMAGED_SHARE = 0.55, 0.3, 0.02
"""Shares of requests with plausible values only, with one hostile value besides, and with damaged bytes."""

Value = Callable[[FieldDescriptor], Any]
"""Returns a value of a scalar field."""

TEXTS = (
    *("", " ", "\0", "a\0b", "\x1b[2J", "\x9b", "\u202eabc", "\u200b", "\ufeff", "x" * 201, "x" * 20_000, "=1+1"),
    *("\u0645\u06cc\u200c\u062e", "\U0001f469\u200d\U0001f33e", "\u00b2", "\uff11", "a/b", "..", "%00", "%ff", "%"),
    *("loans/-", "assets/-", "loans/\u00b2", "findings/\u00b2", "findings/999999999999999999", "findings/0"),
    *("warehouses/%00", "warehouses/%ff", "warehouses/W-9", "warehouses/a%2Fb", "loans/loan-1/breaches/\u0661"),
    *("assets/lot-1", "assets/machine-1", "assets/patent-1", "loans/loan-1", "loans/loan-3", "priceSeries/copper"),
    *("stockFeeds/acme", "policies/default-2021", "USD", "EUR", "XXX", "usd", "t", "kg", "inventory.base_metal"),
    *('owner = "a\\u0000b"', 'borrower = "\\ud800"', "NOT " * 30, "(" * 400, 'name IN ("a")', "quantity > 1e400"),
    *(
        'warehouse = "warehouses/%00"',
        "principal > 1 USD",
        "market_date = 9999-12-31",
        "create_time > 0001-01-01T00:00Z",
    ),
    *("market_date", "asc desc", "*", "9" * 19, "9" * 5_000, "1e999999", "nan", "e" * 65, "2021-02-30", "ewma-fhs"),
)
DECIMALS = (
    *("", "0", "-0", "1", "-1", "0.1", "1E-999999999", "1E+999999999", "1E+999999", "1e39", "1e-40", "9" * 40),
    *("nan", "sNaN", "-Infinity", "1_0", "\uff11", "0x1", "0E+999", "1e18", "1e12", "0.0000001", "1000000000000", "\0"),
)
INTEGERS = (0, 1, -1, 2, 7, 13, 100, 1_001, 9_999, 10_000, 2**31 - 1, -(2**31))
LONG_INTEGERS = (*INTEGERS, 2**31, 2**53, 2**62, 2**63 - 1, -(2**63), 253_402_300_800, -62_135_596_801)
DOUBLES = (0.0, -0.0, 1.0, -1.0, 1e308, -1e308, 5e-324, float("nan"), float("inf"), float("-inf"), 1e18)
ENUMS = (0, 1, 2, 3, 99, -1, 2**31 - 1)
POSITIONS = (*LONG_INTEGERS, 2**70, 10**300, True, None, "", "a", "\0", "\ud800", [], {}, 1.5, float("inf"))
BYTES = (b"", b"\0", b"PAR1", b"\x1f\x8b", b"a,b\n1,2\n", bytes(range(256)))

HOSTILE: dict[int, tuple[Any, ...]] = {
    FieldDescriptor.TYPE_STRING: TEXTS,
    FieldDescriptor.TYPE_BYTES: BYTES,
    FieldDescriptor.TYPE_INT32: INTEGERS,
    FieldDescriptor.TYPE_INT64: LONG_INTEGERS,
    FieldDescriptor.TYPE_DOUBLE: DOUBLES,
    FieldDescriptor.TYPE_BOOL: (True, False),
    FieldDescriptor.TYPE_ENUM: ENUMS,
}
"""Values of each scalar type of the contract."""


def hostile_request(random: Random, valid: Message, tokens: list[str], names: Names) -> bytes:
    """Returns the bytes of a request like a valid one; ``tokens`` are page tokens, ``names`` those of resources."""
    request = type(valid)()
    request.CopyFrom(valid)
    kind = random.random()
    hostile = 0 if kind < PLAUSIBLE_SHARE else 1
    if kind >= PLAUSIBLE_SHARE + ONE_HOSTILE_SHARE:
        hostile = random.randint(2, MUTATIONS_LIMIT)
    if hostile < 2:
        state_id(random, request)
        for _ in range(random.randint(0, 2)):
            _state(random, request, lambda field: plausible_value(random, field, tokens, names))
    for _ in range(hostile):
        _mutate(random, request, lambda field: _value(random, field, tokens))
    data = request.SerializeToString()
    return _damaged(random, data) if data and random.random() < DAMAGED_SHARE else data


def _holder(random: Random, request: Message) -> Any:
    """Returns a request or a message in it."""
    holder: Any = request
    for _ in range(DEPTH_LIMIT):
        below = [part for field, value in holder.ListFields() for part in _messages(field, value)]
        if not below or random.random() < 0.35:
            break
        holder = random.choice(below)
    return holder


def _state(random: Random, request: Message, value: Value) -> None:
    """States one scalar, number, date or amount of a request or of a message in it."""
    holder = _holder(random, request)
    fields = [
        one for one in holder.DESCRIPTOR.fields if not one.is_repeated and (one.message_type is None or is_value(one))
    ]
    if not fields:
        return
    field = random.choice(fields)
    if field.message_type is None:
        setattr(holder, field.name, value(field))
    else:
        state_value(random, getattr(holder, field.name))


def _mutate(random: Random, request: Message, value: Value) -> None:
    """Changes one field of a request or of a message in it."""
    holder = _holder(random, request)
    fields = holder.DESCRIPTOR.fields
    if not fields:
        return
    field = random.choice(fields)
    if random.random() < 0.12:
        holder.ClearField(field.name)
    elif field.message_type is not None and field.message_type.GetOptions().map_entry:
        _put_entries(random, getattr(holder, field.name), field.message_type)
    elif field.is_repeated:
        _repeat(random, getattr(holder, field.name), field, value)
    elif field.message_type is not None:
        part = getattr(holder, field.name)
        part.SetInParent()
        _fill(random, part, value)
    else:
        setattr(holder, field.name, value(field))


def _messages(field: FieldDescriptor, value: Any) -> list[Message]:
    if field.message_type is None or field.message_type.GetOptions().map_entry:
        return []
    return list(value) if field.is_repeated else [value]


def _fill(random: Random, part: Any, value: Value) -> None:
    """Sets scalars of a message to hostile values."""
    for field in part.DESCRIPTOR.fields:
        if field.message_type is None and not field.is_repeated and random.random() < 0.6:
            setattr(part, field.name, value(field))


def _repeat(random: Random, values: Any, field: FieldDescriptor, value: Value) -> None:
    """Repeats the values of a field, adds hostile ones, or both; now and then very many."""
    times = REPEATS_LIMIT if random.random() < 0.1 else random.randint(1, 3)
    for _ in range(times):
        if field.message_type is None:
            values.append(value(field))
        elif values and random.random() < 0.7:
            values.add().CopyFrom(random.choice(values))
        else:
            _fill(random, values.add(), value)


def _put_entries(random: Random, entries: Any, entry: Any) -> None:
    """Puts hostile keys and values into a map."""
    key, value = entry.fields_by_name["key"], entry.fields_by_name["value"]
    for _ in range(REPEATS_LIMIT if random.random() < 0.1 else 2):
        put = f"k{random.randint(0, 999)}" if random.random() < 0.5 else random.choice(HOSTILE[key.type])
        entries[put] = random.choice(HOSTILE[value.type])


def _value(random: Random, field: FieldDescriptor, tokens: list[str]) -> Any:
    """Returns a hostile value of a scalar field."""
    if field.containing_type.full_name == "google.type.Decimal":
        return random.choice(DECIMALS)
    if field.name == "page_token" and tokens:
        return forged_token(random, random.choice(tokens))
    return random.choice(HOSTILE[field.type])


def forged_token(random: Random, token: str) -> str:
    """Returns a page token of the same query with another position."""
    digest, parts = json.loads(base64.urlsafe_b64decode(token))
    position = [random.choice(POSITIONS) if random.random() < 0.7 else part for part in parts]
    body = "[" * 700 if random.random() < 0.05 else json.dumps([digest, position])
    return base64.urlsafe_b64encode(body.encode()).decode()


def _damaged(random: Random, data: bytes) -> bytes:
    """Returns bytes of which some are changed, removed or repeated."""
    damaged = bytearray(data)
    for _ in range(random.randint(1, 4)):
        at = random.randrange(len(damaged)) if damaged else 0
        damaged[at : at + random.randint(0, 2)] = random.randbytes(random.randint(0, 3))
    return bytes(damaged)
