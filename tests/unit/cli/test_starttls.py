"""How databases are asked for TLS: one consent, and not a byte of it read in advance."""

import contextlib
import socket
import struct
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from caisson.cli.starttls import StartTls
from caisson.errors import Unavailable

GREETING = b"\x0a8.0.36\0" + bytes(4) + b"saltsalt\0" + struct.pack("<H", 0xFFFF) + bytes(30)


def packet(content, sequence=0):
    return len(content).to_bytes(3, "little") + bytes([sequence]) + content


def talk(kind, said):
    """Ask a server that says `said` at once and then hangs up; give what it heard, and what of its words is left."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(5)
        theirs.sendall(said)
        theirs.shutdown(socket.SHUT_WR)
        try:
            kind.ask(ours)
            left = ours.recv(1 << 16)
        finally:
            ours.shutdown(socket.SHUT_WR)
            heard = theirs.recv(1 << 16)
    return heard, left


def test_the_usual_ports():
    assert [StartTls.of_port(port) for port in (5432, 3306, 6379)] == ["postgres", "mysql", "none"]


def test_nothing_is_said_where_tls_is_all_there_is():
    assert talk(StartTls.NONE, b"hello") == (b"", b"hello")


def test_postgres_consents_with_one_letter_and_nothing_after_it_is_taken():
    """CVE-2021-23222: what an attacker puts behind the letter must not count as said inside TLS."""
    assert talk(StartTls.POSTGRES, b"Sinjected") == (bytes.fromhex("0000000804d2162f"), b"injected")


def test_mysql_is_asked_after_its_greeting():
    heard, left = talk(StartTls.MYSQL, packet(GREETING) + b"injected")
    assert left == b"injected"
    assert heard[:4] == packet(bytes(32), 1)[:4]
    assert struct.unpack_from("<I", heard, 4)[0] & 0x800
    assert len(heard) == 36


@pytest.mark.parametrize(
    ("kind", "said", "words"),
    [
        (StartTls.POSTGRES, b"N", "has no TLS"),
        (StartTls.POSTGRES, b"E", "does not speak PostgreSQL"),
        (StartTls.MYSQL, packet(GREETING.replace(b"\xff\xff", b"\xff\xf7")), "has no TLS"),
        (StartTls.MYSQL, packet(b"\xff\x69\x04Too many connections"), "Too many connections"),
        (StartTls.MYSQL, packet(b"\x09" + GREETING[1:]), "does not speak MySQL"),
        (StartTls.MYSQL, packet(GREETING[:20]), "does not speak MySQL"),
        (StartTls.MYSQL, packet(b"\x0a" + b"x" * 30), "does not speak MySQL"),
        (StartTls.MYSQL, packet(b""), "does not speak MySQL"),
        (StartTls.MYSQL, b"SSH-2.0-OpenSSH\r\n", "does not speak MySQL"),
        (StartTls.MYSQL, b"\xff\xff\xff\0", "does not speak MySQL"),
    ],
)
def test_other_answers_are_no_verdict(kind, said, words):
    with pytest.raises(Unavailable, match=words):
        talk(kind, said)


@pytest.mark.parametrize("kind", [StartTls.POSTGRES, StartTls.MYSQL])
def test_a_server_that_hangs_up_does_not_hang_us(kind):
    with pytest.raises(ConnectionResetError):
        talk(kind, b"")


@given(said=st.binary(max_size=80), kind=st.sampled_from(StartTls))
def test_any_answer_is_consent_or_a_refusal(said, kind):
    with contextlib.suppress(Unavailable, ConnectionResetError):
        talk(kind, said)


def test_a_greeting_may_come_in_pieces():
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def drip():
            for byte in packet(GREETING):
                theirs.sendall(bytes([byte]))

        thread = threading.Thread(target=drip)
        thread.start()
        ours.settimeout(5)
        StartTls.MYSQL.ask(ours)
        thread.join()
