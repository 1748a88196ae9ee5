// SPDX-License-Identifier: Apache-2.0
// Tells when policy files may have changed (--watch): folders are watched, not files, for editors
// and ConfigMaps replace files by renaming. Quiet until nothing more happens for a moment.
#ifndef PORTMATRIX_AGENT_POLICY_WATCH_H_
#define PORTMATRIX_AGENT_POLICY_WATCH_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"
#include "agent/event_loop.h"

namespace portmatrix {

inline constexpr uint64_t kQuietMilliseconds = 500;

class PolicyWatch {
 public:
  // `paths`: files, whose folder is watched, and folders, which are watched with all below.
  // `changed` may find everything as it was.
  static Result<std::unique_ptr<PolicyWatch>> Start(EventLoop& loop, std::vector<std::string> paths,
                                                    std::function<void()> changed);

 private:
  PolicyWatch(FileDescriptor fd, std::vector<std::string> paths, std::function<void()> changed)
      : fd_(std::move(fd)), paths_(std::move(paths)), changed_(std::move(changed)) {}

  void Read();
  // Adding what is watched already changes nothing, so this is also how new folders come in.
  Result<void> WatchAll();
  Result<void> WatchFolder(const std::string& folder);

  FileDescriptor fd_;
  std::vector<std::string> paths_;
  std::function<void()> changed_;
  EventLoop::Timer* quiet_ = nullptr;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_WATCH_H_
