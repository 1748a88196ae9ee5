// SPDX-License-Identifier: Apache-2.0
#include "agent/http_server.h"

#include <fcntl.h>
#include <microhttpd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <string_view>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

constexpr unsigned int kIdleSeconds = 30;
// How long a reader of a stream that is silent may be gone before that is seen.
constexpr uint64_t kLookMilliseconds = 1000;

MHD_Result Send(MHD_Connection* connection, const HttpReply& reply) {
  MHD_Response* response = MHD_create_response_from_buffer(
      reply.body.size(), const_cast<char*>(reply.body.data()), MHD_RESPMEM_MUST_COPY);
  if (response == nullptr) return MHD_NO;
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, reply.type.c_str());
  const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return queued;
}

}  // namespace

struct HttpServer::Connection {
  std::optional<Peer> peer;
  bool is_lesser = false;
};

struct HttpServer::Request {
  HttpCall call;
  bool takes_body = false;
  size_t body_bytes = 0;
};

// A stream on its way to one connection.
struct HttpServer::Streaming {
  HttpServer* server;
  std::shared_ptr<HttpStream> stream;

  static ssize_t Read(void* self, uint64_t, char* to, size_t max) {
    return static_cast<Streaming*>(self)->stream->Read(to, max);
  }
  static void Free(void* self) {
    auto* streaming = static_cast<Streaming*>(self);
    streaming->stream->is_gone_ = true;
    streaming->stream->connection_ = nullptr;
    streaming->stream->waiting_.clear();
    streaming->server->streams_.erase(streaming->stream.get());
    delete streaming;
  }
};

struct HttpServer::Callbacks {
  static MHD_Result AddArgument(void* query, MHD_ValueKind, const char* key, const char* value) {
    (*static_cast<std::map<std::string, std::string>*>(query))[key] = value ? value : "";
    return MHD_YES;
  }

  static MHD_Result Answer(void* server, MHD_Connection* connection, const char* url,
                           const char* method, const char*, const char* upload,
                           size_t* upload_bytes, void** state) {
    auto& self = *static_cast<HttpServer*>(server);
    auto* request = static_cast<Request*>(*state);
    if (request == nullptr) {
      request = new Request;
      *state = request;
      request->call.method = method;
      request->call.path = url;
      MHD_get_connection_values(connection, MHD_GET_ARGUMENT_KIND, &AddArgument,
                                &request->call.query);
      const auto* found = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
      if (found != nullptr && found->socket_context != nullptr)
        request->call.peer = static_cast<Connection*>(found->socket_context)->peer;
      request->takes_body = self.service_.takes_body(request->call);
      return MHD_YES;
    }
    if (*upload_bytes > 0) {
      // What is not wanted is read to its end all the same, for a client that writes hears no
      // answer. Within limits.
      request->body_bytes += *upload_bytes;
      if (request->takes_body && request->body_bytes <= self.service_.max_body_bytes)
        request->call.body.append(upload, *upload_bytes);
      *upload_bytes = 0;
      return request->body_bytes <= 2 * self.service_.max_body_bytes ? MHD_YES : MHD_NO;
    }
    const HttpReply reply = self.Serve(*request);
    if (reply.stream) return self.SendStream(connection, reply) ? MHD_YES : MHD_NO;
    return Send(connection, reply);
  }

  static void Completed(void*, MHD_Connection*, void** state, MHD_RequestTerminationCode) {
    delete static_cast<Request*>(*state);
    *state = nullptr;
  }

  static void Connected(void* server, MHD_Connection* connection, void** context,
                        MHD_ConnectionNotificationCode code) {
    auto& self = *static_cast<HttpServer*>(server);
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
      auto* made = new Connection;
      *context = made;
      const auto* found = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
      if (found != nullptr) made->peer = PeerOf(found->connect_fd);
      made->is_lesser = !made->peer || PermissionOf(*made->peer) != Permission::kChange;
      ++self.connections_;
      if (made->is_lesser) ++self.lesser_connections_;
      return;
    }
    auto* gone = static_cast<Connection*>(*context);
    if (gone == nullptr) return;
    --self.connections_;
    if (gone->is_lesser) --self.lesser_connections_;
    delete gone;
    *context = nullptr;
  }
};

Result<std::unique_ptr<HttpServer>> HttpServer::Start(EventLoop& loop, int listen_fd,
                                                      HttpService service) {
  std::unique_ptr<HttpServer> server(new HttpServer(listen_fd, std::move(service)));
  HttpServer* self = server.get();
  server->daemon_ = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME, 0, nullptr, nullptr,
      &Callbacks::Answer, self, MHD_OPTION_CONNECTION_TIMEOUT, kIdleSeconds,
      MHD_OPTION_NOTIFY_COMPLETED, &Callbacks::Completed, nullptr, MHD_OPTION_NOTIFY_CONNECTION,
      &Callbacks::Connected, self, MHD_OPTION_CONNECTION_LIMIT,
      static_cast<unsigned int>(server->service_.max_connections), MHD_OPTION_END);
  if (server->daemon_ == nullptr) return Error{"start the HTTP server", "", errno, ""};
  const auto* epoll = MHD_get_daemon_info(server->daemon_, MHD_DAEMON_INFO_EPOLL_FD);
  if (epoll == nullptr || epoll->epoll_fd < 0)
    return Error{"start the HTTP server", "", 0, "libmicrohttpd has no epoll"};
  Result<EventLoop::Timer*> timer = loop.MakeTimer([self] { self->Run(); });
  if (!timer) return timer.error();
  server->timer_ = *timer;
  timer = loop.MakeTimer([self] { self->LookForReaders(); });
  if (!timer) return timer.error();
  server->look_ = *timer;
  if (auto done = loop.OnReadable(epoll->epoll_fd, [self] { self->Run(); }); !done)
    return done.error();
  if (auto done = loop.OnReadable(listen_fd, [self] { self->Accept(); }); !done)
    return done.error();
  return server;
}

HttpServer::~HttpServer() {
  // libmicrohttpd must not be stopped while a connection is suspended.
  const std::set<HttpStream*> streams = streams_;
  for (HttpStream* stream : streams) stream->CutOff();
  if (daemon_ != nullptr) MHD_stop_daemon(daemon_);
}

bool HttpServer::SendStream(MHD_Connection* connection, const HttpReply& reply) {
  constexpr size_t kBlockBytes = 32768;
  auto streaming = std::make_unique<Streaming>(Streaming{this, reply.stream});
  MHD_Response* response = MHD_create_response_from_callback(
      MHD_SIZE_UNKNOWN, kBlockBytes, &Streaming::Read, streaming.get(), &Streaming::Free);
  if (response == nullptr) return false;
  (void)streaming.release();  // freed with the response
  HttpStream& stream = *reply.stream;
  stream.connection_ = connection;
  // Not within the call that pushes: it may stand inside the server itself.
  stream.awaken_ = [this] { timer_->Set(0); };
  streams_.insert(&stream);
  if (!look_->is_set()) look_->Set(kLookMilliseconds);
  MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-ndjson");
  const MHD_Result queued = MHD_queue_response(connection, reply.status, response);
  MHD_destroy_response(response);
  return queued == MHD_YES;
}

void HttpServer::Accept() {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  FileDescriptor fd(accept4(listen_fd_, reinterpret_cast<sockaddr*>(&address), &length,
                            SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!fd.valid()) return;
  const std::optional<Peer> peer = PeerOf(fd.get());
  const bool is_lesser = !peer || PermissionOf(*peer) != Permission::kChange;
  if (connections_ >= service_.max_connections ||
      (is_lesser && lesser_connections_ >= service_.max_lesser_connections))
    return;
  // The copy is libmicrohttpd's, which closes it also where it fails.
  const int given = fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
  if (given < 0) return;
  (void)MHD_add_connection(daemon_, given, reinterpret_cast<sockaddr*>(&address), length);
  Run();
}

void HttpServer::Run() {
  // Each turn sends one buffer a connection; with more to send at once there are many, but the rest
  // of the daemon has its turn as well.
  constexpr int kMostTurns = 64;
  MHD_UNSIGNED_LONG_LONG milliseconds = 0;
  for (int turn = 0; turn < kMostTurns; ++turn) {
    (void)MHD_run(daemon_);
    if (MHD_get_timeout(daemon_, &milliseconds) != MHD_YES) return;
    if (milliseconds != 0) break;
  }
  timer_->Set(milliseconds);
}

void HttpServer::LookForReaders() {
  for (HttpStream* stream : streams_) stream->LookForReader();
  if (!streams_.empty()) look_->Set(kLookMilliseconds);
}

HttpReply HttpServer::Serve(const Request& request) const {
  if (request.takes_body && request.body_bytes > service_.max_body_bytes)
    return {
        413,
        R"({"error":{"kind":"bad-request","text":"the request is too large","diagnostics":""}})"};
  return service_.serve(request.call);
}

}  // namespace portmatrix
