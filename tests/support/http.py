"""Calls over HTTP/JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any


@dataclass
class Answer:
    """Status, headers and JSON object of an answer."""

    status: int
    headers: Mapping[str, str]
    document: Any

    @property
    def reason(self) -> str:
        """Reason in the only ErrorInfo of an error."""
        (info,) = [one for one in self.document["error"]["details"] if one["@type"].endswith("ErrorInfo")]
        return str(info["reason"])

    @property
    def fields(self) -> list[str]:
        """Fields that an error calls wrong."""
        details = self.document["error"]["details"]
        bad = [one for one in details if one["@type"].endswith("BadRequest")]
        return [violation["field"] for one in bad for violation in one["field_violations"]]


def post(address: str, method: str, document: object, headers: Mapping[str, str] | None = None) -> Answer:
    """Calls a method such as LoanService/GetLoan with a JSON object, or with text or bytes as they are."""
    body = document if isinstance(document, str | bytes) else json.dumps(document)
    return request(address, "POST", f"/v1/{method}", body, {"content-type": "application/json", **(headers or {})})


def request(address: str, verb: str, path: str, body: str | bytes | None, headers: Mapping[str, str]) -> Answer:
    """Sends one HTTP request; headers with an empty value are left out."""
    connection = HTTPConnection(address, timeout=60)
    try:
        connection.request(verb, path, body, {name: value for name, value in headers.items() if value})
        answer = connection.getresponse()
        return Answer(answer.status, dict(answer.headers.items()), json.loads(answer.read()))
    finally:
        connection.close()


def get_text(address: str, path: str, accept: str = "*/*", host: str = "") -> tuple[int, str, str]:
    """Returns the status, the content type and the text at a path; ``host`` replaces the header of this name."""
    connection = HTTPConnection(address, timeout=60)
    try:
        connection.request("GET", path, headers={"accept": accept, **({"host": host} if host else {})})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("content-type", ""), answer.read().decode()
    finally:
        connection.close()
