"""State directories of instances."""

from pathlib import Path

import pytest

from lateen.errors import InputError
from lateen.infra.state import InstanceInfo, list_instances, open_instance, read_instance, state_root


def info(name: str) -> InstanceInfo:
    return InstanceInfo(name, 4711, "control.sock", "2024-05-01T10:00:00Z", ("shop",))


def test_the_runtime_directory_comes_before_the_state_directory(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "state").mkdir()
    both = {"XDG_RUNTIME_DIR": str(tmp_path / "run"), "XDG_STATE_HOME": str(tmp_path / "state")}
    assert state_root(both, 7) == tmp_path / "run" / "lateen"
    assert state_root({**both, "XDG_RUNTIME_DIR": str(tmp_path / "gone")}, 7) == tmp_path / "state" / "lateen"
    assert state_root({"XDG_STATE_HOME": "relative"}, 7) == Path("/tmp/lateen-7")  # noqa: S108 - only compared


def test_a_running_instance_is_known_to_others_until_it_is_closed(tmp_path: Path) -> None:
    root = tmp_path / "lateen"
    with open_instance(root, "a") as instance:
        assert read_instance(root, "a") is None, "it has not said anything yet"
        instance.announce(info("a"))
        assert read_instance(root, "a") == info("a")
        assert list_instances(root) == (info("a"),)
        assert instance.directory.stat().st_mode & 0o777 == 0o700
    assert read_instance(root, "a") is None
    assert list_instances(root) == ()
    assert list_instances(tmp_path / "nowhere") == ()


def test_two_instances_cannot_share_a_name(tmp_path: Path) -> None:
    with open_instance(tmp_path / "r", "a") as instance:
        instance.announce(info("a"))
        with pytest.raises(InputError, match=r"an instance named 'a' is already running \(pid 4711\)"):
            open_instance(tmp_path / "r", "a")
        with open_instance(tmp_path / "r", "b") as other:
            assert other.directory != instance.directory
    open_instance(tmp_path / "r", "a").close()


def test_what_an_instance_left_behind_is_stale_and_cleared_by_the_next(tmp_path: Path) -> None:
    first = open_instance(tmp_path / "r", "a")
    first.announce(info("a"))
    first.control_socket.touch()
    first.proxies.mkdir()
    (first.proxies / "envoy.log").touch()
    first._lock.close()  # as when the process is killed
    assert read_instance(tmp_path / "r", "a") is None
    with open_instance(tmp_path / "r", "a") as second:
        assert [entry.name for entry in second.directory.iterdir()] == ["lock"]


def test_logs_outlive_the_instance(tmp_path: Path) -> None:
    with open_instance(tmp_path / "r", "a") as instance:
        instance.proxies.mkdir()
        (instance.proxies / "envoy.log").touch()
        instance.control_socket.touch()
    assert (instance.proxies / "envoy.log").exists()
    assert not instance.control_socket.exists()


@pytest.mark.parametrize("name", ["", "..", "a/b", ".a", "a" * 64, "ä"])
def test_names_that_are_no_directory_names_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name an instance"):
        open_instance(tmp_path, name)


def test_a_path_too_long_for_a_socket_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="too long for the path of a socket"):
        open_instance(tmp_path / ("x" * 100), "a")


def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path) -> None:
    (tmp_path / "r").mkdir(mode=0o755)
    with pytest.raises(InputError, match="can be entered by others"):
        open_instance(tmp_path / "r", "a")


def test_a_link_in_place_of_the_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "r").symlink_to("real")
    with pytest.raises(InputError, match="is not a directory of this user"):
        open_instance(tmp_path / "r", "a")


def test_a_place_where_nothing_can_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="Not a directory"):
        open_instance(tmp_path / "file" / "r", "a")


def test_a_garbled_announcement_is_no_announcement(tmp_path: Path) -> None:
    with open_instance(tmp_path / "r", "a") as instance:
        (instance.directory / "instance.json").write_text('{"name": 1')
        assert read_instance(tmp_path / "r", "a") is None
