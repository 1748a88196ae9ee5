// SPDX-License-Identifier: Apache-2.0
// Tells when policy files may have changed (--watch): folders are watched, not files, for editors
// and ConfigMaps replace files by renaming; and with each symbolic link the folder that it stands
// in. Quiet until nothing more happens for a moment, so a thousand changes are one.
#ifndef PORTMATRIX_AGENT_POLICY_WATCH_H_
#define PORTMATRIX_AGENT_POLICY_WATCH_H_

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"
#include "agent/event_loop.h"

namespace portmatrix {

inline constexpr uint64_t kQuietMilliseconds = 500;
inline constexpr std::chrono::seconds kMostPatience{5};

class PolicyWatch {
 public:
  // `paths`: files, whose folder is watched, and folders, which are watched with all below.
  // `changed` may find everything as it was, and files of others in those folders may be all that
  // changed.
  static Result<std::unique_ptr<PolicyWatch>> Start(EventLoop& loop, std::vector<std::string> paths,
                                                    std::function<void()> changed);

  // Did anything change since `changed` was called? What was read meanwhile may be half of each.
  bool Disturbed() const;
  // Calls `changed` again after a moment, if nothing else does.
  void LookAgain();

 private:
  PolicyWatch(FileDescriptor fd, std::vector<std::string> paths, std::function<void()> changed)
      : fd_(std::move(fd)), paths_(std::move(paths)), changed_(std::move(changed)) {}

  void Read();
  // Adding what is watched already changes nothing, so this is also how new folders come in.
  Result<void> WatchAll();
  // The folders of every symbolic link on the way, and of what it leads to.
  Result<void> WatchWayTo(const std::filesystem::path& path, int links);
  Result<void> WatchFolder(const std::filesystem::path& folder);

  FileDescriptor fd_;
  std::vector<std::string> paths_;
  std::function<void()> changed_;
  EventLoop::Timer* quiet_ = nullptr;
  std::optional<std::chrono::steady_clock::time_point> first_event_;  // since it was quiet
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_WATCH_H_
