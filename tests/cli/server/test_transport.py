"""Settings by which other machines are reached, or reach the service, need TLS."""

import pytest

from collateral_registry.config import Settings

TLS = {"tls_certificate_file": "server.crt", "tls_key_file": "server.key"}
CLIENTS = {**TLS, "client_authorities_file": "authority.pem"}


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"address": "10.0.0.1:50051"}, "address: got 10.0.0.1:50051 without TLS, want a loopback address"),
        ({"address": "collateral.example:50051"}, "address: got collateral.example:50051 without TLS"),
        ({"metrics_address": "[::]:50081"}, r"metrics_address: got \[::\]:50081 without TLS"),
        ({"tls_key_file": "server.key"}, "tls_certificate_file: got nothing, want a file that belongs to tls_key_file"),
        ({"tls_certificate_file": "x"}, "tls_key_file: got nothing, want a file that belongs to tls_certificate_file"),
        ({"client_authorities_file": "authority.pem"}, "client_authorities_file: got a file without TLS"),
        ({**TLS, "token_address": "127.0.0.1:50052"}, "token_address: got .*, want client_authorities_file as well"),
        ({"dask_scheduler": "tcp://10.0.0.1:8786"}, "dask_scheduler: got tcp://10.0.0.1:8786 without TLS, want"),
        ({**TLS, "dask_scheduler": "tls://10.0.0.1:8786"}, "dask_scheduler: got .*, want .* client_authorities_file"),
    ],
)
def test_plain_text_to_other_machines_is_refused(settings, problem):
    with pytest.raises(ValueError, match=problem):
        Settings(**settings).check_transport()


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"address": "unix:/run/collateral/socket", "metrics_address": "[::1]:50081"},
        {"dask_scheduler": "tcp://127.0.0.1:8786"},
        {**TLS, "address": "10.0.0.1:50051"},
        {**CLIENTS, "address": "10.0.0.1:50051", "token_address": "10.0.0.1:50052"},
        {**CLIENTS, "dask_scheduler": "tls://10.0.0.1:8786"},
    ],
)
def test_this_machine_and_tls_are_accepted(settings):
    Settings(**settings).check_transport()


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("postgresql+psycopg://u@db.example/book", "db.example"),
        ("postgresql://u@10.0.0.1:5432/book?sslmode=require", "10.0.0.1"),
        ("postgresql://u@/book?host=db.example", "db.example"),
        ("postgresql://u@db.example/book?sslmode=verify-full", ""),
        ("postgresql://u@127.0.0.1/book", ""),
        ("postgresql://u@[::1]/book", ""),
        ("postgresql://u@/book?host=/run/postgresql", ""),
        ("sqlite:///book.db", ""),
    ],
)
def test_a_database_on_another_machine_is_reported_unless_its_certificate_is_verified(monkeypatch, url, host):
    monkeypatch.delenv("PGSSLMODE", raising=False)
    assert Settings(database_url=url).unverified_database == host

    monkeypatch.setenv("PGSSLMODE", "verify-full")
    assert Settings(database_url=url).unverified_database in {"", host if "sslmode=require" in url else ""}
