"""The OpenAPI document describes the methods, and real requests and answers agree with it."""

from collections.abc import Iterator
from typing import Any

import grpc
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource

from collateral_registry.web.gateway.contract import contract
from collateral_registry.web.gateway.json_messages import answer_of, read_message
from collateral_registry.web.gateway.openapi import openapi_document
from tests.support.contract_book import OPENING, Book, without_time
from tests.support.contract_requests import METHODS, requests
from tests.support.http import post, request

DOCUMENT = openapi_document()
REGISTRY = Registry().with_resource("urn:openapi", Resource.opaque(DOCUMENT))


def errors(schema: str, document: object) -> list[str]:
    """Returns what a JSON value has against a schema of the document."""
    validator = Draft202012Validator({"$ref": f"urn:openapi#/components/schemas/{schema}"}, registry=REGISTRY)
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def schema_of(content: dict[str, Any]) -> str:
    return content["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]


@pytest.fixture(scope="module")
def book(web) -> Iterator[Book]:
    opened = Book(web.server, web.client)
    for name, text in OPENING:
        opened.call(name, opened.request(name, text))
    yield opened
    opened.engine.dispose()


def test_the_document_is_valid_and_served(web):
    OpenAPIV31SpecValidator(DOCUMENT).validate()
    served = request(web.address, "GET", "/v1/openapi.json", None, {})

    assert served.document == DOCUMENT


def test_every_unary_method_has_a_path_and_every_stream_is_named_as_not_offered():
    methods = contract().methods.values()
    unary = {f"/v1/{one.service}/{one.name}" for one in methods if not one.streams}
    streams = {f"{one.service}/{one.name}" for one in methods if one.streams}

    assert DOCUMENT["paths"].keys() == unary
    assert {path.rpartition("/")[2] for path in unary} == set(METHODS)
    assert all(name in DOCUMENT["info"]["description"] for name in streams)


def test_everything_has_the_comment_of_the_contract():
    schemas = DOCUMENT["components"]["schemas"]
    of_contract = [schema for name, schema in schemas.items() if not name.startswith("Error")]
    fields = [field for schema in of_contract for field in schema.get("properties", {}).values()]

    assert all(described.get("description") for described in (*of_contract, *fields))
    assert all(path["post"]["summary"] for path in DOCUMENT["paths"].values())
    assert schemas["Loan"]["properties"]["state"]["readOnly"]
    assert schemas["CreateLoanRequest"]["required"] == ["loan", "loan_id"]
    assert "required" not in schemas["Loan"]  # an update states the masked fields only
    assert "LTV_LEVEL_WATCH: Close to the limit" in schemas["LtvLevel"]["description"]


@pytest.mark.slow
@pytest.mark.parametrize("name", METHODS)
def test_requests_and_answers_agree_with_the_document_and_with_grpc(web, book, name):
    method = METHODS[name]
    service = method.containing_service.name
    described = DOCUMENT["paths"][f"/v1/{service}/{name}"]["post"]
    response = contract().methods[service, name].response
    for message in requests(book, method):
        document = answer_of(message)
        assert errors(schema_of(described["requestBody"]), document) == []

        answer = post(web.address, f"{service}/{name}", document)
        place = "200" if answer.status == 200 else "default"
        assert errors(schema_of(described["responses"][place]), answer.document) == []
        if answer.status == 200:
            found = without_time(read_message(response, answer.document))
            expected = without_time(book.call(name, message))
            assert found.SerializeToString(deterministic=True) == expected.SerializeToString(deterministic=True)
        else:
            with pytest.raises(grpc.RpcError) as refused:
                book.call(name, message)
            assert answer.document["error"]["message"] == refused.value.details()


@pytest.mark.parametrize(
    ("schema", "document"),
    [
        ("Loan", {"borrower": 5}),
        ("Loan", {"borower": "Acme"}),
        ("Loan", {"state": "ACTIVE"}),
        ("CreateLoanRequest", {"loan": {}}),
        ("Error", {"error": {"code": 404}}),
    ],
)
def test_a_wrong_document_does_not_agree(schema, document):
    assert errors(schema, document)
