#include "client/commands/streams.hpp"

#include "api/fields.hpp"

namespace berth::client {

Exchange begin_attach(Client& client, const AttachTarget& target) {
  const auto yes = [](bool wanted) { return wanted ? "1" : ""; };
  Request request;
  request.method = "POST";
  request.upgrade = true;
  request.target = "/containers/" + escape_url(target.container) + "/attach" +
                   query_string({{"stream", "1"},
                                 {"stdin", yes(target.input)},
                                 {"stdout", yes(target.output)},
                                 {"stderr", yes(target.error)},
                                 {"detachKeys", target.detach_keys}});
  return client.open(std::move(request));
}

Exchange begin_wait(Client& client, const std::string& container, const std::string& condition) {
  Request request;
  request.method = "POST";
  request.target =
      "/containers/" + escape_url(container) + "/wait" + query_string({{"condition", condition}});
  return client.open(std::move(request));
}

api::ContainerInspect inspect_container(Client& client, const std::string& name) {
  return api::from_text<api::ContainerInspect>(
      client.call("GET", "/containers/" + escape_url(name) + "/json"));
}

}  // namespace berth::client
