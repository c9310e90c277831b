"""Conversion of findings to messages, and their resource names."""

from __future__ import annotations

from collateral_registry.domain.shared.names import id_of
from collateral_registry.rpc.common import convert
from collateral_registry.rpc.common.checks import number_in_name
from collateral_registry.rpc.common.warehouse_names import warehouse_name
from collateral_registry.store.findings.repository import StoredFinding
from collateral_registry.v1 import finding_pb2 as pb


def finding_key(field: str, name: str) -> int:
    """Returns the key in findings/{finding}; raises InvalidInput for a name of any other form."""
    (number,) = id_of(field, name, "findings")
    return number_in_name(field, name, number, "findings/{number}")


def finding_message(row: StoredFinding) -> pb.Finding:
    """Returns a finding as a message."""
    finding = row.finding
    return convert.message_of(
        pb.Finding,
        finding,
        name=f"findings/{row.key}",
        state=row.state,
        evidence=[pb.Evidence(name=name, value=_text_of(value)) for name, value in sorted(finding.evidence.items())],
        asset=f"assets/{row.asset_id}" if row.asset_id else "",
        loan=f"loans/{row.loan_id}" if row.loan_id else "",
        warehouse=warehouse_name(finding.warehouse) if finding.warehouse else "",
        lot=row.lot,
        create_time=convert.timestamp(row.created_us),
        creator=row.created_by,
        resolve_time=convert.optional_timestamp(row.resolved_us),
        resolver=row.resolved_by,
        note=row.note,
    )


def _text_of(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
