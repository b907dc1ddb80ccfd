// A line of the streams that pull, load and build answer with: JSON objects, one after another.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct ProgressDetail {
  std::int64_t current = 0;
  std::int64_t total = 0;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("current", &ProgressDetail::current, kOmitEmpty),
                      field("total", &ProgressDetail::total, kOmitEmpty)};
  }
  bool operator==(const ProgressDetail&) const = default;
};

struct ErrorDetail {
  int code = 0;
  std::string message;

  static constexpr auto fields() {
    using enum Rule;
    return std::tuple{field("code", &ErrorDetail::code, kOmitEmpty),
                      field("message", &ErrorDetail::message, kOmitEmpty)};
  }
  bool operator==(const ErrorDetail&) const = default;
};

struct ProgressMessage {
  std::string stream;  // text to show as it is
  std::string status;  // "Downloading"
  std::optional<ProgressDetail> progress_detail;
  std::string progress;  // the bar as text, for clients that draw none
  std::string id;        // what the status is about, such as a layer's short id
  std::optional<ErrorDetail> error_detail;
  std::string error;
  RawJson aux;

  static constexpr auto fields() {
    using enum Rule;
    using P = ProgressMessage;
    return std::tuple{field("stream", &P::stream, kOmitEmpty),
                      field("status", &P::status, kOmitEmpty),
                      field("progressDetail", &P::progress_detail, kOmitEmpty),
                      field("progress", &P::progress, kOmitEmpty),
                      field("id", &P::id, kOmitEmpty),
                      field("errorDetail", &P::error_detail, kOmitEmpty),
                      field("error", &P::error, kOmitEmpty),
                      field("aux", &P::aux, kOmitEmpty)};
  }
  bool operator==(const ProgressMessage&) const = default;
};

}  // namespace berth::api
