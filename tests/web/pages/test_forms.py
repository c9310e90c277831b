"""Only a form of our own page, with the token of its visitor, changes the book."""

import asyncio
from urllib.parse import urlencode

import pytest
from starlette.requests import Request

from collateral_registry.web.gateway.errors import HttpError
from collateral_registry.web.pages.forms import (
    COOKIE,
    FORM_LIMIT_BYTES,
    is_secret,
    new_secret,
    read_form,
    token_of,
)

OWN = {"host": "localhost:50080", "origin": "http://localhost:50080"}
SECRET = new_secret()


def read(fields, headers=OWN, cookie=SECRET):
    body = fields if isinstance(fields, bytes) else urlencode(fields).encode()

    async def receive():
        return {"type": "http.request", "body": body, "more_body": False}

    named = {**headers, "cookie": f"{COOKIE}={cookie}"}
    pairs = [(name.encode(), value.encode()) for name, value in named.items()]
    return asyncio.run(read_form(Request({"type": "http", "headers": pairs, "method": "POST"}, receive)))


def test_a_form_with_the_token_of_its_visitor_is_read():
    assert read({"token": token_of(SECRET), "note": "a&b"})["note"] == "a&b"


def test_a_page_of_the_same_site_by_the_word_of_the_browser_is_our_own_behind_a_proxy():
    headers = {"host": "localhost", "origin": "https://bank.example", "sec-fetch-site": "same-origin"}

    assert read({"token": token_of(SECRET)}, headers)


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "localhost:50080"},
        {"host": "localhost:50080", "origin": "null"},
        {"host": "localhost:50080", "origin": "http://localhost:50081"},
        {"host": "localhost:50080", "origin": "http://evil.example"},
        {**OWN, "sec-fetch-site": "cross-site"},
        {**OWN, "sec-fetch-site": "same-site"},
        {**OWN, "sec-fetch-site": "none"},
    ],
)
def test_a_form_of_another_page_is_refused(headers):
    with pytest.raises(HttpError, match="want a page of this service") as refused:
        read({"token": token_of(SECRET)}, headers)
    assert refused.value.http_status == 403


@pytest.mark.parametrize(
    "token", ["", "x", "é", "A" * 88, token_of(new_secret())], ids=["none", "short", "not ASCII", "long", "of another"]
)
def test_a_form_without_the_token_of_its_visitor_is_refused(token):
    with pytest.raises(HttpError, match="load the page again"):
        read({"token": token})


@pytest.mark.parametrize("cookie", ["", "x", "A" * 10])
def test_a_form_of_a_visitor_without_a_secret_is_refused(cookie):
    assert not is_secret(cookie)
    with pytest.raises(HttpError, match="load the page again"):
        read({"token": token_of(SECRET)}, cookie=cookie)


def test_a_form_that_does_not_arrive_is_refused(monkeypatch):
    monkeypatch.setattr("collateral_registry.web.gateway.bodies.BODY_SECONDS", 0.05)

    async def receive():
        await asyncio.sleep(10)

    pairs = [(name.encode(), value.encode()) for name, value in OWN.items()]
    request = Request({"type": "http", "headers": pairs, "method": "POST"}, receive)
    with pytest.raises(HttpError, match="got no end within"):
        asyncio.run(read_form(request))


def test_a_token_is_different_each_time():
    assert token_of(SECRET) != token_of(SECRET)


@pytest.mark.parametrize("body", [b"a" * (FORM_LIMIT_BYTES + 1), b"&".join([b"a=1"] * 21), b"token=%ff\xff"])
def test_a_form_that_is_too_large_or_no_form_is_refused(body):
    with pytest.raises(HttpError) as refused:
        read(body)
    assert refused.value.http_status in {400, 403, 413}
