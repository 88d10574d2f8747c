"""Proofs of a password, against the examples of the standards."""

from __future__ import annotations

import re

import pytest

from edgefit.runtime.sources import authorization as module
from edgefit.runtime.sources.authorization import authorization


def test_basic_is_the_example_of_rfc_7617() -> None:
    header = authorization(['Basic realm="WallyWorld"'], "Aladdin", "open sesame", "GET", "/")
    assert header == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_digest_is_the_example_of_rfc_7616(
    algorithm: str, response: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    monkeypatch.setattr(module.secrets, "token_hex", lambda _: ours)
    challenge = (
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    header = authorization([challenge], "Mufasa", "Circle of Life", "GET", "/dir/index.html")
    assert header is not None and f'response="{response}"' in header
    assert 'opaque="FQhe' in header and "qop=auth, nc=00000001" in header


def test_digest_without_qop_is_the_example_of_rfc_2069() -> None:
    """As RTSP cameras ask for it; the erratum of the RFC gives this value."""
    challenge = 'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    header = authorization([challenge], "Mufasa", "CircleOfLife", "GET", "/dir/index.html")
    assert header is not None
    assert re.search('response="1949323746fe6a43ef61f9606e7febea"', header)


def test_digest_goes_before_basic_and_what_is_unknown_gives_nothing() -> None:
    both = ['Basic realm="a"', 'Digest realm="a", nonce="b"']
    assert str(authorization(both, "u", "p", "GET", "/")).startswith("Digest ")
    unknown = 'Digest realm="a", nonce="b", algorithm=NEW'
    assert authorization([unknown], "u", "p", "GET", "/") is None
    assert str(authorization([unknown, both[0]], "u", "p", "GET", "/")).startswith("Basic ")
    assert authorization(["Negotiate"], "u", "p", "GET", "/") is None
    assert authorization([], "u", "p", "GET", "/") is None


def test_one_field_may_offer_both() -> None:
    field = 'Basic realm="a, Digest b", Digest realm="c", nonce="n"'
    assert 'realm="c", nonce="n"' in str(authorization([field], "u", "p", "GET", "/"))
    assert str(authorization(["Basic"], "u", "p", "GET", "/")).startswith("Basic ")


def test_a_quote_in_a_name_stays_inside_its_field() -> None:
    header = authorization(['Digest realm="a", nonce="b"'], 'u"x', "p", "GET", "/")
    assert header is not None and 'username="u\\"x", realm' in header
