// SPDX-License-Identifier: Apache-2.0
#include "agent/http_stream.h"

#include <microhttpd.h>
#include <poll.h>
#include <sys/socket.h>

#include <utility>

namespace portmatrix {

void HttpStream::Push(Text text) {
  if (is_gone_ || text->empty()) return;
  // The first text may be on its way, whatever its size.
  if (!waiting_.empty() && waiting_bytes_ + text->size() > max_waiting_bytes_) {
    CutOff();
    return;
  }
  waiting_bytes_ += text->size();
  waiting_.push_back(std::move(text));
  Wake();
}

ssize_t HttpStream::Read(char* to, size_t max) {
  if (is_gone_) return MHD_CONTENT_READER_END_WITH_ERROR;
  if (waiting_.empty()) {
    is_suspended_ = true;
    MHD_suspend_connection(connection_);
    return 0;
  }
  size_t copied = 0;
  while (copied < max && !waiting_.empty()) {
    const std::string& first = *waiting_.front();
    const size_t part = first.copy(to + copied, max - copied, offset_);
    copied += part;
    offset_ += part;
    if (offset_ < first.size()) continue;
    waiting_bytes_ -= first.size();
    waiting_.pop_front();
    offset_ = 0;
  }
  return static_cast<ssize_t>(copied);
}

void HttpStream::Wake() {
  if (!is_suspended_ || connection_ == nullptr) return;
  is_suspended_ = false;
  MHD_resume_connection(connection_);
  if (awaken_) awaken_();
}

void HttpStream::LookForReader() {
  if (is_gone_ || connection_ == nullptr) return;
  const auto* found = MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (found == nullptr) return;
  pollfd hung_up{found->connect_fd, 0, 0};
  if (poll(&hung_up, 1, 0) > 0 && (hung_up.revents & (POLLHUP | POLLERR)) != 0) CutOff();
}

void HttpStream::CutOff() {
  is_gone_ = true;
  waiting_.clear();
  waiting_bytes_ = 0;
  if (connection_ == nullptr) return;
  // A reader that takes nothing is not asked again before its buffer has room: the socket's end
  // makes the server see it at once.
  const auto* found = MHD_get_connection_info(connection_, MHD_CONNECTION_INFO_CONNECTION_FD);
  if (found != nullptr) shutdown(found->connect_fd, SHUT_RDWR);
  Wake();
  if (awaken_) awaken_();
}

}  // namespace portmatrix
