#include "daemon/stats/proc_files.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <unistd.h>

#include "common/text.hpp"

namespace berth::stats {

namespace {

constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

/// With their modules loaded, these are in every namespace (net.core.fb_tunnels_only_for_init_net).
constexpr std::array<std::string_view, 10> kOfTheKernel = {
    "lo",      "tunl0",   "sit0",     "gre0",    "gretap0",
    "erspan0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0"};

std::vector<std::uint64_t> numbers(std::string_view text) {
  std::vector<std::uint64_t> list;
  for (const std::string_view word : split(text, ' ')) {
    if (!word.empty()) list.push_back(parse_number<std::uint64_t>(word).value_or(0));
  }
  return list;
}

}  // namespace

MachineCpu parse_machine_cpu(std::string_view text) {
  // user, nice, system, idle, iowait, irq, softirq: what is stolen from the machine is not its own,
  // and the time of guests is in "user" already.
  constexpr std::size_t kOwnTimes = 7;
  static const std::uint64_t kTick =
      kNanosecondsPerSecond / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  MachineCpu machine;
  for (const std::string_view line : split(text, '\n')) {
    if (!line.starts_with("cpu")) break;
    if (line.starts_with("cpu ")) {
      const auto times = numbers(line.substr(4));
      for (std::size_t index = 0; index < std::min(times.size(), kOwnTimes); ++index)
        machine.usage += times[index] * kTick;
    } else {
      ++machine.online;
    }
  }
  return machine;
}

std::map<std::string, api::NetworkStats> parse_interfaces(std::string_view text) {
  // Received: bytes packets errs drop fifo frame compressed multicast; the same again for sent.
  constexpr std::size_t kSent = 8;
  constexpr std::size_t kColumns = 16;
  std::map<std::string, api::NetworkStats> interfaces;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.rfind(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view name = trim(line.substr(0, colon));
    if (std::find(kOfTheKernel.begin(), kOfTheKernel.end(), name) != kOfTheKernel.end()) continue;
    const auto values = numbers(line.substr(colon + 1));
    if (values.size() < kColumns) continue;
    interfaces[std::string(name)] = {values[0],         values[1],        values[2],
                                     values[3],         values[kSent],    values[kSent + 1],
                                     values[kSent + 2], values[kSent + 3]};
  }
  return interfaces;
}

}  // namespace berth::stats
