// The body of every answer that is an error, and the small answers of one field.
#pragma once

#include "api/field.hpp"

namespace berth::api {

struct ErrorResponse {
  std::string message;

  static constexpr auto fields() { return std::tuple{field("message", &ErrorResponse::message)}; }
  bool operator==(const ErrorResponse&) const = default;
};

struct IdResponse {
  std::string id;

  static constexpr auto fields() { return std::tuple{field("Id", &IdResponse::id)}; }
  bool operator==(const IdResponse&) const = default;
};

}  // namespace berth::api
