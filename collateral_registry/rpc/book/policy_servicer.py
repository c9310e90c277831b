"""Servicer of PolicyService, with the conversion of policies."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from google.type.date_pb2 import Date
from grpc.aio import ServicerContext

from collateral_registry.commands.book import policies as commands
from collateral_registry.commands.pipeline.moments import Moment
from collateral_registry.domain.assets.asset_kind import Kind
from collateral_registry.domain.assets.kinds import Equipment
from collateral_registry.domain.book.asset_classes import DESCRIPTIONS, AssetClass, asset_class_in, asset_classes
from collateral_registry.domain.book.policy import LEVEL_PARAMETERS, Numbers, Policy, SourcedNumber
from collateral_registry.domain.shared.errors import Refused
from collateral_registry.domain.shared.names import checked_id, checked_text, id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.calls import call_of
from collateral_registry.rpc.common.filtering import filtered_page
from collateral_registry.rpc.common.moments import policy_name, read_moment
from collateral_registry.rpc.common.paging import NEWEST
from collateral_registry.runtime.revaluation.driver import RunDriver
from collateral_registry.runtime.transactions import BookRunner
from collateral_registry.store.book.policies import StoredPolicy, get_policy, list_policies, policy_in_force
from collateral_registry.store.engine.commits import newest_commit
from collateral_registry.store.engine.database import Connection
from collateral_registry.v1 import policy_pb2 as pb, policy_pb2_grpc
from valuation.errors import InvalidInput

CLASSES = "assetClasses/"


class PolicyServicer(policy_pb2_grpc.PolicyServiceServicer):
    """Stores and activates versions of the lending policy."""

    def __init__(self, runner: BookRunner, runs: RunDriver) -> None:
        self.runner = runner
        self.runs = runs

    async def CreatePolicy(self, request: pb.CreatePolicyRequest, context: ServicerContext) -> pb.Policy:
        """Stores a new policy as a draft."""
        read = convert.read_all(
            policy=lambda: read_policy(request.policy, request.policy_id),
            policy_id=lambda: checked_id("policy_id", request.policy_id),
        )
        policy: Policy = read["policy"]
        return await self.runner.write(
            call_of(request, "CreatePolicy", pb.Policy),
            lambda write: _policy(commands.store_policy(write, policy), None),
        )

    async def GetPolicy(self, request: pb.GetPolicyRequest, context: ServicerContext) -> pb.Policy:
        """Returns one policy."""
        (policy_id,) = id_of("name", request.name, "policies")

        def work(connection: Connection) -> pb.Policy:
            return _policy(get_policy(connection, policy_id), _key_in_force(connection))

        return await self.runner.read(work)

    async def ListPolicies(self, request: pb.ListPoliciesRequest, context: ServicerContext) -> pb.ListPoliciesResponse:
        """Lists policies, newest first."""
        wanted, page = filtered_page(request, "ListPolicies", NEWEST)

        def work(connection: Connection) -> pb.ListPoliciesResponse:
            in_force = _key_in_force(connection)
            messages, token = page.filled(
                list_policies(connection, in_force, wanted, *page.bounds),
                lambda row: row.key,
                lambda row: _policy(row, in_force),
            )
            return pb.ListPoliciesResponse(policies=messages, next_page_token=token)

        return await self.runner.read(work)

    async def GetAssetClass(self, request: pb.GetAssetClassRequest, context: ServicerContext) -> pb.AssetClass:
        """Returns what the policy in force says of one asset class."""
        asset_class = _class_in(request.name)

        def work(connection: Connection) -> pb.AssetClass:
            policy = _policy_of(connection, read_moment(connection, request.as_of))
            return class_message(policy, asset_class_in(policy, asset_class))

        return await self.runner.read(work)

    async def ListAssetClasses(
        self, request: pb.ListAssetClassesRequest, context: ServicerContext
    ) -> pb.ListAssetClassesResponse:
        """Lists the asset classes that the policy in force states, in the order of their names."""
        wanted, page = filtered_page(request, "ListAssetClasses", "", request.as_of)

        def work(connection: Connection) -> pb.ListAssetClassesResponse:
            moment = read_moment(connection, request.as_of)
            policy = _policy_of(connection, moment)
            messages, token = page.filled(
                asset_classes(policy, wanted, *page.bounds),
                lambda one: one.asset_class,
                lambda one: class_message(policy, one),
            )
            return pb.ListAssetClassesResponse(
                asset_classes=messages,
                policy=policy_name(moment),
                next_page_token=token,
            )

        return await self.runner.read(work)

    async def ActivatePolicy(self, request: pb.ActivatePolicyRequest, context: ServicerContext) -> pb.Policy:
        """Puts a policy into force and waits until the whole book has been judged under it."""
        (policy_id,) = id_of("name", request.name, "policies")
        activated = await self.runner.write(
            call_of(request, "ActivatePolicy", pb.Policy),
            lambda write: _policy(commands.put_into_force(write, policy_id), _key_in_force(write.connection)),
        )
        await self.runs.settled()
        return activated


def _class_in(name: str) -> str:
    """Returns the class in a resource name; raises InvalidInput for a name of any other form."""
    asset_class = name.removeprefix(CLASSES)
    if not name.startswith(CLASSES) or not asset_class or "/" in asset_class:
        raise InvalidInput("name", repr(name[:80]), "assetClasses/{asset_class}")
    return checked_text("name", asset_class)


def _policy_of(connection: Connection, moment: Moment) -> Policy:
    """Returns the policy in force at a moment; raises Refused if there was none."""
    if not moment.policy_id:
        raise Refused("NO_POLICY", "no policy was in force at this moment; state a later one")
    return get_policy(connection, moment.policy_id).policy


def class_message(policy: Policy, found: AssetClass) -> pb.AssetClass:
    """Returns what a policy says of an asset class as a message."""
    is_machine = found.kind is Kind.EQUIPMENT
    return pb.AssetClass(
        name=f"{CLASSES}{found.asset_class}",
        asset_class=found.asset_class,
        kind=found.kind_field or "",
        stated=found.is_stated,
        numbers=[
            pb.ClassNumber(
                parameter=one.parameter,
                value=convert.decimal(one.number.value),
                source=one.number.source,
                stated_by=one.stated_by,
                description=DESCRIPTIONS[one.parameter],
            )
            for one in found.numbers
        ],
        price_index=f"priceSeries/{found.index}" if found.index else "",
        price_index_stated_by=found.index_stated_by,
        ltv_levels=_numbers({name: policy.rules[name] for name in LEVEL_PARAMETERS}),
        default_schedule=int(Equipment.schedule) + 1 if is_machine else 0,
        expected_hours=_numbers(policy.expected_hours) if is_machine else [],
    )


def _key_in_force(connection: Connection) -> int:
    _, day = newest_commit(connection)
    return policy_in_force(connection, day).key


def read_policy(message: pb.Policy, policy_id: str) -> Policy:
    """Returns the policy in a message; raises InvalidInput with the name of the field."""
    stated = convert.read_all(
        effective=lambda: convert.required_date("effective_date", message, "effective_date"),
        classes=lambda: {
            _read_class(row, entry): _read_numbers(f"classes[{entry.asset_class}].numbers", entry.numbers)
            for row, entry in enumerate(message.classes)
        },
        rules=lambda: _read_numbers("rules", message.rules),
        minimum_cures=lambda: tuple(convert.read_money("minimum_cures", amount) for amount in message.minimum_cures),
        holidays=lambda: tuple(_holiday(holiday) for holiday in message.holidays),
        indices=lambda: {entry.asset_class: _read_index(entry) for entry in message.classes if entry.price_index},
        expected_hours=lambda: _read_numbers("expected_hours", message.expected_hours),
    )
    return Policy(policy_id=policy_id, display_name=message.display_name, **stated)


def _read_class(row: int, entry: pb.ClassPolicy) -> str:
    if not entry.asset_class:
        raise InvalidInput(f"classes[{row}].asset_class", "nothing", "an asset class such as inventory.base_metal")
    checked_text(f"classes[{row}].asset_class", entry.asset_class)
    return entry.asset_class


def _read_index(entry: pb.ClassPolicy) -> str:
    return id_of(f"classes[{entry.asset_class}].price_index", entry.price_index, "priceSeries")[0]


def _read_numbers(field: str, numbers: Iterable[pb.PolicyNumber]) -> Numbers:
    by_parameter: dict[str, SourcedNumber] = {}
    for row, number in enumerate(numbers):
        if not number.parameter:
            raise InvalidInput(f"{field}[{row}].parameter", "nothing", "the name of a parameter")
        if number.parameter in by_parameter:
            raise InvalidInput(f"{field}[{number.parameter}]", "two numbers", "one number")
        value = convert.read_decimal(f"{field}[{number.parameter}].value", number.value)
        by_parameter[number.parameter] = SourcedNumber(value, number.source)
    return by_parameter


def _holiday(message: Date) -> date:
    # The reader takes a field of a message, so the date is put into one.
    holder = pb.Policy(effective_date=message)
    return convert.required_date("holidays", holder, "effective_date")


def _policy(stored: StoredPolicy, in_force: int | None) -> pb.Policy:
    policy = stored.policy
    return pb.Policy(
        name=f"policies/{policy.policy_id}",
        display_name=policy.display_name,
        effective_date=convert.calendar_date(policy.effective),
        state=_state(stored, in_force),
        classes=[_class_policy(policy, name) for name in policy.classes],
        rules=_numbers(policy.rules),
        expected_hours=_numbers(policy.expected_hours),
        minimum_cures=[convert.optional_money(amount) for amount in policy.minimum_cures],
        holidays=[convert.calendar_date(holiday) for holiday in policy.holidays],
        create_time=convert.timestamp(stored.created_us),
        activate_time=convert.optional_timestamp(stored.activated_us),
    )


def _state(stored: StoredPolicy, in_force: int | None) -> pb.PolicyState:
    """Returns the state of a policy: superseded if a policy stored later is in force."""
    if stored.activated_seq is None:
        return pb.POLICY_STATE_DRAFT
    if in_force is not None and stored.key < in_force:
        return pb.POLICY_STATE_SUPERSEDED
    return pb.POLICY_STATE_ACTIVE


def _class_policy(policy: Policy, asset_class: str) -> pb.ClassPolicy:
    index = policy.indices.get(asset_class)
    return pb.ClassPolicy(
        asset_class=asset_class,
        numbers=_numbers(policy.classes[asset_class]),
        price_index=f"priceSeries/{index}" if index else "",
    )


def _numbers(numbers: Numbers) -> list[pb.PolicyNumber]:
    return [
        pb.PolicyNumber(parameter=name, value=convert.decimal(number.value), source=number.source)
        for name, number in numbers.items()
    ]
