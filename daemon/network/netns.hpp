// Work inside another network namespace. Blocks: for threads of the pool.
#pragma once

namespace berth::network {

/// While this lives the calling thread is in the network namespace `fd` (setns(2)); afterwards it
/// is back. A thread that cannot return would do other people's work in a container's namespace:
/// then the process ends, loudly; containers live on.
class InNamespace {
 public:
  /// Throws Error, and then the thread has not moved.
  explicit InNamespace(int fd);
  InNamespace(const InNamespace&) = delete;
  InNamespace& operator=(const InNamespace&) = delete;
  ~InNamespace();

 private:
  int home_ = -1;
};

}  // namespace berth::network
