"""`caisson deploy` and `caisson upgrade`, on images that are built here."""

import errno
import json

import pytest
import yaml

from caisson.cli.app import run

OPTIONS = ("--repository", "registry.example/hello", "--key-server", "https://keys.example:8443")
SOCKET = ("--platform-socket", "/srv/platform.sock")


def build(desk, tag="1", **changes):
    text = (desk / "caisson.toml").read_text()
    for name, value in changes.items():
        text = text.replace(f"{name} = 3", f"{name} = {value}")
    (desk / f"recipe-{tag}.toml").write_text(text)
    assert run(["build", "--recipe", f"recipe-{tag}.toml", "--key", "key.pem", "rootfs:root", f"oci:out:{tag}"]) == 0
    return f"oci:out:{tag}"


@pytest.fixture
def image(desk, capsys):
    reference = build(desk)
    capsys.readouterr()
    return reference


def test_one_file_is_printed_and_pinned_by_the_images_digest(image, capsys):
    assert run(["deploy", "run", image, *OPTIONS, *SOCKET]) == 0
    out = capsys.readouterr().out
    assert run(["verify", image, "--json"]) == 0
    digest = json.loads(capsys.readouterr().out)["digest"]
    assert out.splitlines()[-1].strip() == f"registry.example/hello@{digest}"
    assert "--name hello" in out


@pytest.mark.parametrize(
    ("platform", "name"), [("run", "run.sh"), ("compose", "compose.yaml"), ("swarm", "stack.yaml")]
)
def test_a_directory_gets_the_files_and_keeps_them_without_force(image, capsys, desk, platform, name):
    words = ["deploy", platform, image, *OPTIONS, *SOCKET, "--output", "files"]
    assert run(words) == 0
    assert capsys.readouterr().out == f"files/{name}\n"
    assert (desk / "files" / name).stat().st_mode & 0o111 == (0o111 if platform == "run" else 0)
    assert run(words) == 2
    assert "error: `files/" in capsys.readouterr().err
    assert run([*words, "--force"]) == 0


def test_a_changed_image_is_not_deployed(image, capsys, desk):
    blob = max((desk / "out" / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    content = bytearray(blob.read_bytes())
    content[-9] ^= 1
    blob.write_bytes(content)
    assert run(["deploy", "run", image, *OPTIONS, *SOCKET]) == 1
    assert capsys.readouterr().out == ""


@pytest.mark.usefixtures("desk")
def test_a_plain_image_is_not_deployed(capsys):
    assert run(["deploy", "run", "rootfs:root", *OPTIONS, *SOCKET]) == 1
    assert "no confidential image" in capsys.readouterr().err


@pytest.mark.parametrize("evidence", [(), ("--aesmd", *SOCKET)])
def test_there_is_one_provider_of_evidence(capsys, evidence):
    assert run(["deploy", "run", "oci:out:1", *OPTIONS, *evidence]) == 2
    assert "error: name one provider of evidence" in capsys.readouterr().err


def test_an_image_that_no_engine_pulls_needs_a_repository(image, capsys):
    assert run(["deploy", "run", image, *OPTIONS[2:], *SOCKET]) == 2
    assert "say with `--repository`" in capsys.readouterr().err


def test_aesmd_does_not_vouch_for_a_native_image(image, capsys):
    assert run(["deploy", "compose", image, *OPTIONS, "--aesmd"]) == 2
    assert "only the software platform vouches for it" in capsys.readouterr().err


@pytest.mark.parametrize("pin", ["caisson/aesmd:latest", "caisson/aesmd@sha256:12", ""])
def test_an_aesmd_without_a_digest_is_refused(capsys, pin):
    assert run(["deploy", "compose", "oci:out:1", *OPTIONS, "--aesmd-image", pin]) == 2
    assert "does not end in `@sha256:`" in capsys.readouterr().err


def test_limits_and_names_reach_the_file(image, capsys):
    more = ("--name", "greeter", "--memory", "64M", "--cpus", "0.5", "--network", "backend", "--workload", "other")
    assert run(["deploy", "compose", image, *OPTIONS, *SOCKET, *more]) == 0
    service = yaml.safe_load(capsys.readouterr().out)["services"]["greeter"]
    assert (service["mem_limit"], service["cpus"], service["networks"]) == (64 << 20, 0.5, ["backend"])
    assert service["environment"]["CAISSON_WORKLOAD"] == "other"


@pytest.mark.parametrize("platform", ["run", "compose"])
def test_on_this_machine_the_platforms_socket_may_be_named_from_the_working_directory(image, capsys, desk, platform):
    assert run(["deploy", platform, image, *OPTIONS, "--platform-socket", "state/platform.sock"]) == 0
    assert str(desk / "state/platform.sock") in capsys.readouterr().out


def test_on_other_machines_nobody_knows_where_a_relative_path_begins(image, capsys):
    assert run(["deploy", "swarm", image, *OPTIONS, "--platform-socket", "state/platform.sock"]) == 2
    assert capsys.readouterr().err.endswith("hint: write the whole path, from `/` on, as each host has it\n")


@pytest.fixture
def declaring(desk, capsys):
    """Build an image with a line more in its recipe."""

    def declaring(line):
        (desk / "caisson.toml").write_text(f"{line}\n{(desk / 'caisson.toml').read_text()}")
        image = build(desk)
        capsys.readouterr()
        return image

    return declaring


@pytest.mark.parametrize("platform", ["run", "compose", "swarm"])
def test_a_port_that_the_image_does_not_declare_is_published_and_pointed_at(declaring, capsys, platform):
    image = declaring("ports = [8080]")
    words = ["deploy", platform, image, *OPTIONS, *SOCKET]
    assert run([*words, "--publish", "18443:9", "--publish", "18080:8080"]) == 0
    out, err = capsys.readouterr()
    assert "18443" in out
    assert err.splitlines() == [
        "warning: the image does not declare port 9, so there may be nothing behind what you publish; it declares: 8080"
    ]
    assert run([*words, "--publish", "8080"]) == 0
    assert capsys.readouterr().err == ""


def test_kubernetes_offers_no_port_that_the_image_does_not_declare(declaring, capsys):
    image = declaring("ports = [8080]")
    words = ["deploy", "kubernetes", image, *OPTIONS, *SOCKET, "--flavour", "nodevice"]
    assert run([*words, "--publish", "9"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "error: the image does not expose port 9, so its Service does not have it",
        "hint: it exposes: 8080",
    ]


def test_a_volume_that_has_another_name_than_before_is_pointed_at(declaring, capsys):
    words = ["deploy", "compose", declaring('volumes = ["/x"]'), *OPTIONS, *SOCKET, "--name"]
    assert run([*words, "app-db"]) == 0
    out, err = capsys.readouterr()
    assert list(yaml.safe_load(out)["volumes"]) == ["caisson_app-db_x"]
    assert err == (
        "note: `/x` is kept in the volume `caisson_app-db_x`; earlier versions kept it in `caisson-app-db-x`, which may"
        " be another deployment's, too; if your data is there, add `--volume caisson-app-db-x:/x`\n"
    )
    assert run([*words, "app-db", "--volume", "caisson-app-db-x:/x"]) == 0
    out, err = capsys.readouterr()
    assert list(yaml.safe_load(out)["volumes"]) == ["caisson-app-db-x"]
    assert err == ""
    assert run([*words, "app-db", "--replicas", "2"]) == 0
    assert "if your data is there, copy it: docs/reference/deploy.md says how" in capsys.readouterr().err
    assert run([*words, "app"]) == 0
    assert capsys.readouterr().err == ""


def test_a_specification_of_devices_needs_no_image(capsys):
    assert run(["deploy", "cdi"]) == 0
    assert [device["name"] for device in json.loads(capsys.readouterr().out)["devices"]] == ["enclave", "provision"]


def write_policy(capsys, reference):
    assert run(["verify", reference, "--json"]) == 0
    measured = json.loads(capsys.readouterr().out)["mrenclave"]
    words = ["policy", "create", "--root", "intel-sgx", "--mrenclave", measured, "--key-server", "11" * 32]
    assert run([*words, "--minimum-evaluation-number", "1", "--output", "hello.policy.toml"]) == 0
    capsys.readouterr()


def test_a_plan_says_what_breaks_and_writes_policies_for_the_way(desk, image, capsys):
    write_policy(capsys, image)
    new = build(desk, "2", isv_svn=4)
    capsys.readouterr()
    words = ["upgrade", "plan", image, new, "--policy", "hello.policy.toml", "--output", "way", "--on", "swarm"]
    assert run(words) == 0
    out = capsys.readouterr().out
    assert "sgx.isvsvn: 3 → 4" in out
    assert "policy `hello` refuses it: another mrenclave" in out
    order = [
        out.index(word)
        for word in ("way/hello.both.toml", "docker stack deploy", "caisson attest", "way/hello.new.toml")
    ]
    assert order == sorted(order)
    assert (desk / "way" / "hello.both.toml").read_text().count("mrenclave") == 2
    assert (desk / "way" / "hello.new.toml").read_text().count("mrenclave") == 1
    assert run([*words, "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["policies"] == {"hello": ["another mrenclave"]}


def test_a_downgrade_is_a_no(desk, image, capsys):
    older = build(desk, "0", isv_svn=2)
    capsys.readouterr()
    assert run(["upgrade", "plan", image, older]) == 1
    assert "security version 2 is lower than 3" in capsys.readouterr().err


def test_an_image_is_no_upgrade_of_itself(desk, image, capsys):
    write_policy(capsys, image)
    words = ["upgrade", "plan", image, image, "--policy", "hello.policy.toml", "--output", "way"]
    assert run(words) == 0
    assert capsys.readouterr() == (
        "nothing changes: it is the same image\nwhat breaks\n  nothing that is known here\n",
        "",
    )
    assert run([*words, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["changes"], found["steps"]) == ([], [])
    assert not (desk / "way").exists()


@pytest.mark.parametrize("force", [[], ["--force"]])
@pytest.mark.parametrize("fits", [0, 1])
def test_a_disk_that_is_full_leaves_nothing_that_was_not_there(image, desk, capsys, monkeypatch, fits, force):
    """The space is enough for none of the files, or for one of them; directories that were there stay."""
    written = []

    def fsync(_descriptor):
        written.append(None)
        if len(written) > fits:
            raise OSError(errno.ENOSPC, "No space left on device")

    (desk / "there").mkdir()
    monkeypatch.setattr("caisson.cli.files.os.fsync", fsync)
    words = ["deploy", "helm", image, *OPTIONS, *SOCKET, "--flavour", "nodevice", *force]
    for output in ("new/chart", "there", "there/new"):
        written.clear()
        assert run([*words, "--output", output]) == 2
        assert "No space left on device" in capsys.readouterr().err
    assert not (desk / "new").exists()
    assert list((desk / "there").iterdir()) == []


def test_what_was_there_stays_when_the_disk_is_full(image, desk, capsys, monkeypatch):
    (desk / "files").mkdir()
    (desk / "files" / "run.sh").write_text("mine")

    def full(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("caisson.cli.files.os.fsync", full)
    assert run(["deploy", "run", image, *OPTIONS, *SOCKET, "--output", "files", "--force"]) == 2
    assert "No space left" in capsys.readouterr().err
    assert [(each.name, each.read_text()) for each in (desk / "files").iterdir()] == [("run.sh", "mine")]
