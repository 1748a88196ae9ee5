// SPDX-License-Identifier: Apache-2.0
#include "agent/policy_watch.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

constexpr uint32_t kEvents = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_CLOSE_WRITE | IN_MODIFY |
                             IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF;
// Symbolic links that lead to symbolic links: as many as the kernel follows.
constexpr int kMostLinks = 40;

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
    self->first_event_.reset();
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
    if (auto done = WatchWayTo(fs::absolute(path, ignored), kMostLinks); !done) return done;
    if (!fs::is_directory(path, ignored)) continue;
    if (auto done = WatchFolder(path); !done) return done;
    for (fs::recursive_directory_iterator at(path, ignored), end; at != end;
         at.increment(ignored)) {
      if (ignored) break;
      const bool is_link = at->is_symlink(ignored);
      if (!is_link && !at->is_directory(ignored)) continue;
      auto done = is_link ? WatchWayTo(fs::absolute(at->path(), ignored), kMostLinks)
                          : WatchFolder(at->path());
      if (!done) return done;
    }
  }
  return {};
}

Result<void> PolicyWatch::WatchWayTo(const fs::path& path, int links) {
  fs::path so_far;
  for (const fs::path& part : path) {
    so_far /= part;
    std::error_code ignored;
    if (!fs::is_symlink(so_far, ignored)) continue;
    const fs::path folder = so_far.parent_path();
    if (auto done = WatchFolder(folder); !done) return done;
    const fs::path target = fs::read_symlink(so_far, ignored);
    if (ignored || links == 0) continue;
    if (auto done = WatchWayTo((folder / target).lexically_normal(), links - 1); !done) return done;
  }
  return WatchFolder(path.parent_path());
}

Result<void> PolicyWatch::WatchFolder(const fs::path& folder) {
  const fs::path watched = folder.empty() ? "." : folder;
  if (inotify_add_watch(fd_.get(), watched.c_str(), kEvents | IN_ONLYDIR) >= 0) return {};
  // What is gone comes back in the folder above it, or in the one above that.
  if ((errno == ENOENT || errno == ENOTDIR) && watched.has_relative_path())
    return WatchFolder(watched.has_parent_path() ? watched.parent_path() : ".");
  return Error{"watch", watched.string(), errno, ""};
}

void PolicyWatch::Read() {
  alignas(inotify_event) std::array<char, 16384> buffer{};
  while (read(fd_.get(), buffer.data(), buffer.size()) > 0) {
  }
  const auto now = std::chrono::steady_clock::now();
  if (!first_event_) first_event_ = now;
  // Whoever writes without a pause is answered all the same, if only by an alarm.
  if (quiet_->is_set() && now - *first_event_ > kMostPatience) return;
  quiet_->Set(kQuietMilliseconds);
}

bool PolicyWatch::Disturbed() const {
  pollfd events{fd_.get(), POLLIN, 0};
  return poll(&events, 1, 0) > 0;
}

void PolicyWatch::LookAgain() { quiet_->Set(kQuietMilliseconds); }

}  // namespace portmatrix
