"""Commands for proposals, which another person approves."""

from __future__ import annotations

from typing import Annotated

import typer

from collateral_partner.options import DEFAULT_ADDRESS, Server
from collateral_registry.cli.breaches.commands import Cause, Until
from collateral_registry.cli.common.options import (
    Actor,
    Form,
    Format,
    Layout,
    Limit,
    Output,
    Wide,
    in_session,
)

proposal_app = typer.Typer(
    help="Propose what two persons decide, and decide on it.", no_args_is_help=True, rich_markup_mode=None
)

Reason = Annotated[str, typer.Option(help="why it is proposed")]
DecisionNote = Annotated[str, typer.Option(help="note of the decision")]
ProposalNumber = Annotated[str, typer.Argument(help="number of the proposal")]
ProposalFilter = Annotated[str, typer.Option("--filter", help="such as: state = PENDING")]


@proposal_app.command("activate-policy")
def propose_policy(
    policy: Annotated[str, typer.Argument(help="id of the stored policy")],
    reason: Reason,
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Propose to activate a policy.

    `collateral preview --policy` shows its effect first.
    """
    from collateral_registry.cli.proposals.calls import propose_policy as propose

    in_session(server, propose, policy, reason, actor)


@proposal_app.command("activate-equipment-model")
def propose_model(
    model: Annotated[str, typer.Argument(help="id of the model")],
    asset_class: Annotated[str, typer.Argument(help="such as equipment.construction")],
    reason: Reason,
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Propose a model for an asset class."""
    from collateral_registry.cli.proposals.calls import propose_model as propose

    in_session(server, propose, model, asset_class, reason, actor)


@proposal_app.command("waive-breach")
def propose_waiver(
    breach: Annotated[str, typer.Argument(help="LOAN/NUMBER of the breach")],
    reason: Annotated[str, typer.Option(help="why it is waived; recorded with the breach too")],
    cause: Cause,
    until: Until,
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Propose to waive the margin call of a breach."""
    from collateral_registry.cli.proposals.calls import propose_waiver as propose

    in_session(server, propose, breach, reason, cause, until, actor)


@proposal_app.command("confirm-double-pledge")
def propose_confirmation(
    finding: Annotated[str, typer.Argument(help="number of the finding")],
    reason: Annotated[str, typer.Option(help="evidence; recorded with the finding too")],
    actor: Actor,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """Propose to confirm a double pledge."""
    from collateral_registry.cli.proposals.calls import propose_confirmation as propose

    in_session(server, propose, finding, reason, actor)


@proposal_app.command("list")
def proposal_list(
    filter_: ProposalFilter = "",
    limit: Limit = 0,
    form: Form = Format.TABLE,
    output: Output = None,
    wide: Wide = False,
    server: Server = DEFAULT_ADDRESS,
) -> None:
    """List proposals, newest first."""
    from collateral_registry.cli.proposals.calls import list_proposals

    in_session(server, list_proposals, filter_, limit, Layout(form, output, wide))


@proposal_app.command("show")
def proposal_show(proposal: ProposalNumber, server: Server = DEFAULT_ADDRESS) -> None:
    """Print a proposal with its exact request as JSON."""
    from collateral_registry.cli.proposals.calls import show_proposal

    in_session(server, show_proposal, proposal)


@proposal_app.command("approve")
def proposal_approve(
    proposal: ProposalNumber, actor: Actor, note: DecisionNote = "", server: Server = DEFAULT_ADDRESS
) -> None:
    """Approve and carry out what another proposed."""
    from collateral_registry.cli.proposals.calls import approve_proposal

    in_session(server, approve_proposal, proposal, actor, note)


@proposal_app.command("reject")
def proposal_reject(
    proposal: ProposalNumber, actor: Actor, note: DecisionNote = "", server: Server = DEFAULT_ADDRESS
) -> None:
    """Reject a proposal."""
    from collateral_registry.cli.proposals.calls import reject_proposal

    in_session(server, reject_proposal, proposal, actor, note)
