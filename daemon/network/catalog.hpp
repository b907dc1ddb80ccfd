// The networks as users know them: named, listed, made and removed, and on record. The service
// below knows how they work. Control thread.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/network.hpp"
#include "common/prune_filter.hpp"
#include "daemon/async/mutex.hpp"
#include "daemon/network/definition.hpp"
#include "daemon/network/service.hpp"
#include "daemon/state/database.hpp"

namespace berth::network {

/// Filters of the API by name, each with its values.
using NetworkFilters = std::map<std::string, std::vector<std::string>>;

class Catalog {
 public:
  /// What happened to which network, with the attributes of the event.
  using Publish = std::function<void(std::string_view action, const std::string& id,
                                     std::map<std::string, std::string> attributes)>;

  /// Reads what is on record. Blocking, at start-up. Throws Error.
  Catalog(const asio::any_io_executor& control, BlockingPool& fast, NetworkService& service,
          state::Database& database, Settings settings, Publish publish);

  /// Makes the networks on record. After service.start(), before containers are adopted. One that
  /// cannot be made is logged, and its containers do not start.
  Task<> restore();

  Task<api::NetworkCreateResponse> create(api::NetworkCreateRequest request);
  /// Throws Error: kNotFound, kForbidden for the built-in networks and while containers are on it.
  Task<> remove(std::string name);
  Task<api::NetworksPruned> prune(PruneFilter filter);

  /// Throws Error{kInvalidArgument} for a filter that the API does not know.
  std::vector<api::Network> list(const NetworkFilters& filters) const;
  api::Network inspect(std::string_view name) const;

  /// By id, name or the beginning of an id. Throws Error: kNotFound, or kInvalidArgument when
  /// several ids begin so.
  const Definition& find(std::string_view name) const;
  /// The same, but null where nothing is found.
  const Definition* look_up(std::string_view name) const;
  bool is_built_in(const Definition& definition) const;

 private:
  const Definition& find_by_id(std::string_view beginning) const;
  api::Network shown(const Definition& definition, const NetworkInfo& info,
                     bool with_containers) const;
  void add_built_in(const NetworkInfo& info);
  std::vector<Subnet> used_subnets() const;
  Task<> make(Definition definition);
  Task<> take_away(NetworkId id);
  void tell(std::string_view action, const Definition& definition) const;

  BlockingPool& pool_;
  NetworkService& service_;
  state::Database& database_;
  Settings settings_;
  Publish publish_;
  AsyncMutex changes_;  // networks come and go one at a time
  std::map<std::string, Definition, std::less<>> definitions_;  // by id
};

}  // namespace berth::network
