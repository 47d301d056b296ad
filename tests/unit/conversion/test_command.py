import pytest

from caisson.conversion import find_program, merge_command, merge_environment, resolve_user
from caisson.errors import UsageError

PASSWD = "root:x:0:0:root:/root:/bin/sh\nredis:x:101:102::/var/lib/redis:/usr/sbin/nologin\nbroken:x:no:1::/:\n"
GROUP = "root:x:0:\nredis:x:102:\nssl-cert:x:103:redis\n"


@pytest.mark.parametrize(
    ("entrypoint", "cmd", "command"),
    [
        (None, ("/bin/a",), ("/bin/a",)),
        (("/bin/a",), None, ("/bin/a",)),
        (("/bin/a", "b"), ("x", "y"), ("/bin/a", "b", "x", "y")),
        (("/bin/sh", "-c", "exec a $X"), None, ("/bin/sh", "-c", "exec a $X")),
        ((), ("/bin/a", ""), ("/bin/a", "")),
    ],
)
def test_no_word_of_a_command_is_lost(entrypoint, cmd, command):
    assert merge_command(entrypoint, cmd) == command


@pytest.mark.parametrize(("entrypoint", "cmd"), [(None, None), ((), ()), (("",), ("x",))])
def test_an_image_without_a_command_is_refused(entrypoint, cmd):
    with pytest.raises(UsageError, match="does not say what to run") as failure:
        merge_command(entrypoint, cmd)
    assert "command" in failure.value.hint


def test_the_recipe_overrules_the_image_and_path_is_always_there():
    assert merge_environment(["A=1", "B=x=y", "C"], {"A": "2"}) == {
        "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "A": "2",
        "B": "x=y",
    }


def test_the_images_own_path_counts():
    assert merge_environment(["PATH=/opt/bin"], {})["PATH"] == "/opt/bin"


def test_a_variable_without_a_name_is_refused():
    with pytest.raises(UsageError, match="inside an enclave"):
        merge_environment(["=x"], {})


@pytest.mark.parametrize(
    ("word", "found"),
    [("tool", "/usr/bin/tool"), ("/opt/tool", "/opt/tool"), ("./tool", "/srv/./tool"), ("bin/tool", "/srv/bin/tool")],
)
def test_a_program_is_found_as_execvp_finds_it(word, found):
    have = {"/usr/bin/tool", "/opt/tool", "/srv/./tool", "/srv/bin/tool"}
    assert find_program(word, path="/bin::relative:/usr/bin", working_dir="/srv", exists=have.__contains__) == found


def test_a_program_that_is_not_there_says_where_it_was_looked_for():
    with pytest.raises(UsageError, match="`/bin/tool`, `/usr/bin/tool`"):
        find_program("tool", path="/bin:/usr/bin", working_dir="/", exists=lambda _: False)


def test_shell_form_without_a_shell_says_so():
    with pytest.raises(UsageError, match="shell form"):
        find_program("/bin/sh", path="/bin", working_dir="/", exists=lambda _: False)


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ("", "0:0"),
        ("0", "0:0"),
        ("redis", "101:102"),
        ("101", "101:102"),
        ("1234", "1234:0"),
        ("redis:ssl-cert", "101:103"),
        ("redis:7", "101:7"),
        ("5:6", "5:6"),
    ],
)
def test_users_are_resolved_by_the_images_own_tables(user, expected):
    assert str(resolve_user(user, passwd=PASSWD, group=GROUP)) == expected


def test_without_tables_root_is_still_root():
    assert str(resolve_user("", passwd="", group="")) == "0:0"


@pytest.mark.parametrize("user", ["nobody", "redis:nobody", "broken"])
def test_names_that_the_tables_do_not_have_are_refused(user):
    with pytest.raises(UsageError, match="does not know"):
        resolve_user(user, passwd=PASSWD, group=GROUP)
