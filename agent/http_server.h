// SPDX-License-Identifier: Apache-2.0
// HTTP on a listening socket, served inside the daemon's loop by one thread: libmicrohttpd parses
// and writes, the loop tells it when. Whole requests in, whole replies or streams out; bodies and
// connections are bounded.
#ifndef PORTMATRIX_AGENT_HTTP_SERVER_H_
#define PORTMATRIX_AGENT_HTTP_SERVER_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "agent/datapath/result.h"
#include "agent/event_loop.h"
#include "agent/http_stream.h"
#include "agent/peer.h"

struct MHD_Daemon;
struct MHD_Connection;

namespace portmatrix {

struct HttpCall {
  std::string method;
  std::string path;
  std::string body;
  std::optional<Peer> peer;  // of a Unix socket
  std::map<std::string, std::string> query = {};
};

struct HttpReply {
  unsigned int status = 200;
  std::string body;
  std::string type = "application/json";
  std::shared_ptr<HttpStream> stream =
      nullptr;  // follows in place of `body`, until the reader goes
};

struct HttpService {
  std::function<HttpReply(const HttpCall&)> serve;
  // May this call bring a body? If not, it is read and thrown away, and the call served without it.
  std::function<bool(const HttpCall&)> takes_body;
  size_t max_body_bytes = 0;  // beyond it: 413
  size_t max_connections = 64;
  // Of peers that may not change anything: they cannot keep others out by holding connections open.
  size_t max_lesser_connections = 32;
};

class HttpServer {
 public:
  // `loop` and `listen_fd` outlive the server.
  static Result<std::unique_ptr<HttpServer>> Start(EventLoop& loop, int listen_fd,
                                                   HttpService service);
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

 private:
  struct Callbacks;  // what libmicrohttpd calls
  struct Connection;
  struct Request;
  struct Streaming;
  HttpServer(int listen_fd, HttpService service)
      : listen_fd_(listen_fd), service_(std::move(service)) {}

  void Accept();
  void Run();
  void LookForReaders();
  HttpReply Serve(const Request& request) const;
  bool SendStream(MHD_Connection* connection, const HttpReply& reply);

  int listen_fd_;
  HttpService service_;
  MHD_Daemon* daemon_ = nullptr;
  EventLoop::Timer* timer_ = nullptr;
  EventLoop::Timer* look_ = nullptr;
  size_t connections_ = 0;
  size_t lesser_connections_ = 0;
  std::set<HttpStream*> streams_;  // whose connections live
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_HTTP_SERVER_H_
