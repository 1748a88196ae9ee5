// SPDX-License-Identifier: Apache-2.0
#include "tools/end_watch.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <utility>

namespace portmatrix {

EndWatch::EndWatch(std::function<void()> on_end) : on_end_(std::move(on_end)) {
  sigset_t signals{};
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = FileDescriptor(signalfd(-1, &signals, SFD_CLOEXEC));
  leave_ = FileDescriptor(eventfd(0, EFD_CLOEXEC));
  thread_ = std::thread([this] { Watch(); });
}

EndWatch::~EndWatch() {
  const uint64_t one = 1;
  while (write(leave_.get(), &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
}

void EndWatch::Watch() {
  // Of standard output only its errors: a pipe whose reader left, a terminal that is gone.
  std::array<pollfd, 3> watched = {
      {{signals_.get(), POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {leave_.get(), POLLIN, 0}}};
  while (poll(watched.data(), watched.size(), -1) < 0 && errno == EINTR) {
  }
  if (watched[2].revents != 0) return;
  has_ended_ = true;
  on_end_();
}

}  // namespace portmatrix
