from caisson.engine import Bind, ContainerSpec, Publish


def request(**changes):
    return ContainerSpec(image="sha256:0", name="redis", **changes).create_request()


def test_every_container_is_locked_down():
    host = request()["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Ulimits"] == [{"Name": "core", "Soft": 0, "Hard": 0}]


def test_tmpfs_belongs_to_the_program_and_nobody_else():
    host = request(tmpfs=("/run/caisson",), owner=(101, 102))["HostConfig"]
    assert host["Tmpfs"] == {"/run/caisson": "mode=0700,uid=101,gid=102,noexec,nosuid,nodev"}


def test_ports_are_published_on_loopback_unless_asked_otherwise():
    host = request(publish=(Publish(container_port=6379),))["HostConfig"]
    assert host["PortBindings"] == {"6379/tcp": [{"HostIp": "127.0.0.1", "HostPort": "0"}]}


def test_two_host_ports_may_lead_to_one():
    publish = (Publish(container_port=1, host_port=2), Publish(container_port=1, host_port=3, host_address="::1"))
    assert request(publish=publish)["HostConfig"]["PortBindings"] == {
        "1/tcp": [{"HostIp": "127.0.0.1", "HostPort": "2"}, {"HostIp": "::1", "HostPort": "3"}]
    }


def test_a_path_is_bound_and_a_name_is_a_volume():
    binds = (Bind(source="/s:t", target="/t", read_only=True), Bind(source="data", target="/data"))
    assert request(binds=binds)["HostConfig"]["Mounts"] == [
        {"Type": "bind", "Source": "/s:t", "Target": "/t", "ReadOnly": True},
        {"Type": "volume", "Source": "data", "Target": "/data", "ReadOnly": False},
    ]


def test_environment_is_sorted_so_that_equal_specifications_give_equal_requests():
    assert request(environment={"B": "2", "A": "1"})["Env"] == ["A=1", "B=2"]
