# shellcheck shell=sh
# The checks of the virtual machine; each function check_NAME is a test of test_vm.py. The host has
# control groups v2 alone and Debian's kernel.

berth() { command berth -H unix:///run/berth.sock "$@"; }

wanted() { # wanted WHAT EXPECTED FOUND
  if [ "$2" != "$3" ]; then
    echo "$1: wanted \"$2\", found \"$3\""
    return 1
  fi
}

group_of() {
  if [ -n "$1" ]; then find /sys/fs/cgroup -type d -name "*$1*" | head -n 1; fi
}

start_daemon() { # start_daemon [FLAG...]
  berthd "$@" --config-file /daemon.json --data-root /var/lib/berth --exec-root /run/berth -H unix:///run/berth.sock \
    </dev/null >>/tmp/berthd.log 2>&1 &
  daemon=$!
  for _ in $(seq 300); do
    if berth version >/dev/null 2>&1; then return 0; fi
    usleep 100000
  done
  cat /tmp/berthd.log
  return 1
}

limited() { # limited FLAG...: a container with them; prints its control group
  group_of "$(berth run -d "$@" busybox sleep 1000)"
}

check_kernel_is_debians() {
  uname -r | grep -q '^6\.1\.' || { uname -r; return 1; }
  test ! -e /sys/fs/cgroup/memory
}

check_daemon_knows_cgroup_v2() { berth info | grep -i 'cgroup version: 2'; }

check_pause() {
  id=$(berth run -d busybox sh -c 'while :; do echo x; usleep 10000; done')
  group=$(group_of "$id")
  berth pause "$id" && wanted cgroup.freeze 1 "$(cat "$group/cgroup.freeze")" &&
    wanted state paused "$(berth inspect -f '{{.State.Status}}' "$id")" &&
    berth unpause "$id" && wanted cgroup.freeze 0 "$(cat "$group/cgroup.freeze")" &&
    berth pause "$id" && berth rm -f "$id" && test ! -e "$group"
}

check_update() {
  id=$(berth run -d --memory 64m busybox sleep 1000)
  group=$(group_of "$id")
  berth update --memory 96m --memory-swap 96m --cpus 0.25 --cpu-shares 512 --pids-limit 77 "$id" &&
    wanted memory.max 100663296 "$(cat "$group/memory.max")" &&
    wanted cpu.max "25000 100000" "$(cat "$group/cpu.max")" &&
    wanted pids.max 77 "$(cat "$group/pids.max")"
}

check_crun() { wanted output "by crun" "$(berth run --rm --runtime crun busybox echo by crun)"; }

check_runc() { wanted output "by runc" "$(berth run --rm --runtime runc busybox echo by runc)"; }

check_run() { wanted output hello "$(berth run --rm busybox echo hello)"; }

check_exit_codes() {
  berth run --rm busybox sh -c 'exit 42'
  wanted "exit code" 42 $? || return 1
  berth run --rm busybox nosuchprogram
  wanted "exit code" 127 $?
}

check_memory() {
  group=$(limited --memory 64m --memory-reservation 32m --memory-swap 64m)
  wanted memory.max 67108864 "$(cat "$group/memory.max")" &&
    wanted memory.low 33554432 "$(cat "$group/memory.low")" &&
    if [ -e "$group/memory.swap.max" ]; then wanted memory.swap.max 0 "$(cat "$group/memory.swap.max")"; fi
}

check_out_of_memory() {
  berth run --name oom --memory 16m --memory-swap 16m busybox tail /dev/zero
  wanted "exit code" 137 $? || return 1
  wanted OOMKilled true "$(berth inspect -f '{{.State.OOMKilled}}' oom)"
}

check_out_of_memory_is_told_at_once() {
  berth run -d --name goes-on --memory 16m --memory-swap 16m busybox sh -c 'tail /dev/zero; exec sleep 1000' >/dev/null
  for _ in $(seq 100); do
    told=$(berth inspect -f '{{.State.OOMKilled}} {{.State.Running}}' goes-on)
    [ "$told" = "true true" ] && break
    usleep 100000
  done
  wanted "OOMKilled and Running" "true true" "$told" &&
    wanted "events" goes-on "$(berth events --since 1m --until 0s --filter event=oom --filter container=goes-on \
      --format '{{.Actor.Attributes.name}}' | head -n 1)"
}

check_stats() {
  berth run -d --name used --memory 64m --pids-limit 17 busybox sh -c 'while :; do :; done' >/dev/null
  line=$(berth stats --no-stream --format '{{.Name}} {{.CPUPerc}} {{.MemUsage}} {{.PIDs}}' used)
  echo "$line"
  case $line in
    "used 0.00%"*) return 1 ;;
    "used "*%*" / 64MiB 1") ;;
    *) return 1 ;;
  esac
  received=$(berth stats --no-stream --format '{{.NetIO}}' used)
  echo "$received"
  test "$received" != "0B / 0B"
}

check_cpu() {
  # 512 shares are 59 by the conversion that keeps the default of 1024 shares at the default weight of 100.
  group=$(limited --cpus 1.5 --cpu-shares 512)
  wanted cpu.max "150000 100000" "$(cat "$group/cpu.max")" && wanted cpu.weight 59 "$(cat "$group/cpu.weight")"
}

check_cpuset() {
  group=$(limited --cpuset-cpus 1)
  wanted cpuset.cpus 1 "$(cat "$group/cpuset.cpus")" &&
    wanted Cpus_allowed_list 1 "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$(head -n 1 "$group/cgroup.procs")/status")"
}

check_pids() {
  group=$(limited --pids-limit 17)
  wanted pids.max 17 "$(cat "$group/pids.max")"
}

check_block_io() {
  group=$(limited --device-read-bps /dev/vda:10mb --device-write-iops /dev/vda:300)
  cat "$group/io.max"
  grep -q 'rbps=10485760' "$group/io.max" && grep -q 'wiops=300' "$group/io.max"
}

check_devices_are_allowed_by_list() {
  # A full device refuses the write; busybox's echo says so, its head does not.
  berth run --rm busybox sh -c 'echo x >/dev/null && ! echo x >/dev/full 2>/dev/null && head -c 4 /dev/urandom | wc -c' |
    grep -qx 4
}

check_other_devices_are_refused() {
  output=$(berth run --rm busybox sh -c 'mknod /disk b 254 0 && head -c 1 /disk' 2>&1)
  echo "$output"
  echo "$output" | grep -q 'Operation not permitted'
}

check_a_device_on_request() {
  wanted "bytes read" 512 "$(berth run --rm --device /dev/vda:/dev/mydisk:r busybox sh -c 'head -c 512 /dev/mydisk | wc -c')" &&
    berth run --rm --device /dev/vda:/dev/mydisk:r busybox sh -c 'echo x >/dev/mydisk' 2>&1 | grep -q 'Operation not permitted'
}

check_a_device_by_rule() {
  script='mknod /disk b 254 0 && head -c 512 /disk | wc -c; echo x >/disk'
  output=$(berth run --rm --device-cgroup-rule 'b 254:* r' busybox sh -c "$script" 2>&1)
  echo "$output"
  echo "$output" | grep -qx 512 && echo "$output" | grep -q 'Operation not permitted'
}

check_init() { wanted "PID 1" docker-init "$(berth run --rm --init busybox cat /proc/1/comm)"; }

check_joined_namespaces() {
  berth run -d --name donor --ipc shareable busybox sh -c 'echo word >/dev/shm/file; exec sleep 1000' || return 1
  berth run --rm --ipc container:donor --pid container:donor --network container:donor busybox \
    sh -c 'until [ -e /dev/shm/file ]; do usleep 1000; done; cat /dev/shm/file; ps' >/tmp/joined
  cat /tmp/joined
  grep -qx word /tmp/joined && grep -q 'sleep 1000' /tmp/joined
}

check_read_only_below_a_mount() {
  mkdir -p /tmp/top/below && mount -t tmpfs none /tmp/top/below
  output=$(berth run --rm -v /tmp/top:/m:ro busybox sh -c 'touch /m/x; touch /m/below/x' 2>&1)
  umount /tmp/top/below
  wanted refusals 2 "$(echo "$output" | grep -c 'Read-only file system')"
}

restart_daemon() { # restart_daemon [FLAG...]
  kill "$daemon"
  wait "$daemon"
  start_daemon "$@"
}

check_user_namespaces() {
  echo 'remapped:x:4000:4000::/:/bin/false' >>/etc/passwd
  echo 'remapped:100000:65536' | tee /etc/subuid >/etc/subgid
  restart_daemon --userns-remap remapped || return 1
  berth run -d --name mapped --memory 64m busybox sh -c 'touch /mine; chown 7 /mine; sleep 1000' || return 1
  group=$(group_of "$(berth inspect -f '{{.Id}}' mapped)")
  first=$(head -n 1 "$group/cgroup.procs")
  cat "/proc/$first/status"
  wanted "user on the host" 100000 "$(awk '/^Uid:/{print $2}' "/proc/$first/status")" &&
    wanted memory.max 67108864 "$(cat "$group/memory.max")" &&
    wanted "owners inside" "0 0" "$(berth run --rm busybox stat -c %u /bin /etc/hosts | xargs)" &&
    wanted "owner on disk" 7 "$(stat -c %u /var/lib/berth/layers/overlay2/writable/*/diff/mine)" &&
    wanted "joined" 0 "$(berth run --rm --network container:mapped --pid container:mapped busybox id -u)" &&
    wanted "devices" "1:3 5" "$(berth run --rm --init busybox \
      sh -c 'echo x >/dev/null; stat -c %t:%T /dev/null; head -c 5 /dev/zero | wc -c' | xargs)" &&
    wanted "in the host's" "0 0 4294967295" "$(berth run --rm --userns host busybox cat /proc/self/uid_map | xargs)"
  result=$?
  # shellcheck disable=SC2046 # one argument a container
  berth rm -f $(berth ps -aq) >/dev/null 2>&1
  restart_daemon && return $result
}

check_own_cgroup_namespace() { wanted /proc/self/cgroup 0::/ "$(berth run --rm busybox cat /proc/self/cgroup)"; }

check_overlay_root() { berth run --rm busybox sh -c 'echo x >/new && cat /proc/self/mountinfo' | head -n 1 | grep ' overlay '; }

check_published_port() {
  berth run -d --name web -p 8080:80 busybox sh -c 'echo page >/index.html; exec httpd -f -p 80 -h /' >/dev/null || return 1
  for _ in $(seq 50); do
    page=$(wget -qO- http://127.0.0.1:8080/) && break
    usleep 100000
  done
  wanted page page "$page"
}

check_exec() {
  id=$(berth run -d --memory 64m busybox sleep 1000)
  group=$(berth exec "$id" sh -c 'cat /proc/self/cgroup; exit 5')
  wanted "exit code" 5 $? && wanted group 0::/ "$group" || return 1
  berth exec -d "$id" sh -c 'sleep 999 & wait' &&
    for _ in $(seq 100); do
      if [ "$(wc -l <"$(group_of "$id")/cgroup.procs")" = 3 ]; then break; fi
      usleep 100000
    done
  wanted "processes in the group" 3 "$(wc -l <"$(group_of "$id")/cgroup.procs")" || return 1
  berth exec "$id" sh -c 'mknod /disk b 254 0 && head -c 1 /disk' 2>&1 | grep -q 'Operation not permitted' &&
    berth rm -f "$id"
}

check_exec_beside_an_init_that_went_down() {
  id=$(berth run -d --privileged busybox sh -c 'mkdir /sys/fs/cgroup/init && echo 1 >/sys/fs/cgroup/init/cgroup.procs &&
    echo +pids >/sys/fs/cgroup/cgroup.subtree_control && sleep 1000')
  for _ in $(seq 100); do
    if grep -q pids "$(group_of "$id")/cgroup.subtree_control"; then break; fi
    usleep 100000
  done
  wanted "the group of the session" 0::/init "$(berth exec "$id" cat /proc/self/cgroup)" && berth rm -f "$id"
}

check_stop_removes_the_group() {
  container=$(berth run -d busybox sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done')
  group=$(group_of "$container")
  test -d "$group" || return 1
  berth stop "$container" >/dev/null
  wanted "exit code" 3 "$(berth wait "$container")" || return 1
  for _ in $(seq 50); do
    [ -d "$group" ] || return 0
    usleep 100000
  done
  echo "$group is still there"
  return 1
}

last_line() { berth logs --tail 1 "$1"; }

count_on() { # count_on CONTAINER NUMBER: waits until its counter is beyond that
  for _ in $(seq 100); do
    if [ "$(last_line "$1")" -gt "$2" ]; then return 0; fi
    usleep 100000
  done
  berth logs "$1"
  return 1
}

# shellcheck disable=SC2016 # it is the container's shell that counts
counter() { berth run -d "$@" busybox sh -c 'i=0; while :; do echo $i; i=$((i+1)); usleep 50000; done'; }

check_checkpoint() {
  counter --name saved --memory 64m >/dev/null
  count_on saved 3 && wanted name first "$(berth checkpoint create --leave-running saved first)" || return 1
  wanted state running "$(berth inspect -f '{{.State.Status}}' saved)" && count_on saved "$(last_line saved)" || return 1
  berth checkpoint create saved second && wanted state "exited 137" \
    "$(berth inspect -f '{{.State.Status}} {{.State.ExitCode}}' saved)" || return 1
  before=$(last_line saved)
  berth start --checkpoint second saved && count_on saved "$before" || return 1
  wanted "lines that came twice or never" "" "$(berth logs saved | awk '$1 != NR - 1')"
  wanted "PID 1's group" "0::/" "$(berth exec saved cat /proc/1/cgroup)" &&
    wanted limit 67108864 "$(cat "$(group_of "$(berth inspect -f '{{.Id}}' saved)")/memory.max")" &&
    wanted list "CHECKPOINT NAME first second" "$(berth checkpoint ls saved | xargs)" &&
    berth checkpoint rm saved first && wanted list "CHECKPOINT NAME second" "$(berth checkpoint ls saved | xargs)" &&
    berth stop -t 1 saved && berth start --checkpoint second saved && count_on saved "$before"
}

check_checkpoint_outlives_the_daemon() {
  counter --name kept >/dev/null
  count_on kept 3 && berth checkpoint create --checkpoint-dir /tmp/points kept one || return 1
  before=$(last_line kept)
  berth start --checkpoint one --checkpoint-dir /tmp/points kept || return 1
  kill -9 "$daemon"
  wait "$daemon"
  start_daemon && count_on kept "$before" && berth checkpoint create --checkpoint-dir /tmp/points kept two || return 1
  before=$(last_line kept)
  # Another container of the same image goes on in its stead, with its own address and log.
  berth create --name heir busybox true >/dev/null
  berth start --checkpoint two --checkpoint-dir /tmp/points heir && count_on heir "$before" &&
    berth exec heir ifconfig eth0 | grep -q 172.17
}

check_checkpoint_with_connections() {
  berth run -d --name server -p 8090:8090 busybox sh -c 'while :; do nc -l -p 8090 -e cat; done' >/dev/null
  address=$(berth inspect -f '{{.NetworkSettings.IPAddress}}' server)
  for _ in $(seq 50); do
    if [ "$(echo one | nc -w 5 "$address" 8090)" = one ]; then break; fi
    usleep 100000
  done
  berth checkpoint create server listening && berth start --checkpoint listening server || return 1
  address=$(berth inspect -f '{{.NetworkSettings.IPAddress}}' server)
  wanted answer two "$(echo two | nc -w 5 "$address" 8090)"
  wanted "answer at the published port" three "$(echo three | nc -w 5 127.0.0.1 8090)"
}

check_checkpoint_refusals() {
  berth run -d -t --name screen busybox sleep 1000 >/dev/null
  berth checkpoint create screen one 2>&1 | grep -q 'with a terminal' || return 1
  berth create --name resting busybox true >/dev/null
  berth checkpoint create resting one 2>&1 | grep -q 'it is not running' || return 1
  berth start --checkpoint none resting 2>&1 | grep -q 'checkpoint none does not exist' || return 1
  # What criu cannot bring back leaves nothing behind.
  counter --name broken >/dev/null
  count_on broken 1 && berth checkpoint create broken one || return 1
  id=$(berth inspect -f '{{.Id}}' broken)
  rm "/var/lib/berth/containers/$id/checkpoints/one/"pages-1.img
  berth start --checkpoint one broken 2>&1 | grep 'criu restore' || return 1
  test -z "$(group_of "$id")" && wanted state exited "$(berth inspect -f '{{.State.Status}}' broken)" && berth start broken
}

check_kill_of_the_daemon() {
  container=$(berth run -d --name survivor busybox sleep 1000)
  kill -9 "$daemon"
  wait "$daemon"
  start_daemon || return 1
  wanted state running "$(berth inspect -f '{{.State.Status}}' survivor)" && berth stop -t 1 "$container" >/dev/null
}

run_check() { # in this shell, since some checks restart the daemon
  echo "begin $1"
  if "$1"; then echo "end $1 ok"; else echo "end $1 failed"; fi
  # shellcheck disable=SC2046 # one argument a container
  berth rm -f $(berth ps -aq) >/dev/null 2>&1
}

check_nothing_is_left() {
  kill "$daemon" && wait "$daemon"
  wanted "the daemon's exit code" 0 $? || return 1
  wanted "overlays mounted on the host" 0 "$(grep -c overlay /proc/mounts)" &&
    wanted "control groups of containers" "" "$(find /sys/fs/cgroup -type d -regex '.*[0-9a-f]\{64\}.*')"
}

echo '{}' >/daemon.json
echo "begin check_start"
if start_daemon && berth load -i /busybox.tar; then
  echo "end check_start ok"
  # shellcheck disable=SC2013 # names, one a line
  for check in $(sed -n 's/^\(check_[a-z0-9_]*\)() .*/\1/p' "$0"); do
    run_check "$check"
  done
else
  echo "end check_start failed"
fi
echo "berthd's log:"
cat /tmp/berthd.log
