"""Connections are shared out: what one client opens keeps nobody else out."""

import contextlib
import socket
from ipaddress import ip_network

import pytest

from caisson.keyserver import listen
from caisson.web.clients import Listener

ONE, OTHER = "127.0.0.2", "127.0.0.3"


@pytest.fixture
def accept():
    with contextlib.ExitStack() as stack:

        def listening(**limits):
            listener = stack.enter_context(Listener(listen("127.0.0.1:0"), **limits))

            def accept(source):
                place = listener.getsockname()
                stack.enter_context(socket.create_connection(place, 5, source_address=(source, 0)))
                return stack.enter_context(listener.accept()[0])

            return accept

        yield listening


def test_a_client_has_its_share_and_no_more_until_it_closes_one(accept):
    accepted = accept(most=10, share=2, proxies=())
    first, _ = accepted(ONE), accepted(ONE)
    with pytest.raises(ConnectionAbortedError):
        accepted(ONE)
    accepted(OTHER)
    first.close()
    first.close()
    accepted(ONE)
    with pytest.raises(ConnectionAbortedError):
        accepted(ONE)


def test_all_together_have_a_limit(accept):
    accepted = accept(most=2, share=2, proxies=())
    accepted(ONE), accepted(OTHER)
    with pytest.raises(ConnectionAbortedError):
        accepted("127.0.0.4")


def test_a_proxy_needs_no_share_and_its_neighbour_does(accept):
    accepted = accept(most=4, share=1, proxies=(ip_network("2001:db8::/32"), ip_network(f"{ONE}/32")))
    for _ in range(3):
        accepted(ONE)
    accepted(OTHER)
    with pytest.raises(ConnectionAbortedError):
        accepted(OTHER)
