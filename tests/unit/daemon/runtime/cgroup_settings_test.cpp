#include "daemon/runtime/cgroup_settings.hpp"

#include <catch2/catch.hpp>

#include "daemon/runtime/cgroup_device_program.hpp"

namespace berth::runtime {

namespace {

/// "file=value" of each, in order.
std::vector<std::string> texts(const std::vector<CgroupSetting>& settings) {
  std::vector<std::string> result;
  for (const CgroupSetting& setting : settings)
    result.push_back(setting.file + "=" + setting.value);
  return result;
}

std::vector<std::string> v2_texts(const Resources& resources) {
  std::vector<std::string> warnings;
  return texts(v2_settings(resources, warnings));
}

using Texts = std::vector<std::string>;

DeviceRule rule(bool allow, char type, std::optional<std::uint32_t> major,
                std::optional<std::uint32_t> minor, unsigned access) {
  return {allow, type, major, minor, access};
}

constexpr unsigned kRead = DeviceRule::kRead;
constexpr unsigned kWrite = DeviceRule::kWrite;
constexpr unsigned kMknod = DeviceRule::kMknod;
constexpr unsigned kAll = kRead | kWrite | kMknod;

/// Runs the program as the kernel would: 1 lets in, 0 refuses. Knows the instructions that
/// device_program() uses, and fails the test on any other.
std::uint64_t run(const std::vector<bpf_insn>& program, char type, std::uint32_t major,
                  std::uint32_t minor, unsigned access) {
  std::array<std::uint64_t, 11> r{};
  unsigned kernel_access = 0;
  if ((access & kMknod) != 0) kernel_access |= BPF_DEVCG_ACC_MKNOD;
  if ((access & kRead) != 0) kernel_access |= BPF_DEVCG_ACC_READ;
  if ((access & kWrite) != 0) kernel_access |= BPF_DEVCG_ACC_WRITE;
  const std::array<std::uint32_t, 3> context = {
      kernel_access << 16U |
          static_cast<unsigned>(type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
      major, minor};
  for (std::size_t pc = 0; pc < program.size(); ++pc) {
    const bpf_insn& in = program[pc];
    const auto immediate = static_cast<std::uint64_t>(static_cast<std::int64_t>(in.imm));
    const auto jump_if = [&](bool yes) { pc += yes ? static_cast<std::size_t>(in.off) : 0; };
    switch (in.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        r[in.dst_reg] = context.at(static_cast<std::size_t>(in.off) / 4);
        break;
      case BPF_ALU64 | BPF_MOV | BPF_X:
        r[in.dst_reg] = r[in.src_reg];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        r[in.dst_reg] = immediate;
        break;
      case BPF_ALU64 | BPF_AND | BPF_K:
        r[in.dst_reg] &= immediate;
        break;
      case BPF_ALU64 | BPF_RSH | BPF_K:
        r[in.dst_reg] >>= immediate;
        break;
      case BPF_JMP | BPF_JNE | BPF_K:
        jump_if(r[in.dst_reg] != immediate);
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump_if(r[in.dst_reg] == immediate);
        break;
      case BPF_JMP | BPF_JNE | BPF_X:
        jump_if(r[in.dst_reg] != r[in.src_reg]);
        break;
      case BPF_JMP | BPF_EXIT:
        return r[0];
      default:
        FAIL("instruction " << static_cast<int>(in.code));
    }
  }
  FAIL("the program has no end");
  return 0;
}

}  // namespace

TEST_CASE("memory on v1 and v2") {
  Resources resources;
  resources.memory.limit = 100;
  resources.memory.swap = 300;
  resources.memory.reservation = 50;
  CHECK(texts(v1_settings(resources)) == Texts{"memory.limit_in_bytes=100",
                                               "memory.memsw.limit_in_bytes=300",
                                               "memory.soft_limit_in_bytes=50"});
  CHECK(v2_texts(resources) == Texts{"memory.max=100", "memory.swap.max=200", "memory.low=50"});
  resources.memory = {};
  resources.memory.limit = 100;
  resources.memory.swap = 100;
  CHECK(v2_texts(resources) == Texts{"memory.max=100", "memory.swap.max=0"});
  resources.memory.limit = -1;
  resources.memory.swap = -1;
  CHECK(v2_texts(resources) == Texts{"memory.max=max", "memory.swap.max=max"});
}

TEST_CASE("what v2 has no file for is a warning") {
  Resources resources;
  resources.memory.swappiness = 10;
  resources.memory.disable_oom_killer = true;
  resources.cpu.realtime_period = 1;
  std::vector<std::string> warnings;
  CHECK(v2_settings(resources, warnings).empty());
  CHECK(warnings.size() == 3);
}

TEST_CASE("CPU on v1 and v2") {
  Resources resources;
  resources.cpu.shares = 1024;
  resources.cpu.quota = 50000;
  resources.cpu.period = 100000;
  resources.cpu.cpus = "0-1";
  CHECK(texts(v1_settings(resources)) == Texts{"cpu.shares=1024", "cpu.cfs_period_us=100000",
                                               "cpu.cfs_quota_us=50000", "cpuset.cpus=0-1"});
  CHECK(v2_texts(resources) == Texts{"cpu.weight=100", "cpu.max=50000 100000", "cpuset.cpus=0-1"});
  resources.cpu = {};
  resources.cpu.quota = -1;
  CHECK(v2_texts(resources) == Texts{"cpu.max=max"});
}

TEST_CASE("shares and weights meet at both ends and at the default") {
  CHECK(cpu_weight_of_shares(0) == 100);
  CHECK(cpu_weight_of_shares(1) == 1);
  CHECK(cpu_weight_of_shares(2) == 1);
  CHECK(cpu_weight_of_shares(1024) == 100);
  CHECK(cpu_weight_of_shares(262144) == 10000);
  CHECK(cpu_weight_of_shares(~std::uint64_t{0}) == 10000);
  for (std::uint64_t shares = 2; shares < 262144; shares += 97) {
    REQUIRE(cpu_weight_of_shares(shares) <= cpu_weight_of_shares(shares + 97));
  }
  CHECK(io_weight_of_blkio(10) == 1);
  CHECK(io_weight_of_blkio(1000) == 10000);
  CHECK(io_weight_of_blkio(65535) == 10000);
}

TEST_CASE("processes and block devices") {
  Resources resources;
  resources.pids_limit = 0;
  CHECK(texts(v1_settings(resources)) == Texts{"pids.max=max"});
  resources.pids_limit = 7;
  resources.block_io.read_bps = {{8, 16, 1000}};
  resources.block_io.write_iops = {{8, 0, 5}};
  CHECK(texts(v1_settings(resources)) == Texts{"pids.max=7",
                                               "blkio.throttle.read_bps_device=8:16 1000",
                                               "blkio.throttle.write_iops_device=8:0 5"});
  CHECK(v2_texts(resources) == Texts{"pids.max=7", "io.max=8:16 rbps=1000", "io.max=8:0 wiops=5"});
}

TEST_CASE("device rules on v1") {
  Resources resources;
  resources.devices = {rule(false, 'a', {}, {}, kAll), rule(true, 'c', 1, 3, kRead | kWrite),
                       rule(true, 'b', {}, {}, kMknod), rule(true, 'a', 5, 1, kRead)};
  CHECK(texts(v1_settings(resources)) == Texts{"devices.deny=a", "devices.allow=c 1:3 rw",
                                               "devices.allow=b *:* m", "devices.allow=c 5:1 r",
                                               "devices.allow=b 5:1 r"});
  resources.devices = {rule(false, 'a', {}, {}, kAll), rule(true, 'a', {}, {}, kAll)};
  CHECK(v1_settings(resources).empty());
  CHECK(allows_every_device({}));
  resources.devices.push_back(rule(false, 'c', 1, 3, kRead));
  CHECK_FALSE(allows_every_device(resources.devices));
}

TEST_CASE("device rules as a BPF program") {
  const std::vector<DeviceRule> rules = {
      rule(false, 'a', {}, {}, kAll), rule(true, 'c', {}, {}, kMknod), rule(true, 'c', 1, 3, kAll),
      rule(true, 'c', 136, {}, kRead | kWrite), rule(true, 'b', 8, 1, kRead)};
  const auto program = device_program(rules);
  CHECK(run(program, 'c', 1, 3, kRead | kWrite) == 1);
  CHECK(run(program, 'c', 1, 5, kRead) == 0);
  CHECK(run(program, 'c', 1, 5, kMknod) == 1);
  CHECK(run(program, 'b', 1, 3, kRead) == 0);
  CHECK(run(program, 'b', 1, 3, kMknod) == 0);
  CHECK(run(program, 'c', 136, 77, kRead | kWrite) == 1);
  CHECK(run(program, 'c', 136, 77, kRead | kMknod) == 0);
  CHECK(run(program, 'b', 8, 1, kRead) == 1);
  CHECK(run(program, 'b', 8, 1, kRead | kWrite) == 0);
  CHECK(run(program, 'b', 8, 2, kRead) == 0);
}

TEST_CASE("the last device rule that matches decides, and no rule refuses") {
  CHECK(run(device_program(std::vector{rule(true, 'c', 1, 3, kRead)}), 'c', 1, 5, kRead) == 0);
  const auto program =
      device_program(std::vector{rule(true, 'c', 1, {}, kAll), rule(false, 'c', 1, 3, kWrite)});
  CHECK(run(program, 'c', 1, 3, kRead) == 1);
  CHECK(run(program, 'c', 1, 3, kRead | kWrite) == 0);
  CHECK(run(program, 'c', 1, 5, kWrite) == 1);
  // What precedes a rule for everything is unreachable, and the verifier would refuse it.
  CHECK(device_program(std::vector{rule(false, 'c', 1, 3, kAll), rule(true, 'a', {}, {}, kAll)})
            .size() == 8);
}

}  // namespace berth::runtime
