// SPDX-License-Identifier: Apache-2.0
#include "agent/policy_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <system_error>

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_DELETE |
                             IN_DELETE_SELF | IN_MOVE_SELF;

}  // namespace

Result<std::unique_ptr<PolicyWatch>> PolicyWatch::Start(EventLoop& loop,
                                                        std::vector<std::string> paths,
                                                        std::function<void()> changed) {
  FileDescriptor fd(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!fd.valid()) return Error{"watch", "policy files", errno, ""};
  std::unique_ptr<PolicyWatch> made(
      new PolicyWatch(std::move(fd), std::move(paths), std::move(changed)));
  PolicyWatch* self = made.get();
  if (auto watched = made->WatchAll(); !watched) return watched.error();
  Result<EventLoop::Timer*> timer = loop.MakeTimer([self] {
    (void)self->WatchAll();
    self->changed_();
  });
  if (!timer) return timer.error();
  made->quiet_ = *timer;
  if (auto done = loop.OnReadable(made->fd_.get(), [self] { self->Read(); }); !done)
    return done.error();
  return made;
}

Result<void> PolicyWatch::WatchAll() {
  for (const std::string& path : paths_) {
    std::error_code ignored;
    if (!fs::is_directory(path, ignored)) {
      const fs::path folder = fs::path(path).parent_path();
      if (auto done = WatchFolder(folder.empty() ? "." : folder.string()); !done) return done;
      continue;
    }
    if (auto done = WatchFolder(path); !done) return done;
    for (fs::recursive_directory_iterator at(path, ignored), end; at != end;
         at.increment(ignored)) {
      if (ignored) break;
      if (!at->is_directory(ignored)) continue;
      if (auto done = WatchFolder(at->path().string()); !done) return done;
    }
  }
  return {};
}

Result<void> PolicyWatch::WatchFolder(const std::string& folder) {
  // One that is gone since it was listed is no failure: its parent tells of it.
  if (inotify_add_watch(fd_.get(), folder.c_str(), kEvents | IN_ONLYDIR) < 0 && errno != ENOENT)
    return Error{"watch", folder, errno, ""};
  return {};
}

void PolicyWatch::Read() {
  alignas(inotify_event) std::array<char, 16384> buffer;
  while (read(fd_.get(), buffer.data(), buffer.size()) > 0) {
  }
  quiet_->Set(kQuietMilliseconds);
}

}  // namespace portmatrix
