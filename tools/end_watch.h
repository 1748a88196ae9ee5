// SPDX-License-Identifier: Apache-2.0
// Sees when a command that goes on by itself shall end: SIGINT, SIGTERM or SIGHUP, or nobody reads
// its standard output any more. While it lives, those signals and SIGPIPE end nothing by
// themselves.
#ifndef PORTMATRIX_TOOLS_END_WATCH_H_
#define PORTMATRIX_TOOLS_END_WATCH_H_

#include <atomic>
#include <functional>
#include <thread>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {

class EndWatch {
 public:
  // Calls `on_end` once, in a thread of its own. To be made before other threads are.
  explicit EndWatch(std::function<void()> on_end);
  EndWatch(const EndWatch&) = delete;
  EndWatch& operator=(const EndWatch&) = delete;
  ~EndWatch();

  bool has_ended() const { return has_ended_; }

 private:
  void Watch();

  std::function<void()> on_end_;
  std::atomic<bool> has_ended_ = false;
  FileDescriptor signals_;
  FileDescriptor leave_;  // readable: the watch itself is over
  std::thread thread_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_END_WATCH_H_
