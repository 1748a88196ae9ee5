// SPDX-License-Identifier: Apache-2.0
// An answer without an end: texts that are pushed while the reader listens. What waits for a reader
// is bounded; one that falls further behind, or is dead, is cut off, and nobody waits for it.
#ifndef PORTMATRIX_AGENT_HTTP_STREAM_H_
#define PORTMATRIX_AGENT_HTTP_STREAM_H_

#include <sys/types.h>

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

struct MHD_Connection;

namespace portmatrix {

class HttpStream {
 public:
  // One text may be shared by many readers, and may be larger than what may wait behind it.
  using Text = std::shared_ptr<const std::string>;

  explicit HttpStream(size_t max_waiting_bytes) : max_waiting_bytes_(max_waiting_bytes) {}
  HttpStream(const HttpStream&) = delete;
  HttpStream& operator=(const HttpStream&) = delete;

  void Push(Text text);
  // Takes from what waits: bytes copied; with nothing there, zero and the connection suspended; -2
  // once it is cut off: what libmicrohttpd asks.
  ssize_t Read(char* to, size_t max);
  // Ends it before its reader has everything.
  void CutOff();
  // Ends it if its reader hung up: with nothing to say to it, nobody would see that.
  void LookForReader();
  // The reader left, or was cut off. Nothing can be pushed any more.
  bool is_gone() const { return is_gone_; }
  size_t waiting_bytes() const { return waiting_bytes_; }

 private:
  friend class HttpServer;

  void Wake();

  size_t max_waiting_bytes_;
  std::deque<Text> waiting_;
  size_t waiting_bytes_ = 0;
  size_t offset_ = 0;  // in the first text
  bool is_gone_ = false;
  bool is_suspended_ = false;
  MHD_Connection* connection_ = nullptr;  // while it lives
  std::function<void()> awaken_;          // has the server look at its connections again, soon
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_HTTP_STREAM_H_
