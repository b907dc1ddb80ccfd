"""Health checks: what they run, what they find, what they tell."""

import json

import pytest

from harness.wait import eventually

MS = 1_000_000
LIVE = ["sh", "-c", "touch /well; exec sleep 1000"]
CHECK = {"Test": ["CMD-SHELL", "echo looked; test -e /well"], "Interval": 50 * MS, "Retries": 2}


def health(daemon, container):
    return daemon.state(container).get("Health")


def becomes(daemon, container, status):
    return eventually(lambda: (h := health(daemon, container))["Status"] == status and h,
                      what=lambda: health(daemon, container))


def inside(daemon, container, *command):
    created = daemon.api.post(f"/containers/{container}/exec", {"Cmd": list(command)}, expect=201).json()["Id"]
    daemon.api.post(f"/exec/{created}/start", {"Detach": True}, expect=200)
    eventually(lambda: not daemon.api.get(f"/exec/{created}/json").json()["Running"])


def test_it_becomes_healthy_and_unhealthy_and_healthy_again(daemon):
    with daemon.api.stream() as stream:
        stream.request("GET", '/events?filters={"event":["health_status"]}')
        stream.head()
        container = daemon.run(command=LIVE, Healthcheck=CHECK)
        found = becomes(daemon, container, "healthy")
        assert found["FailingStreak"] == 0
        assert found["Log"][-1]["ExitCode"] == 0 and found["Log"][-1]["Output"] == "looked\n"
        assert found["Log"][-1]["Start"] <= found["Log"][-1]["End"]
        listed = daemon.api.get('/containers/json?filters={"health":["healthy"]}').json()
        assert [item["Id"] for item in listed] == [container]
        assert listed[0]["Status"].endswith("(healthy)")
        inside(daemon, container, "rm", "/well")
        assert becomes(daemon, container, "unhealthy")["FailingStreak"] >= 2
        inside(daemon, container, "touch", "/well")
        becomes(daemon, container, "healthy")
        told = [json.loads(stream.chunk())["Action"] for _ in range(3)]
    assert told == ["health_status: healthy", "health_status: unhealthy", "health_status: healthy"]
    assert len(eventually(lambda: len(log := health(daemon, container)["Log"]) == 5 and log)) == 5
    daemon.remove(container)


def test_nothing_is_known_before_the_first_check(daemon):
    container = daemon.run(command=LIVE, Healthcheck={**CHECK, "Interval": 3_600_000 * MS})
    assert health(daemon, container) == {"Status": "starting", "FailingStreak": 0, "Log": []}
    listed = daemon.api.get("/containers/json").json()
    assert listed[0]["Status"].endswith("(health: starting)")
    daemon.remove(container)


def test_failures_while_it_starts_do_not_count(daemon):
    check = {**CHECK, "Test": ["CMD", "test", "-e", "/later"], "StartPeriod": 3_600_000 * MS, "StartInterval": 20 * MS,
             "Interval": 3_600_000 * MS, "Retries": 1}
    container = daemon.run(command=LIVE, Healthcheck=check)
    eventually(lambda: len(health(daemon, container)["Log"]) >= 4)
    assert health(daemon, container)["Status"] == "starting"
    assert health(daemon, container)["FailingStreak"] == 0
    inside(daemon, container, "touch", "/later")
    becomes(daemon, container, "healthy")
    daemon.remove(container)


def test_a_check_that_hangs_is_killed(daemon):
    check = {**CHECK, "Test": ["CMD-SHELL", "echo begun; sleep 1000"], "Timeout": 100 * MS, "Retries": 1}
    container = daemon.run(command=LIVE, Healthcheck=check)
    found = becomes(daemon, container, "unhealthy")
    assert found["Log"][0]["ExitCode"] == -1
    assert "Health check exceeded timeout (100ms)" in found["Log"][0]["Output"] and "begun" in found["Log"][0]["Output"]
    daemon.remove(container)


def test_a_check_that_cannot_run_says_why(daemon):
    container = daemon.run(command=LIVE, Healthcheck={**CHECK, "Test": ["CMD", "no-such-program"], "Retries": 1})
    found = becomes(daemon, container, "unhealthy")
    assert found["Log"][0]["ExitCode"] != 0 and "no-such-program" in found["Log"][0]["Output"]
    daemon.remove(container)


def test_long_output_is_cut(daemon):
    container = daemon.run(command=LIVE, Healthcheck={**CHECK, "Test": ["CMD-SHELL", "yes | head -c 100000"]})
    found = becomes(daemon, container, "healthy")
    assert len(found["Log"][0]["Output"]) == 4096 + 3
    daemon.remove(container)


def test_it_stands_still_with_a_paused_container_and_ends_with_it(daemon):
    container = daemon.run(command=LIVE, Healthcheck=CHECK)
    becomes(daemon, container, "healthy")
    daemon.api.post(f"/containers/{container}/pause", expect=204)
    last = health(daemon, container)["Log"][-1]
    other = daemon.run(command=LIVE, Healthcheck=CHECK)
    eventually(lambda: len(health(daemon, other)["Log"]) >= 3)
    assert health(daemon, container)["Log"][-1]["Start"] <= last["Start"] or health(daemon, container)["Log"][-1]["ExitCode"] == 0
    daemon.api.post(f"/containers/{container}/unpause", expect=204)
    eventually(lambda: health(daemon, container)["Log"][-1]["Start"] > last["Start"])
    assert health(daemon, container)["Status"] == "healthy"
    daemon.api.post(f"/containers/{container}/kill", expect=204)
    assert health(daemon, container)["Status"] == "unhealthy"
    daemon.remove(container)
    daemon.remove(other)


def test_a_later_daemon_goes_on_with_it(daemon):
    container = daemon.run(command=LIVE, Healthcheck=CHECK)
    becomes(daemon, container, "healthy")
    daemon.restart(kill=True)
    assert health(daemon, container)["Status"] == "healthy"
    inside(daemon, container, "rm", "/well")
    becomes(daemon, container, "unhealthy")
    daemon.remove(container)


@pytest.mark.parametrize("check", [None, {"Test": ["NONE"]}, {}])
def test_without_a_check_there_is_no_health(daemon, check):
    container = daemon.run(command=LIVE, **({} if check is None else {"Healthcheck": check}))
    assert health(daemon, container) is None
    daemon.remove(container)


def test_bad_checks_are_refused(daemon):
    for check, message in (
        ({"Test": ["CMD"]}, "names no command"),
        ({"Test": ["WHAT", "x"]}, "'WHAT'"),
        ({"Test": ["CMD", "x"], "Interval": 1000}, "Interval in Healthcheck cannot be less than 1ms"),
        ({"Test": ["CMD", "x"], "Retries": -1}, "Retries"),
    ):
        answer = daemon.api.post("/containers/create", {"Image": "busybox", "Healthcheck": check})
        assert answer.status == 400 and message in answer.message


def test_the_client_gives_a_check(daemon):
    run = daemon.berth("run", "-d", "--health-cmd", "true", "--health-interval", "50ms", "--health-retries", "5", "busybox",
                       "sleep", "1000")
    container = run.stdout.strip()
    becomes(daemon, container, "healthy")
    assert "(healthy)" in daemon.berth("ps").stdout
    daemon.remove(container)
