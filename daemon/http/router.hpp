// Finds the handler of a request.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/exchange.hpp"

namespace berth::http {

using Handler = std::function<Task<>(Exchange&)>;

enum class Runs {
  kOnControl,  // may touch control state
  kInline,     // on the socket's own thread: for handlers that touch no state, such as _ping
};

/// Filled before the first request, read-only afterwards: any thread may look up.
class Router {
 public:
  /// `experimental`: what every answer's header of that name says.
  explicit Router(bool experimental = false) : experimental_(experimental) {}

  bool is_experimental() const noexcept { return experimental_; }

  /// `pattern` such as "/containers/{id}/json"; a last name with dots, "/images/{name...}/json",
  /// takes several segments.
  void add(std::string_view method, std::string_view pattern, Handler handler,
           Runs runs = Runs::kOnControl);

  struct Match {
    const Handler* handler = nullptr;
    Runs runs = Runs::kOnControl;
    std::map<std::string, std::string, std::less<>> parameters;
  };
  /// `path` decoded. Throws Error{kNotFound} `page not found`.
  Match find(std::string_view method, std::string_view path) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> segments;
    Handler handler;
    Runs runs;
  };
  bool experimental_;
  std::vector<Route> routes_;
};

}  // namespace berth::http
