#include "daemon/runtime/cgroup_device_program.hpp"

#include <array>
#include <cstring>

#include <sys/syscall.h>
#include <unistd.h>

#include "common/error.hpp"
#include "common/fd.hpp"

namespace berth::runtime {

namespace {

enum Register : std::uint8_t {
  kResult = 0,
  kContext = 1,
  kType = 2,
  kAccess = 3,
  kMajor = 4,
  kMinor = 5
};

constexpr unsigned kAllAccess = BPF_DEVCG_ACC_MKNOD | BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE;

bpf_insn instruction(unsigned code, std::uint8_t target, std::uint8_t source, std::int16_t offset,
                     std::int32_t immediate) {
  bpf_insn result{};
  result.code = static_cast<std::uint8_t>(code);
  result.dst_reg = target & 0xfU;
  result.src_reg = source & 0xfU;
  result.off = offset;
  result.imm = immediate;
  return result;
}

bpf_insn load(Register target, std::size_t offset) {
  return instruction(BPF_LDX | BPF_MEM | BPF_W, target, kContext, static_cast<std::int16_t>(offset),
                     0);
}

void add_exit(std::vector<bpf_insn>& program, bool allow) {
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_K, kResult, 0, 0, allow ? 1 : 0));
  program.push_back(instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

unsigned kernel_access(const DeviceRule& rule) {
  unsigned access = 0;
  if ((rule.access & DeviceRule::kMknod) != 0) access |= BPF_DEVCG_ACC_MKNOD;
  if ((rule.access & DeviceRule::kRead) != 0) access |= BPF_DEVCG_ACC_READ;
  if ((rule.access & DeviceRule::kWrite) != 0) access |= BPF_DEVCG_ACC_WRITE;
  return access;
}

/// One rule; returns true when it matches everything, so that what would follow is never reached
/// (the verifier refuses unreachable instructions).
bool add_rule(std::vector<bpf_insn>& program, const DeviceRule& rule) {
  std::vector<std::size_t> jumps;  // to the next rule
  const auto jump_unless_equal = [&](Register what, std::uint32_t value) {
    jumps.push_back(program.size());
    program.push_back(
        instruction(BPF_JMP | BPF_JNE | BPF_K, what, 0, 0, static_cast<std::int32_t>(value)));
  };
  if (rule.type != 'a') {
    jump_unless_equal(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  }
  if (const unsigned access = kernel_access(rule); access != kAllAccess) {
    program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_X, kContext, kAccess, 0, 0));
    program.push_back(instruction(BPF_ALU64 | BPF_AND | BPF_K, kContext, 0, 0,
                                  static_cast<std::int32_t>(access)));
    jumps.push_back(program.size());
    // Allowing takes every bit that is asked for, denying any of them.
    program.push_back(rule.allow ? instruction(BPF_JMP | BPF_JNE | BPF_X, kContext, kAccess, 0, 0)
                                 : instruction(BPF_JMP | BPF_JEQ | BPF_K, kContext, 0, 0, 0));
  }
  if (rule.major) jump_unless_equal(kMajor, *rule.major);
  if (rule.minor) jump_unless_equal(kMinor, *rule.minor);
  add_exit(program, rule.allow);
  for (const std::size_t jump : jumps) {
    program[jump].off = static_cast<std::int16_t>(program.size() - jump - 1);
  }
  return jumps.empty();
}

long bpf(bpf_cmd command, bpf_attr& attributes) {
  return ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
}

template <typename Pointer>
std::uint64_t address(const Pointer* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer);
}

Fd load_program(const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insn_cnt = static_cast<std::uint32_t>(program.size());
  attributes.insns = address(program.data());
  attributes.license = address(&kLicense[0]);
  std::memcpy(&attributes.prog_name[0], "berth_devices", sizeof "berth_devices");
  return own_fd(static_cast<int>(bpf(BPF_PROG_LOAD, attributes)), "bpf", "device rules");
}

}  // namespace

std::vector<bpf_insn> device_program(std::span<const DeviceRule> rules) {
  std::vector<bpf_insn> program;
  program.push_back(load(kType, offsetof(bpf_cgroup_dev_ctx, access_type)));
  program.push_back(instruction(BPF_ALU64 | BPF_MOV | BPF_X, kAccess, kType, 0, 0));
  program.push_back(instruction(BPF_ALU64 | BPF_AND | BPF_K, kType, 0, 0, 0xffff));
  program.push_back(instruction(BPF_ALU64 | BPF_RSH | BPF_K, kAccess, 0, 0, 16));
  program.push_back(load(kMajor, offsetof(bpf_cgroup_dev_ctx, major)));
  program.push_back(load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor)));
  for (auto rule = rules.rbegin(); rule != rules.rend(); ++rule) {
    if (add_rule(program, *rule)) return program;
  }
  add_exit(program, false);
  return program;
}

void attach_device_program(int cgroup, std::span<const DeviceRule> rules) {
  std::array<std::uint32_t, 64> before{};
  bpf_attr query{};
  query.query.target_fd = static_cast<std::uint32_t>(cgroup);
  query.query.attach_type = BPF_CGROUP_DEVICE;
  query.query.prog_ids = address(before.data());
  query.query.prog_cnt = before.size();
  check_errno(bpf(BPF_PROG_QUERY, query), "bpf", "query of device rules");

  const Fd program = load_program(device_program(rules));
  bpf_attr attach{};
  attach.target_fd = static_cast<std::uint32_t>(cgroup);
  attach.attach_bpf_fd = static_cast<std::uint32_t>(program.get());
  attach.attach_type = BPF_CGROUP_DEVICE;
  attach.attach_flags = BPF_F_ALLOW_MULTI;
  check_errno(bpf(BPF_PROG_ATTACH, attach), "bpf", "attach of device rules");

  // All attached programs must agree, so the old ones go only now: never a moment without rules.
  for (std::uint32_t index = 0; index < query.query.prog_cnt; ++index) {
    bpf_attr by_id{};
    by_id.prog_id = before[index];
    const Fd old(static_cast<int>(bpf(BPF_PROG_GET_FD_BY_ID, by_id)));
    if (!old) continue;
    bpf_attr detach{};
    detach.target_fd = static_cast<std::uint32_t>(cgroup);
    detach.attach_bpf_fd = static_cast<std::uint32_t>(old.get());
    detach.attach_type = BPF_CGROUP_DEVICE;
    check_errno(bpf(BPF_PROG_DETACH, detach), "bpf", "detach of old device rules");
  }
}

}  // namespace berth::runtime
