#include "daemon/container/exec.hpp"

#include <nlohmann/json.hpp>

#include "api/fields.hpp"
#include "common/error.hpp"
#include "daemon/container/container.hpp"

namespace berth::container {

std::string exec_memo(const Exec& exec) {
  // Without what only its start needs, which may be long.
  api::ExecCreateRequest memo = exec.request;
  memo.env.clear();
  return api::to_text(memo);
}

api::ExecCreateRequest request_from_memo(const std::string& memo) {
  return api::from_text<api::ExecCreateRequest>(memo);
}

void ExecIndex::add(const ContainerPtr& container, const ExecPtr& exec) {
  container->execs[exec->id] = exec;
  containers_[exec->id] = container;
}

FoundExec ExecIndex::find(const std::string& id) const {
  if (const auto entry = containers_.find(id); entry != containers_.end()) {
    if (ContainerPtr container = entry->second.lock(); container && container->execs.contains(id))
      return {container, container->execs.at(id)};
  }
  throw Error(ErrorKind::kNotFound, "No such exec instance: " + id);
}

}  // namespace berth::container
