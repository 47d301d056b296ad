from caisson.deploy import LABEL, PLATFORM_SOCKET, Publish, Resources, SgxDevices, Volume, application, create_request


def request(deployment):
    return create_request(application(deployment))


def test_every_container_is_locked_down(make):
    body = request(make())
    host = body["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert host["Ulimits"] == [{"Name": "core", "Soft": 0, "Hard": 0}]
    assert body["User"] == "101:102"


def test_the_image_is_pinned_by_its_digest(make):
    assert request(make())["Image"] == "registry.example/redis@sha256:" + "ab" * 32


def test_it_is_told_who_it_is_and_whom_to_ask(make):
    assert request(make())["Env"] == ["CAISSON_KEY_SERVER=https://keys.example:8443"]
    body = request(make(workload="w"))
    assert body["Env"] == ["CAISSON_KEY_SERVER=https://keys.example:8443", "CAISSON_WORKLOAD=w"]
    assert body["Labels"] == {LABEL: "w"}


def test_secrets_go_to_memory_that_is_the_programs_own(make):
    options = "mode=0700,uid=101,gid=102,noexec,nosuid,nodev"
    assert request(make())["HostConfig"]["Tmpfs"] == {"/run/caisson": options, "/tmp": options}


def test_inside_gramine_such_memory_is_the_enclaves_and_the_host_mounts_none(sgx):
    assert request(sgx())["HostConfig"]["Tmpfs"] == {}


def test_every_volume_of_the_image_is_named_for_the_container(make):
    assert [(m["Type"], m["Source"], m["Target"]) for m in request(make())["HostConfig"]["Mounts"]] == [
        ("bind", "/platform.sock", PLATFORM_SOCKET),
        ("volume", "caisson-redis-a-b", "/a/b"),
        ("volume", "caisson-redis-data", "/data"),
    ]
    mounts = request(make(volumes=(Volume(path="/data", name="mine"),)))["HostConfig"]["Mounts"]
    assert [mount["Source"] for mount in mounts] == ["/platform.sock", "caisson-redis-a-b", "mine"]


def test_ports_are_published_on_loopback_unless_asked_otherwise(make):
    publish = (Publish(container_port=1, host_port=2), Publish(container_port=1, host_port=3, host_address="::1"))
    body = request(make(publish=publish))
    assert body["ExposedPorts"] == {"1/tcp": {}}
    assert body["HostConfig"]["PortBindings"] == {
        "1/tcp": [{"HostIp": "127.0.0.1", "HostPort": "2"}, {"HostIp": "::1", "HostPort": "3"}]
    }


def test_on_sgx_it_gets_the_enclave_device_and_no_other(sgx):
    host = request(sgx(devices=SgxDevices(enclave="/dev/sgx/enclave", group=988)))["HostConfig"]
    assert host["Devices"] == [
        {"PathOnHost": "/dev/sgx/enclave", "PathInContainer": "/dev/sgx_enclave", "CgroupPermissions": "rw"}
    ]
    assert host["GroupAdd"] == ["988"]
    assert host["Mounts"][0]["Source"] == "/var/run/aesmd"


def test_without_sgx_it_gets_no_device(make):
    host = request(make())["HostConfig"]
    assert host["Devices"] == []
    assert "GroupAdd" not in host


def test_limits_are_in_the_engines_units(make):
    host = request(make(resources=Resources(memory=1 << 20, cpus=1.5), networks=("backend",)))["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["NetworkMode"]) == (1 << 20, 1_500_000_000, "backend")
