// Namespaces of a container: which to make, which to join (namespaces(7)).
#pragma once

#include "daemon/runtime/init_plan.hpp"
#include "daemon/runtime/init_report.hpp"

namespace berth::runtime {

/// CLONE_NEW... of the kind.
int clone_flag(NamespaceKind kind);

/// Opens the namespace at `path` and makes sure that it is one of that kind. Throws Error.
Fd open_namespace(const std::string& path, NamespaceKind kind);

/// Lets the children of this process be born into a process namespace, and back into its own at the
/// end of the scope. Empty `handle`: does nothing. Throws Error.
class ChildPidNamespace {
 public:
  explicit ChildPidNamespace(int handle);
  ChildPidNamespace(const ChildPidNamespace&) = delete;
  ChildPidNamespace& operator=(const ChildPidNamespace&) = delete;
  ~ChildPidNamespace();

 private:
  Fd own_;
};

/// In PID 1: joins and makes all of the plan's namespaces, names the host, brings the loopback
/// interface of a new network up.
bool enter_namespaces(const InitPlan& plan, Report& report);

/// A network namespace that nobody is in yet, its loopback interface up and the specification's
/// sysctls of networks set. For a single-threaded process, which is in it meanwhile. Throws
/// LaunchError, Error.
Fd make_network_namespace(const Spec& spec);

}  // namespace berth::runtime
