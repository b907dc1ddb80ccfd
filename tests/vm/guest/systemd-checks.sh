# shellcheck shell=sh
# The checks of the virtual machine with systemd; each function check_NAME is a test of test_vm.py. Berth
# was installed by cmake --install and is started by its units.

wanted() { # wanted WHAT EXPECTED FOUND
  if [ "$2" != "$3" ]; then
    echo "$1: wanted \"$2\", found \"$3\""
    return 1
  fi
}

property() { systemctl show --property "$1" --value "$2"; }

container_pid() { berth inspect -f '{{.State.Pid}}' "$1"; }

start() {
  # As a package's script or the README's reader does it after an installation.
  systemd-sysusers && systemctl daemon-reload && systemctl start berth.socket berth.service && berth load -i /busybox.tar
}

check_the_service_told_that_it_is_ready() {
  wanted "ActiveState" active "$(property ActiveState berth.service)" && wanted "Type" notify "$(property Type berth.service)"
}

check_the_socket_is_for_the_group() {
  wanted "mode, owner and group" "660 root berth" "$(stat -c '%a %U %G' /run/berth.sock)"
}

check_run() { wanted output hello "$(berth run --rm busybox echo hello)"; }

check_apparmor() {
  cat /sys/module/apparmor/parameters/enabled
  berth info | grep -q apparmor || { berth info; return 1; }
  wanted "profile" "berth-default (enforce)" "$(berth run --rm busybox cat /proc/self/attr/current)" &&
    wanted "of a privileged container" unconfined "$(berth run --rm --privileged busybox cat /proc/self/attr/current)" &&
    wanted "where asked" unconfined "$(berth run --rm --security-opt apparmor=unconfined busybox cat /proc/self/attr/current)" ||
    return 1
  grep berth-default /sys/kernel/security/apparmor/profiles || return 1
  # Capabilities and filter would allow it; the profile does not.
  output=$(berth run --rm --cap-add SYS_ADMIN busybox mount -t tmpfs none /tmp 2>&1) && return 1
  echo "$output" | grep -i 'permission denied' || return 1
  berth run --rm --cap-add SYS_ADMIN --security-opt apparmor=unconfined busybox mount -t tmpfs none /tmp || return 1
  berth run --rm --security-opt apparmor=no-such-profile busybox true 2>&1 | grep no-such-profile
}

check_a_container_may_be_killed_and_signals_go_around() {
  id=$(berth run -d --init busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done')
  berth stop "$id" && wanted "exit code" 3 "$(berth wait "$id")"
}

check_limits_below_systemd() {
  id=$(berth run -d --memory 64m --pids-limit 17 busybox sleep 1000)
  group=$(find /sys/fs/cgroup -type d -name "*$id*" | head -n 1)
  wanted memory.max 67108864 "$(cat "$group/memory.max")" && wanted pids.max 17 "$(cat "$group/pids.max")"
}

check_a_restart_keeps_containers() {
  berth run -d --name kept busybox sleep 1000 || return 1
  before=$(container_pid kept)
  main=$(property MainPID berth.service)
  systemctl restart berth.service || return 1
  [ "$main" != "$(property MainPID berth.service)" ] || return 1
  wanted "process of the container" "$before" "$(container_pid kept)" && kill -0 "$before"
}

check_containers_live_while_it_is_stopped_and_the_socket_wakes_it() {
  berth run -d --name kept busybox sleep 1000 || return 1
  before=$(container_pid kept)
  systemctl stop berth.service || return 1
  wanted "ActiveState" inactive "$(property ActiveState berth.service)" || return 1
  kill -0 "$before" || return 1
  systemctl start berth.socket
  wanted "process of the container" "$before" "$(container_pid kept)" || return 1
  wanted "ActiveState" active "$(property ActiveState berth.service)"
}

check_a_killed_daemon_is_started_again() {
  berth run -d --name kept busybox sleep 1000 || return 1
  before=$(container_pid kept)
  main=$(property MainPID berth.service)
  kill -9 "$main"
  for _ in $(seq 100); do
    now=$(property MainPID berth.service)
    if [ "$now" != 0 ] && [ "$now" != "$main" ]; then break; fi
    usleep 100000
  done
  wanted "process of the container" "$before" "$(container_pid kept)"
}

check_nothing_of_systemd_is_felt_in_a_container() {
  berth run --rm busybox sh -c 'grep -E "^(NoNewPrivs|CapBnd)" /proc/self/status; cat /proc/self/oom_score_adj; ulimit -n; umask' >/tmp/felt
  cat /tmp/felt
  grep -qx 'NoNewPrivs:	0' /tmp/felt && grep -qx 0 /tmp/felt && grep -qx 0022 /tmp/felt
}

run_check() {
  echo "begin $1"
  if "$1"; then echo "end $1 ok"; else echo "end $1 failed"; fi
  # shellcheck disable=SC2046 # one argument a container
  berth rm -f $(berth ps -aq) >/dev/null 2>&1
}

echo "begin check_start"
if start; then
  echo "end check_start ok"
  # shellcheck disable=SC2013 # names, one a line
  for check in $(sed -n 's/^\(check_[a-z0-9_]*\)() .*/\1/p' "$0"); do
    run_check "$check"
  done
else
  systemctl --no-pager --full status berth.service berth.socket
  echo "end check_start failed"
fi
echo "berthd's log:"
journalctl --no-pager --unit berth.service --lines 60
