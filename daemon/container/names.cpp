#include "daemon/container/names.hpp"

#include <random>

#include "daemon/container/names_data.hpp"

namespace berth::container {

namespace {

constexpr int kTriesBeforeDigits = 5;

template <std::size_t Size>
std::string_view pick(const std::array<std::string_view, Size>& words, std::random_device& source) {
  return words[source() % Size];
}

}  // namespace

std::string random_name(const std::function<bool(std::string_view)>& taken) {
  std::random_device source;
  for (int attempt = 0;; ++attempt) {
    std::string name(pick(kAdjectives, source));
    name.append("_").append(pick(kSeaWords, source));
    if (attempt >= kTriesBeforeDigits) name += std::to_string(source() % 100000);
    if (!taken(name)) return name;
  }
}

}  // namespace berth::container
