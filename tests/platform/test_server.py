"""The socket, and guests that want to harm it or each other."""

import contextlib
import os
import random
import socket
import stat
import struct
import threading
import time

import pytest

from caisson.enclave import measure
from caisson.errors import Unavailable, UsageError
from caisson.platform import PlatformServer
from caisson.platform.wire import HEADER, MAX_REQUEST, Operation, Status

LAUNCH, EREPORT, EGETKEY, TARGET, QUOTE = Operation


def test_guest_gets_from_launch_to_quote(serve, healthy):
    serve()
    healthy()


def test_measurement_is_that_of_the_enclave_room(serve, connect, launch_request):
    serve()
    size = struct.unpack_from("<I", launch_request)[0]
    pal, rest = launch_request[4 : 4 + size], launch_request[4 + size :]
    manifest = rest[4 : 4 + struct.unpack_from("<I", rest)[0]]
    status, identity = connect().ask(LAUNCH, launch_request)
    assert (status, identity[:32]) == (Status.SUCCESS, measure(pal, manifest).value)


def test_tcp_is_the_same_platform(serve, connect):
    server = serve()
    port = server.listen_tcp("127.0.0.1", 0)
    assert connect(port).ask(TARGET) == connect().ask(TARGET)


def test_connection_survives_many_requests(serve, connect, launch_request):
    serve()
    guest = connect()
    _, target = guest.ask(TARGET)
    guest.ask(LAUNCH, launch_request)
    reports = {guest.ask(EREPORT, target + os.urandom(64))[1] for _ in range(50)}
    assert len(reports) == 50


def test_pipelined_requests_are_answered_in_order(serve, connect, launch_request):
    serve()
    guest = connect()
    guest.send(LAUNCH, launch_request)
    guest.send(EREPORT, bytes(576))
    guest.send(TARGET)
    assert [len(guest.receive()[1]) for _ in range(3)] == [64, 432, 512]


def test_refusal_is_said_and_ends_the_connection(serve, connect, healthy, launch_request):
    serve()
    guest = connect()
    status, text = guest.ask(LAUNCH, launch_request[:-1] + bytes((launch_request[-1] ^ 1,)))
    assert status is Status.SGX_INVALID_SIGNATURE
    assert text.decode().startswith("SGX_INVALID_SIGNATURE: ")
    guest.stream.shutdown(socket.SHUT_WR)
    assert guest.ended()
    healthy()


def test_enclave_ends_with_its_connection(serve, connect, launch_request):
    serve()
    guest = connect()
    guest.ask(LAUNCH, launch_request)
    guest.stream.close()
    assert connect().ask(EREPORT, bytes(576))[0] is Status.BAD_REQUEST


def test_large_request_is_read_whole(serve, connect):
    """64 MiB that are no LAUNCH: read, examined, refused by what is in them."""
    serve()
    guest = connect()
    guest.send(LAUNCH, struct.pack("<I", MAX_REQUEST).ljust(MAX_REQUEST, b"\0"))
    status, text = guest.receive()
    assert status is Status.BAD_REQUEST
    assert b"more bytes than it has" in text


def test_request_over_the_limit_is_refused_by_its_header(serve, connect, healthy):
    serve()
    guest = connect()
    guest.send(LAUNCH, size=MAX_REQUEST + 1)
    assert guest.receive()[0] is Status.BAD_REQUEST
    healthy()


def test_refusal_reaches_a_guest_that_is_still_sending(serve, connect):
    serve()
    guest = connect()
    guest.stream.sendall(HEADER.pack(9, 0) + bytes(1 << 20))
    assert guest.receive()[0] is Status.BAD_REQUEST


def test_silent_guest_is_shown_out(serve, connect, healthy):
    serve(idle=2)
    guest = connect()
    assert guest.ended()
    healthy()


def test_launched_guest_may_be_silent(serve, connect, launch_request):
    serve(idle=2)
    guest = connect()
    guest.ask(LAUNCH, launch_request)
    time.sleep(2.5)
    assert guest.ask(TARGET)[0] is Status.SUCCESS


def test_guest_that_stops_in_the_middle_is_shown_out(serve, connect, healthy):
    serve(pause=2)
    guest = connect()
    guest.stream.sendall(HEADER.pack(LAUNCH, 1000) + bytes(10))
    assert guest.ended()
    healthy()


def drip(guest):
    """Send a request that is whole after 50 seconds."""
    for _ in range(1000):
        guest.stream.sendall(b"x")
        time.sleep(0.05)


def test_guest_that_sends_one_byte_at_a_time_is_shown_out(serve, connect, healthy):
    serve(pause=2, request=2.5)
    guest = connect()
    guest.stream.sendall(HEADER.pack(LAUNCH, 1000))
    with pytest.raises(OSError, match=r"pipe|reset"):
        drip(guest)
    healthy()


def test_guest_that_does_not_read_is_shown_out(serve, connect, healthy):
    serve(pause=2)
    guest = connect()
    guest.stream.settimeout(5)
    with pytest.raises(OSError, match=r"pipe|reset|timed out"):
        guest.stream.sendall(HEADER.pack(TARGET, 0) * 1_000_000)
    healthy()


def test_stalled_large_requests_do_not_keep_others_out(serve, connect, healthy):
    serve(large_requests=2, pause=2)
    stalled = [connect() for _ in range(4)]
    for guest in stalled:
        guest.send(LAUNCH, bytes(100), size=MAX_REQUEST)
    healthy()
    for guest in stalled:
        assert guest.ended()


def test_large_request_waits_for_its_turn_and_no_longer(serve, connect):
    serve(large_requests=1, pause=30, request=0.5)
    guests = [connect(), connect()]
    for guest in guests:
        guest.send(LAUNCH, bytes(100), size=1 << 20)
    # The first is shown out when its time is over; the second has its turn then, or is told that it is not to be. Both
    # are before the pause that each may make, and before a guest's own patience ends.
    for guest in guests:
        while guest.stream.recv(1000):
            pass


def test_platform_that_is_full_says_so(serve, connect, launch_request):
    serve(connections=3)
    guests = [connect() for _ in range(3)]
    for guest in guests:
        assert guest.ask(LAUNCH, launch_request)[0] is Status.SUCCESS
    assert connect().receive()[0] is Status.BAD_REQUEST
    guests[0].stream.close()

    def gets_in():
        with contextlib.suppress(OSError):  # it was shown out before it had said all
            return connect().ask(LAUNCH, launch_request)[0] is Status.SUCCESS
        return False

    while not gets_in():  # until the platform has seen that one is gone
        time.sleep(0.01)


def test_many_guests_at_once_each_get_their_own_answers(serve, connect, launch_request, platform):
    serve()
    target = platform.quoting_enclave.target_info.encode()
    failures = []

    def guest(number):
        try:
            mine = connect()
            mine.ask(LAUNCH, launch_request)
            data = struct.pack("<Q", number).ljust(64, b"\0")
            for _ in range(5):
                _, report = mine.ask(EREPORT, target + data)
                status, quote = mine.ask(QUOTE, report)
                assert status is Status.SUCCESS
                assert quote[48 + 320 : 48 + 384] == data
        except Exception as error:  # noqa: BLE001 - carried out of the thread
            failures.append(error)

    threads = [threading.Thread(target=guest, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_noise_harms_nobody(serve, connect, healthy, launch_request):
    """Random bytes, cut-off requests, sudden ends, mutated launches: after each, all is well."""
    serve(pause=2, idle=2)
    dice = random.Random(5)
    for turn in range(150):
        guest = connect()
        match turn % 4:
            case 0:
                noise = dice.randbytes(dice.randint(0, 3000))
            case 1:
                noise = HEADER.pack(dice.randint(0, 7), dice.randint(0, 600)) + dice.randbytes(dice.randint(0, 600))
            case 2:
                noise = HEADER.pack(LAUNCH, len(launch_request)) + launch_request[: dice.randint(0, 5000)]
            case _:
                mutated = bytearray(launch_request)
                mutated[dice.randrange(len(mutated))] ^= 1 << dice.randrange(8)
                noise = HEADER.pack(LAUNCH, len(mutated)) + mutated
        with contextlib.suppress(OSError):  # it may be shown out before it has said all
            guest.stream.sendall(noise)
        if dice.random() < 0.5:
            guest.stream.close()
    healthy()


def test_closing_ends_conversations_and_removes_the_socket(serve, connect, launch_request, tmp_path):
    server = serve()
    guest = connect()
    guest.ask(LAUNCH, launch_request)
    server.close()
    assert guest.ended()
    assert not server._streams
    assert not [thread for thread in server._threads if thread.is_alive()]
    assert not (tmp_path / "platform.sock").exists()


def test_socket_is_its_owners_unless_told_otherwise(platform, loader, tmp_path):
    with PlatformServer(platform, loader) as server:
        server.listen_unix(tmp_path / "mine")
        server.listen_unix(tmp_path / "everyones", mode=0o666)
        modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("mine", "everyones")]
    assert modes == [0o600, 0o666]
    assert list(tmp_path.iterdir()) == []


def test_socket_of_a_living_platform_is_not_taken_over(serve, healthy, platform, loader, tmp_path):
    serve()
    with PlatformServer(platform, loader) as second, pytest.raises(Unavailable, match="in use"):
        second.listen_unix(tmp_path / "platform.sock")
    healthy()


def test_socket_of_a_dead_platform_is_replaced(serve, healthy, tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "platform.sock"))
    serve()
    healthy()


def test_successor_keeps_its_socket_when_the_first_closes(platform, loader, tmp_path):
    path = tmp_path / "s"
    with PlatformServer(platform, loader) as first, PlatformServer(platform, loader) as second:
        first.listen_unix(path)
        path.unlink()
        second.listen_unix(path)
        first.close()
        assert path.exists()


@pytest.mark.parametrize("what", ["file", "directory", "missing parent", "too long"])
def test_path_where_no_socket_can_be_is_refused(platform, loader, tmp_path, what):
    path = tmp_path / "s"
    match what:
        case "file":
            path.write_text("mine")
        case "directory":
            path.mkdir()
        case "missing parent":
            path = path / "below"
        case _:
            path = tmp_path / ("s" * 120)
    with PlatformServer(platform, loader) as server, pytest.raises(UsageError):
        server.listen_unix(path)
    if what == "file":
        assert path.read_text() == "mine"


def test_taken_port_is_unavailable(platform, loader):
    with PlatformServer(platform, loader) as server:
        port = server.listen_tcp("127.0.0.1", 0)
        with pytest.raises(Unavailable, match="cannot listen"):
            server.listen_tcp("127.0.0.1", port)
        with pytest.raises(Unavailable, match="cannot listen"):
            server.listen_tcp("192.0.2.1", 0)
        with pytest.raises(Unavailable, match=r"cannot listen on `\[2001:db8::1\]:80`"):
            server.listen_tcp("2001:db8::1", 80)
        with pytest.raises(Unavailable, match="cannot listen"):
            server.listen_tcp("no such host", 0)
