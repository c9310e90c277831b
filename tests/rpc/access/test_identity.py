"""Every call has a verified caller or ends UNAUTHENTICATED."""

import asyncio
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import grpc
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from structlog.testing import capture_logs

from collateral_registry.domain.access.callers import LOCAL_OWNER
from collateral_registry.domain.access.roles import Role
from collateral_registry.rpc.access.access_file import AccessFiles
from collateral_registry.rpc.access.guesses import GUESSES_AT_ONCE, Guesses, host_of
from collateral_registry.rpc.access.identity import IdentityInterceptor
from collateral_registry.rpc.access.reloaded import Reloaded
from collateral_registry.rpc.common.interceptors import ErrorInterceptor
from collateral_registry.rpc.limits.buckets import CALLERS_LIMIT
from collateral_registry.rpc.limits.callers import CALLER_KEY, CallerKey, stated_caller
from tests.support.authority import AUDIENCE, ISSUER, access_file, bearer, digest_of, ec_key, rsa_key, web_token
from tests.support.identified_server import refusal, who, with_calls
from tests.support.server import details_of

TOKEN = "a-token-of-a-partner"
DENIED = grpc.StatusCode.UNAUTHENTICATED


@pytest.fixture
def files(tmp_path: Path) -> AccessFiles:
    return AccessFiles(access_file(tmp_path, tokens={"acme": TOKEN}))


def test_without_identities_a_call_from_this_machine_is_the_local_owner(tmp_path):
    local = "|".join([LOCAL_OWNER.principal, "own", "local_owner", ""])

    assert with_calls(AccessFiles(), who) == local
    assert with_calls(AccessFiles(), who, f"unix:{tmp_path}/socket") == local


def test_without_identities_a_call_from_elsewhere_is_refused(monkeypatch):
    monkeypatch.setattr("collateral_registry.rpc.access.identity.LOCAL_PEERS", ("unix:",))

    assert with_calls(AccessFiles(), refusal).code() is DENIED


def test_without_identities_a_call_over_http_is_the_local_owner_only_if_its_caller_is_on_this_machine(tmp_path):
    async def work(channel: grpc.aio.Channel) -> tuple[set[str], set[str]]:
        local = ("127.0.0.1:5000", "127.8.0.1:5000", "::1:5000", "::ffff:127.0.0.1:5000")
        other = ("10.0.0.7:5000", "2001:db8::7:5000", "::ffff:10.0.0.7:5000", "unknown", "127.0.0.1.example:5000")
        accepted = {await who(channel, *stated_caller(name)) for name in local}
        return accepted, {(await refusal(channel, *stated_caller(name))).code().name for name in other}

    accepted, refused = with_calls(AccessFiles(), work, f"unix:{tmp_path}/socket")
    assert accepted == {"local-owner|own|local_owner|"}
    assert refused == {DENIED.name}


def test_with_identities_a_call_without_credentials_is_refused_also_on_this_machine(files, tmp_path):
    for address in ("127.0.0.1:0", f"unix:{tmp_path}/socket"):
        assert with_calls(files, refusal, address).code() is DENIED


def test_a_partner_is_known_by_any_of_its_tokens_until_they_expire(tmp_path):
    now = datetime.now(UTC)
    old, new = ((now + timedelta(days=days)).isoformat() for days in (-1, 1))
    text = (
        '[partners.acme]\npools = ["p-1"]\ntokens = [\n'
        f'{{ sha256 = "{digest_of("old")}", expires = {old} }},\n'
        f'{{ sha256 = "{digest_of("new")}", expires = {new} }},\n'
        f'{{ sha256 = "{digest_of(TOKEN)}" }},\n]\n'
    )
    files = AccessFiles(access_file(tmp_path, text))
    partner = "partners/acme|own|partner|acme"

    assert with_calls(files, lambda channel: who(channel, *bearer("new"))) == partner
    assert with_calls(files, lambda channel: who(channel, *bearer(TOKEN))) == partner
    error = with_calls(files, lambda channel: refusal(channel, *bearer("old")))
    assert "has expired" in error.details()


@pytest.mark.parametrize(
    "token", [web_token, lambda: web_token(rsa_key(), "RS256", "rsa-1"), lambda: web_token(aud=["other", AUDIENCE])]
)
def test_a_valid_token_of_an_issuer_names_a_person_with_roles(files, token):
    assert with_calls(files, lambda channel: who(channel, *bearer(token()))) == "people/ana|own|risk_officer|"


def public_pem() -> bytes:
    return ec_key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def hs256_with_the_public_key() -> str:
    """A library that lets the token choose its algorithm would verify it by the public key as a secret."""
    part = jwt.utils.base64url_encode
    claims = json.dumps({"iss": ISSUER, "aud": AUDIENCE, "sub": "ana", "exp": time.time() + 300}).encode()
    signed = part(b'{"alg":"HS256","kid":"ec-1"}') + b"." + part(claims)
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    return (signed + b"." + part(signature.sign(signed, public_pem()))).decode()


def with_changed_claims() -> str:
    header, _, signature = web_token().split(".")
    _, claims, _ = web_token(roles=["head_of_risk"]).split(".")
    return f"{header}.{claims}.{signature}"


BAD_TOKENS = {
    "wrong issuer": (lambda: web_token(iss="https://evil.example"), "unknown issuer"),
    "no issuer": (lambda: web_token(iss=None), "unknown issuer"),
    "wrong audience": (lambda: web_token(aud="other"), "another audience"),
    "no audience": (lambda: web_token(aud=None), "without exp, iss or aud"),
    "expired": (lambda: web_token(exp=int(time.time()) - 60), "has expired"),
    "an expiry that is no number": (lambda: web_token(exp=str(int(time.time()) + 300)), "not valid"),
    "an expiry that is no time": (lambda: web_token(exp=float("nan")), "not valid"),
    "no expiry": (lambda: web_token(exp=None), "without exp, iss or aud"),
    "not yet": (lambda: web_token(nbf=int(time.time()) + 60), "not valid yet"),
    "unknown key": (lambda: web_token(key_id="ec-2"), "unknown key id"),
    "no key id": (lambda: web_token(key_id=None), "unknown key id"),
    "key of another": (lambda: web_token(ec.generate_private_key(ec.SECP256R1())), "signature is wrong"),
    "alg none": (lambda: web_token("", "none"), "another algorithm"),
    "HS256 with the public key": (hs256_with_the_public_key, "another algorithm"),
    "another algorithm of the key": (lambda: web_token(rsa_key(), "RS512", "rsa-1"), "another algorithm"),
    "key of the other algorithm": (lambda: web_token(rsa_key(), "RS256", "ec-1"), "another algorithm"),
    "changed claims": (with_changed_claims, "signature is wrong"),
    "no subject": (lambda: web_token(sub=None), "usable claim sub"),
    "subject with a line break": (lambda: web_token(sub="ana\nadmin"), "usable claim sub"),
    "not well-formed": (lambda: "a.b.c", "not well-formed"),
    "no token": (lambda: "guess", "no token of a partner"),
    "nothing": (lambda: "", "no token of a partner"),
}


@pytest.mark.parametrize("name", BAD_TOKENS)
def test_a_bad_token_is_refused_with_its_cause_and_logged_in_one_line_without_it(files, name):
    make, cause = BAD_TOKENS[name]
    token = make()
    with capture_logs() as logged:
        error = with_calls(files, lambda channel: refusal(channel, *bearer(token)))

    assert error.code() is DENIED
    assert details_of(error)[0].reason == "UNAUTHENTICATED"
    assert cause in error.details()
    (line,) = logged
    assert (line["event"], line["code"], line["principal"]) == ("call", "UNAUTHENTICATED", "-")
    assert cause in line["cause"]
    assert not token or token not in repr(logged)


def token_of(header: object, claims: object) -> str:
    """Returns an unsigned token of any header and claims, which are texts of JSON or values."""
    parts = (one if isinstance(one, str) else json.dumps(one) for one in (header, claims))
    return ".".join([*(jwt.utils.base64url_encode(part.encode()).decode() for part in parts), "c2ln"])


HEADER, NESTED = {"alg": "ES256", "kid": "ec-1"}, "[" * 3_000 + "]" * 3_000


@pytest.mark.parametrize(
    "token",
    [
        token_of(NESTED, {}),
        token_of(HEADER, NESTED),
        token_of(HEADER, []),
        token_of([], {}),
        token_of({"alg": ["ES256"], "kid": {"a": 1}}, {"iss": ISSUER, "aud": [{"a": 1}], "exp": 1e400}),
        token_of(HEADER | {"crit": ["b64"], "b64": False}, {"iss": ISSUER, "aud": AUDIENCE}),
        token_of(HEADER, {"iss": [ISSUER], "aud": {"a": 1}}),
        token_of(HEADER, '{"iss": 1e999, "exp": ' + "9" * 3_000 + "}"),
        "..",
    ],
    ids=range(9),
)
def test_a_hostile_token_is_refused_like_any_other(files, token):
    with capture_logs() as logged:
        error = with_calls(files, lambda channel: refusal(channel, *bearer(token)))

    assert error.code() is DENIED
    assert [line["event"] for line in logged] == ["call"]


@pytest.mark.parametrize(("bytes_", "code"), [(12_000, DENIED), (17_000, grpc.StatusCode.RESOURCE_EXHAUSTED)])
def test_a_long_token_is_read_or_refused_but_never_at_random(files, bytes_, code):
    async def codes(channel):
        return {(await refusal(channel, *bearer("x" * bytes_))).code() for _ in range(12)}

    assert with_calls(files, codes) == {code}


def test_an_expiry_in_the_far_future_is_accepted(files):
    assert with_calls(files, lambda channel: who(channel, *bearer(web_token(exp=10**300)))).startswith("people/ana")


def test_files_that_are_emptied_do_not_open_the_service(tmp_path):
    path, partners = access_file(tmp_path, tokens={"acme": TOKEN}), tmp_path / "partners.json"

    async def emptied(channel: grpc.aio.Channel) -> list[str]:
        found = [await who(channel, *bearer(TOKEN))]
        path.write_text("")
        return [*found, await who(channel, *bearer(TOKEN)), (await refusal(channel)).code().name]

    async def filled_and_emptied(channel: grpc.aio.Channel) -> list[str]:
        found = [await who(channel)]
        for text in (json.dumps({"acme": {"token_sha256": digest_of(TOKEN), "warehouses": ["W-1"]}}), "{}"):
            partners.write_text(text)
            found.append((await refusal(channel)).code().name)
        return found

    partner = "partners/acme|own|partner|acme"
    assert with_calls(AccessFiles(path), emptied) == [partner, partner, DENIED.name]
    partners.write_text("{}")
    found = with_calls(AccessFiles(None, partners), filled_and_emptied)
    assert found == ["local-owner|own|local_owner|", DENIED.name, DENIED.name]


@pytest.mark.parametrize(
    "metadata",
    [
        [("authorization", TOKEN)],
        [("authorization", f"Basic {TOKEN}")],
        [*bearer(TOKEN), *bearer("other")],
    ],
)
def test_another_scheme_and_several_values_are_refused(files, metadata):
    assert with_calls(files, lambda channel: refusal(channel, *metadata)).code() is DENIED


def test_roles_are_those_of_the_configured_claim_and_no_token_makes_an_owner_or_a_partner(tmp_path):
    text = '\nroles_claim = "realm_access.groups"\nroles = { "cn=risk" = "head_of_risk" }\n'
    path = access_file(tmp_path)
    path.write_text(path.read_text() + text)
    token = web_token(roles=["risk_officer"], realm_access={"groups": ["cn=risk", "cn=canteen"]})
    assert with_calls(AccessFiles(path), lambda channel: who(channel, *bearer(token))) == "people/ana|own|head_of_risk|"

    path = access_file(tmp_path)
    token = web_token(roles=["local_owner", "partner", "auditor"])
    assert with_calls(AccessFiles(path), lambda channel: who(channel, *bearer(token))) == "people/ana|own|auditor|"


def test_each_lender_has_its_own_callers(tmp_path):
    text = f'[lenders.other.partners.acme]\npools = ["p"]\ntokens = [{{ sha256 = "{digest_of("theirs")}" }}]\n'
    files = AccessFiles(access_file(tmp_path, text, {"acme": TOKEN}))

    assert with_calls(files, lambda channel: who(channel, *bearer("theirs"))) == "partners/acme|other|partner|acme"


def test_a_changed_file_counts_without_a_restart_and_a_damaged_one_keeps_the_identities(tmp_path):
    path = access_file(tmp_path, tokens={"acme": TOKEN})

    async def work(channel: grpc.aio.Channel) -> list[str]:
        found = [await who(channel, *bearer(TOKEN))]
        for text in ("[partners.acme", '[partners.acme]\nwarehouses = ["W-1"]\n'):
            path.write_text(text)
            found += [await who(channel, *bearer(TOKEN)) for _ in range(3)]
        access_file(tmp_path, tokens={"acme": "other"})
        found += [await who(channel, *bearer("other")), (await refusal(channel, *bearer(TOKEN))).code().name]
        (tmp_path / "keys.json").write_text("{}")
        found += [await who(channel, *bearer(web_token()))]
        return found

    partner = "partners/acme|own|partner|acme"
    with capture_logs() as logged:
        found = with_calls(AccessFiles(path), work)

    assert found == [*[partner] * 8, "UNAUTHENTICATED", "people/ana|own|risk_officer|"]
    causes = [line["cause"] for line in logged if line["log_level"] == "error"]
    assert len(causes) == 3
    assert "no TOML" in causes[0]
    assert "partners.acme.tokens: got neither tokens nor certificates" in causes[1]
    assert f"{tmp_path}/keys.json: got no list of keys" in causes[2]


def test_a_stream_ends_at_its_next_response_after_its_token_was_removed(tmp_path):
    path = access_file(tmp_path, tokens={"acme": TOKEN})

    async def work(channel: grpc.aio.Channel) -> tuple[bytes, grpc.StatusCode]:
        call = channel.stream_stream("/test/WhoEach")(metadata=bearer(TOKEN))
        await call.write(b"1")
        first = await call.read()
        access_file(tmp_path, tokens={"acme": "other"})
        await call.write(b"2")
        with pytest.raises(grpc.RpcError):
            await call.read()
        return first, await call.code()

    assert with_calls(AccessFiles(path), work) == (b"partners/acme|own|partner|acme", DENIED)


def test_thousands_of_wrong_tokens_are_slowed_and_logged_in_few_lines_while_known_callers_continue(files):
    async def work(channel: grpc.aio.Channel) -> list[grpc.RpcError]:
        await who(channel, *bearer(TOKEN))
        found = []
        for first in range(0, 3_000, 100):
            guesses = (refusal(channel, *bearer(f"guess-{number}")) for number in range(first, first + 100))
            found += await asyncio.gather(*guesses)
        assert await who(channel, *bearer(TOKEN))
        assert (await refusal(channel)).code() is DENIED
        return found

    with capture_logs() as logged:
        errors = with_calls(files, work)

    examined = [error for error in errors if error.code() is DENIED]
    slowed = [error for error in errors if error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED]
    assert GUESSES_AT_ONCE <= len(examined) <= GUESSES_AT_ONCE + 5
    assert len(examined) + len(slowed) == 3_000
    assert details_of(slowed[0])[0].reason == "TOO_MANY_WRONG_CREDENTIALS"
    assert b"RetryInfo" in dict(slowed[0].trailing_metadata())["grpc-status-details-bin"]
    assert len(logged) <= len(examined) + 3
    assert "guess" not in repr(logged)


def test_the_table_of_wrong_credentials_is_bounded():
    guesses = Guesses()
    for number in range(CALLERS_LIMIT + 10):
        host = CallerKey("connection", f"ipv4:10.{number >> 16}.{number >> 8 & 255}.{number & 255}:1")
        guesses.add("tokens", host, 0.0)

    assert len(guesses) == CALLERS_LIMIT


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("ipv4:10.0.0.7:5000", "10.0.0.7"),
        ("10.0.0.7:6000", "10.0.0.7"),
        ("ipv6:%5B2001:db8:0:1:a::7%5D:5000", "2001:db8:0:1::/64"),
        ("2001:db8:0:1:b::8:6000", "2001:db8:0:1::/64"),
        ("ipv6:%5B::1%5D:5000", "::1"),
        ("::ffff:10.0.0.7:6000", "10.0.0.7"),
        ("unix:", "unix:"),
    ],
)
def test_ports_and_addresses_of_one_network_are_one_host(name, host):
    assert host_of(CallerKey("connection", name)) == host


def test_wrong_tokens_over_http_are_counted_by_the_host_of_the_http_caller(files, tmp_path):
    async def work(channel: grpc.aio.Channel) -> list[str]:
        of = stated_caller("10.0.0.7:5000")
        for number in range(GUESSES_AT_ONCE):
            await refusal(channel, *of, *bearer(f"guess-{number}"))
        same = await refusal(channel, *stated_caller("10.0.0.7:5001"), *bearer("guess"))
        other = await refusal(channel, *stated_caller("10.0.0.8:5000"), *bearer("guess"))
        return [same.code().name, other.code().name]

    found = with_calls(files, work, f"unix:{tmp_path}/socket")
    assert found == ["RESOURCE_EXHAUSTED", "UNAUTHENTICATED"]


def test_a_caller_of_a_socket_that_is_not_the_gateway_cannot_choose_whom_it_is_counted_as(files, tmp_path):
    async def work(channel: grpc.aio.Channel) -> str:
        for number in range(GUESSES_AT_ONCE):
            await refusal(channel, (CALLER_KEY, f"10.0.0.{number}:5000"), *bearer(f"guess-{number}"))
        return (await refusal(channel, (CALLER_KEY, "10.0.1.1:5000"), *bearer("guess"))).code().name

    assert with_calls(files, work, f"unix:{tmp_path}/socket") == "RESOURCE_EXHAUSTED"


def test_health_needs_no_identity(files):
    async def answer(_request, _context):
        return b"serving"

    async def run() -> bytes:
        identities = Reloaded("the identities", files.read, 60)
        server = grpc.aio.server(interceptors=[ErrorInterceptor(), IdentityInterceptor(identities)])
        handlers = {"Check": grpc.unary_unary_rpc_method_handler(answer)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("grpc.health.v1.Health", handlers),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            found = await channel.unary_unary("/grpc.health.v1.Health/Check")(b"")
        await server.stop(None)
        return found

    assert asyncio.run(run()) == b"serving"


def test_roles_that_follow_from_the_place_of_a_caller_cannot_be_granted(tmp_path):
    for role in (Role.LOCAL_OWNER, Role.PARTNER):
        path = access_file(tmp_path, f'[certificates."spiffe://bank.example/x"]\nroles = ["{role}"]\n')
        with pytest.raises(ValueError, match=r"roles.0: want one of originator, appraiser"):
            AccessFiles(path).read()


def test_a_missing_file_of_keys_is_named(tmp_path):
    path = access_file(tmp_path)
    (tmp_path / "keys.json").unlink()
    with pytest.raises(ValueError, match=r"access_file: got .*access.toml .*keys.json: No such file or directory"):
        AccessFiles(path).read()
