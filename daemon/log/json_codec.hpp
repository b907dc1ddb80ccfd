// A line of a json-file log, as the shim and other engines write it:
//
//   {"log":"hello\n","stream":"stdout","attrs":{"tag":"x"},"time":"2024-05-06T07:08:09.123456789Z"}
#pragma once

#include "daemon/log/entry.hpp"

namespace berth::logs {

class JsonCodec final : public Codec {
 public:
  Found decode(std::string_view data, Entry& entry) const override;
  Found measure(std::string_view data) const override;
  std::map<std::string, std::string> attributes(std::string_view kept) const override;
};

}  // namespace berth::logs
