// Short questions to registries: who is asking, what is behind a name, what is there at all.
//
// Control thread; sockets work on the thread of transfers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "api/registry.hpp"
#include "common/image_reference.hpp"
#include "daemon/registry/credentials.hpp"
#include "daemon/registry/options.hpp"
#include "daemon/registry/transfer_thread.hpp"

namespace berth::registry {

struct SearchRequest {
  /// "nginx", "ann/tool" or "registry.example:5000/tool".
  std::string term;
  /// Of results; 1 to 100.
  std::size_t limit = 25;
  Credentials credentials;
};

class Queries {
 public:
  /// `transfers` must outlive the object.
  Queries(asio::any_io_executor control, TransferThread& transfers, Options options);
  Queries(const Queries&) = delete;
  Queries& operator=(const Queries&) = delete;
  ~Queries();

  /// Asks a registry whether the credentials are right, for `POST /auth`. Throws Error
  /// {kUnauthorized}.
  Task<> check_credentials(std::string registry, Credentials credentials);

  /// The manifest or index behind a name, and the platforms that it is for. Throws as a pull does.
  Task<api::DistributionInspect> inspect(ImageReference name, Credentials credentials);

  /// Asks the search service of Docker Hub, or of the registry that the term names (GET
  /// /v1/search); of a registry without one, the names in its catalogue. Throws Error.
  Task<std::vector<api::SearchResult>> search(SearchRequest request);

  /// At shut-down: returns when nothing of them is left on the thread of transfers.
  Task<> close();

  struct State;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace berth::registry
