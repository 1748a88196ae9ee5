// SPDX-License-Identifier: Apache-2.0
// One request over a Unix socket and its answer. The parsing is http-parser's, a small library: one
// that speaks TLS as well would take longer to load than most commands take.
#ifndef PORTMATRIX_TOOLS_HTTP_EXCHANGE_H_
#define PORTMATRIX_TOOLS_HTTP_EXCHANGE_H_

#include <atomic>
#include <functional>
#include <string>
#include <string_view>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"

namespace portmatrix {

class HttpExchange {
 public:
  struct Request {
    const char* method = "GET";
    std::string path;
    std::string_view body;    // JSON
    int silence_seconds = 0;  // longer silence of the other side is an error; zero: never
  };
  // Gets the body as it comes, and the answer's status; false ends the exchange.
  using OnBody = std::function<bool(int status, std::string_view piece)>;

  // Connects, asks, and returns the answer's status when all of it has come, or when `on_body` or
  // Stop ended it (then zero where none had come). Once for each object.
  Result<int> Run(const std::string& socket_path, const Request& request, const OnBody& on_body);
  // From any thread.
  void Stop();

 private:
  Result<void> Connect(const std::string& socket_path, int silence_seconds);
  Result<void> Send(std::string_view text);

  FileDescriptor socket_;
  std::atomic<int> connected_ = -1;  // the socket, once Stop may shut it down
  std::atomic<bool> is_stopped_ = false;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TOOLS_HTTP_EXCHANGE_H_
