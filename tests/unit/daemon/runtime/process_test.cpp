// How the container's program starts. Hidden, since it needs root; see launch_test.cpp.
#include <catch2/catch.hpp>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <termios.h>

#include "container_fixture.hpp"

namespace berth::runtime {

using Catch::Matchers::Contains;

TEST_CASE("programs that cannot be executed", "[.root]") {
  ContainerFixture container;
  ContainerFixture::write(container.lower() / "bin/plain", "not a program\n");
  ContainerFixture::write(container.lower() / "bin/garbage", "not a program\n");
  ContainerFixture::write(container.lower() / "bin/script", "#!/no/such/shell\n");
  for (const char* name : {"bin/garbage", "bin/script"})
    ::chmod((container.lower() / name).c_str(), 0755);
  const auto expect = [&](const char* program, int exit_code, const char* message) {
    container.process()["args"] = {program};
    const auto result = container.run();
    REQUIRE(result.failure);
    CHECK(result.failure->exit_code == exit_code);
    CHECK(result.failure->message == message);
    CHECK(result.failure->stage == Stage::kExec);
  };
  expect("nope", 127, "exec: \"nope\": executable file not found in $PATH");
  expect("", 127, "exec: \"\": executable file not found in $PATH");
  expect("plain", 127, "exec: \"plain\": executable file not found in $PATH");
  expect("/nope", 127, "exec: \"/nope\": stat /nope: no such file or directory");
  expect("/etc/passwd", 126, "exec: \"/etc/passwd\": permission denied");
  expect("/etc", 126, "exec: \"/etc\": permission denied");
  expect("/bin/garbage", 126, "exec: \"/bin/garbage\": exec format error");
  expect("/bin/script", 127, "exec: \"/bin/script\": no such file or directory");
}

TEST_CASE("a failed start leaves nothing", "[.root]") {
  ContainerFixture container;
  container.process()["args"] = {"nope"};
  CHECK(container.run().failure);
  const Cgroup group(detect_cgroups(), container.parsed().oci.cgroups_path);
  CHECK_FALSE(group.exists());
  container.oci()["mounts"].push_back(
      {{"destination", "/x"}, {"type", "bind"}, {"source", "/no/such"}, {"options", {"bind"}}});
  const auto result = container.run();
  REQUIRE(result.failure);
  CHECK_THAT(result.failure->message,
             Contains("/no/such") && Contains("no such file or directory"));
  CHECK_FALSE(group.exists());
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child, not even a zombie
}

TEST_CASE("users and groups", "[.root]") {
  ContainerFixture container;
  const auto id_of = [&](const char* user) {
    container.process()["user"]["username"] = user;
    return container.output_of("id -u; id -g; id -G; echo $HOME");
  };
  CHECK(id_of("") == "0\n0\n0 10\n/root\n");
  CHECK(id_of("app") == "1000\n1000\n1000 10\n/home/app\n");
  CHECK(id_of("1000") == "1000\n1000\n1000 10\n/home/app\n");
  CHECK(id_of("app:extra") == "1000\n2000\n2000\n/home/app\n");
  CHECK(id_of("4242") == "4242\n0\n0\n/\n");
  CHECK(id_of("4242:4243") == "4242\n4243\n4243\n/\n");
  CHECK(id_of("nobody") ==
        "failure: unable to find user nobody: no matching entries in passwd file");
  CHECK(id_of("app:none") ==
        "failure: unable to find group none: no matching entries in group file");
  container.process()["user"]["additionalGroups"] = {"extra", "77"};
  CHECK(id_of("app:app") == "1000\n1000\n1000 77 2000\n/home/app\n");
}

TEST_CASE("capabilities are what the specification says", "[.root]") {
  ContainerFixture container;
  const std::string line = container.output_of("grep Cap /proc/self/status");
  const std::string mask =
      "00000000080020e1";  // chown, dac_override, kill, setgid, setuid, net_raw, mknod
  CHECK_THAT(line, Contains("CapInh:\t0000000000000000") && Contains("CapAmb:\t0000000000000000"));
  CHECK_THAT(line, Contains("CapPrm:\t" + mask) || Contains("CapPrm:\t00000000080020e3"));
  container.process()["user"]["username"] = "app";
  CHECK_THAT(container.output_of("grep CapEff /proc/self/status"), Contains("0000000000000000"));
  auto& capabilities = container.process()["capabilities"];
  capabilities["inheritable"] = capabilities["permitted"];
  capabilities["ambient"] = {"CAP_NET_RAW"};
  CHECK_THAT(container.output_of("grep CapEff /proc/self/status"), Contains("0000000000002000"));
}

TEST_CASE("a capability that the engine lacks is a warning", "[.root]") {
  ContainerFixture container;
  for (const char* set : {"bounding", "effective", "permitted"}) {
    container.process()["capabilities"][set] = known_capabilities();
  }
  container.shell("true");
  const auto result = container.run();
  CHECK_FALSE(result.failure);
  const std::string status = read_file("/proc/self/status");
  const bool has_all = status.find("CapPrm:\t000001ffffffffff") != std::string::npos;
  CHECK(result.warnings.empty() == has_all);
}

TEST_CASE("limits, umask, working directory and environment", "[.root]") {
  ContainerFixture container;
  container.process()["rlimits"] = {{{"type", "RLIMIT_NOFILE"}, {"soft", 64}, {"hard", 128}},
                                    {{"type", "RLIMIT_CORE"}, {"soft", 0}, {"hard", 0}}};
  container.process()["cwd"] = "/made/on/the/way";
  container.process()["env"] = {"PATH=/bin", "A=b c", "HOME=/mine"};
  CHECK(container.output_of("ulimit -Sn; ulimit -Hn; umask; pwd; echo $A $HOME") ==
        "64\n128\n0022\n/made/on/the/way\nb c /mine\n");
  container.process()["cwd"] = "/etc/passwd";
  CHECK_THAT(container.output_of("true"), Contains("/etc/passwd") && Contains("not a directory"));
}

TEST_CASE("raising a limit without CAP_SYS_RESOURCE is a warning", "[.root]") {
  ContainerFixture container;
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  container.process()["rlimits"] = {
      {{"type", "RLIMIT_NOFILE"}, {"soft", before.rlim_max + 1}, {"hard", before.rlim_max + 1}}};
  container.shell("true");
  const auto result = container.run();
  CHECK_FALSE(result.failure);
  const bool may_raise =
      read_file("/proc/self/status").find("CapEff:\t000001ffffffffff") != std::string::npos;
  CHECK(result.warnings.empty() == may_raise);
}

TEST_CASE("no_new_privs", "[.root]") {
  ContainerFixture container;
  CHECK_THAT(container.output_of("grep NoNewPrivs /proc/self/status"), Contains("0"));
  container.process()["noNewPrivileges"] = true;
  CHECK_THAT(container.output_of("grep NoNewPrivs /proc/self/status"), Contains("1"));
}

TEST_CASE("sysctls of the container's own namespaces", "[.root]") {
  ContainerFixture container;
  container.oci()["linux"]["sysctl"]["net.core.somaxconn"] = "77";
  container.oci()["linux"]["sysctl"]["kernel.shm_rmid_forced"] = "1";
  const std::string host = read_file("/proc/sys/kernel/shm_rmid_forced");
  CHECK(container.output_of("cat /proc/sys/net/core/somaxconn /proc/sys/kernel/shm_rmid_forced") ==
        "77\n1\n");
  CHECK(read_file("/proc/sys/kernel/shm_rmid_forced") == host);
  container.oci()["linux"]["sysctl"]["net.no.such"] = "1";
  CHECK_THAT(container.output_of("true"),
             Contains("sysctl \"net/no/such\"") && Contains("no such file"));
}

TEST_CASE("a terminal", "[.root]") {
  ContainerFixture container;
  container.process()["terminal"] = true;
  container.process()["consoleSize"] = {{"height", 33}, {"width", 111}};
  container.process()["user"]["username"] = "app";
  container.shell("tty; stty size; stat -c %t:%T /dev/console; read line; echo got $line");
  const LaunchDocument document = container.parsed();
  InitProcess init = launch_init(document, container.options());
  const Fd master = std::move(init.terminal());
  REQUIRE(master);
  REQUIRE_FALSE(init.release());
  REQUIRE(::write(master.get(), "word\n", 5) == 5);
  std::string output;
  std::array<char, 256> chunk{};
  for (ssize_t got = 0; (got = ::read(master.get(), chunk.data(), chunk.size())) > 0;) {
    output.append(chunk.data(), static_cast<std::size_t>(got));  // ends with EIO
  }
  // The echo of our own word may come in between.
  CHECK_THAT(output, Contains("/dev/pts/0\r\n") && Contains("33 111\r\n") && Contains("88:0\r\n") &&
                         Contains("got word"));
  CHECK(ContainerFixture::reap(init) == 0);
}

TEST_CASE("one container joins another's namespaces", "[.root]") {
  ContainerFixture first;
  first.shell("hostname first; sleep 1000");
  for (const char* set : {"bounding", "effective", "permitted"})
    first.process()["capabilities"][set].push_back("CAP_SYS_ADMIN");
  const LaunchDocument document = first.parsed();
  InitProcess init = launch_init(document, first.options());
  REQUIRE_FALSE(init.release());
  const std::string ns = "/proc/" + std::to_string(init.pid()) + "/ns/";
  ContainerFixture second;
  second.oci().erase("hostname");
  second.oci()["linux"]["sysctl"] = nlohmann::json::object();
  second.oci()["linux"]["namespaces"] = {{{"type", "mount"}},
                                         {{"type", "pid"}, {"path", ns + "pid"}},
                                         {{"type", "network"}, {"path", ns + "net"}},
                                         {{"type", "ipc"}, {"path", ns + "ipc"}},
                                         {{"type", "uts"}, {"path", ns + "uts"}},
                                         {{"type", "cgroup"}}};
  second.shell(
      "test $$ != 1 && ps | grep -c 'sleep 1000'; cd /proc/self/ns; for n in net uts pid; do "
      "readlink $n; done");
  const auto result = second.run();
  REQUIRE_FALSE(result.failure);
  const auto link = [&](const char* name) {
    return std::filesystem::read_symlink(ns + name).native();
  };
  CHECK_THAT(result.output,
             Contains(link("net")) && Contains(link("uts")) && Contains(link("pid")));
  // A file that is no namespace of that type is refused.
  second.oci()["linux"]["namespaces"][1]["path"] = ns + "net";
  CHECK_THAT(second.run().failure->message, Contains("not one of the type"));
  init.cgroup()->kill_all();
  CHECK(ContainerFixture::reap(init) == 128 + SIGKILL);
}

TEST_CASE("the network can be wired while the container still mounts", "[.root]") {
  ContainerFixture container;
  container.shell("true");
  pid_t seen = 0;
  bool has_namespace = false;
  container.options().on_namespaces = [&](pid_t pid, int network_namespace) {
    seen = pid;
    struct stat own{};
    struct stat its{};
    has_namespace = ::stat("/proc/self/ns/net", &own) == 0 &&
                    ::fstat(network_namespace, &its) == 0 && own.st_ino != its.st_ino;
  };
  CHECK_FALSE(container.run().failure);
  CHECK(seen > 0);
  CHECK(has_namespace);
}

TEST_CASE("a container dies with its parent", "[.root]") {
  ContainerFixture container;
  container.shell("sleep 1000");
  Pipe pipe = make_pipe();
  const pid_t parent = ::fork();
  if (parent == 0) {
    const LaunchDocument document = container.parsed();
    InitProcess init = launch_init(document, container.options());
    if (init.release()) ::_exit(1);
    const pid_t pid = init.pid();
    (void)!::write(pipe.write.get(), &pid, sizeof pid);
    ::pause();
  }
  pid_t init = 0;
  REQUIRE(::read(pipe.read.get(), &init, sizeof init) == sizeof init);
  const Fd handle(static_cast<int>(::syscall(434 /* pidfd_open */, init, 0)));
  REQUIRE(handle);
  ::kill(parent, SIGKILL);
  ::waitpid(parent, nullptr, 0);
  pollfd entry{handle.get(), POLLIN, 0};
  CHECK(::poll(&entry, 1, 10'000) == 1);
  Cgroup group(detect_cgroups(), container.parsed().oci.cgroups_path);
  CHECK(group.remove());
}

TEST_CASE("the caller's own program cannot be written to from inside", "[.root]") {
  // /proc/self/exe as the program of a container, or a script's interpreter, is the binary of
  // whoever called launch_init(). Here a sealed copy stands for the shim.
  const auto program = std::filesystem::temp_directory_path() / ("berth-sealed-" + random_hex(6));
  std::filesystem::copy_file("/bin/busybox", program);
  const Fd sealed = seal_executable(program.native());
  std::filesystem::remove(program);
  const std::string path = "/proc/self/fd/" + std::to_string(sealed.get());
  CHECK(::open(path.c_str(), O_WRONLY | O_CLOEXEC) == -1);
  CHECK((errno == EROFS || errno == EPERM || errno == EACCES));
  const pid_t child = ::fork();
  if (child == 0) {
    const char* const arguments[] = {"sh", "-c", "echo x > /proc/$$/exe || exit 3", nullptr};
    ::execveat(sealed.get(), "", const_cast<char**>(&arguments[0]), environ, AT_EMPTY_PATH);
    ::_exit(99);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WEXITSTATUS(status) != 0);
  CHECK(WEXITSTATUS(status) != 99);
  CHECK_FALSE(own_executable_is_sealed());
}

}  // namespace berth::runtime
