"""Who counts as one client."""

from ipaddress import ip_network

import pytest

from caisson.web.clients import as_seen, one_client


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff:ffff:ffff:ffff", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::1%eth1", True),
        ("", "unix:", True),
        ("unknown", "192.0.2.1", False),
    ],
)
def test_a_client_is_an_ipv4_address_or_an_ipv6_network(one, other, same):
    assert (one_client(one) == one_client(other)) is same


def test_a_proxy_is_recognised_on_either_family():
    assert as_seen(ip_network("10.0.0.0/8")) == ("10.0.0.0/8", "::ffff:10.0.0.0/104")
    assert as_seen(ip_network("2001:db8::/32")) == ("2001:db8::/32",)
