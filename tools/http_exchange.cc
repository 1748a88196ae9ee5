// SPDX-License-Identifier: Apache-2.0
#include "tools/http_exchange.h"

#include <fmt/format.h>
#include <http_parser.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <utility>

namespace portmatrix {
namespace {

constexpr size_t kReadBytes = 65536;

// What http-parser's callbacks tell of one answer.
struct Answer {
  explicit Answer(const HttpExchange::OnBody& body) : on_body(body) {}

  const HttpExchange::OnBody& on_body;
  bool is_whole = false;
  bool is_unwanted = false;  // by `on_body`
};

Answer& AnswerOf(http_parser* parser) { return *static_cast<Answer*>(parser->data); }

http_parser_settings Settings() {
  http_parser_settings settings;
  http_parser_settings_init(&settings);
  settings.on_body = [](http_parser* parser, const char* bytes, size_t count) {
    Answer& answer = AnswerOf(parser);
    const auto status = static_cast<int>(parser->status_code);
    answer.is_unwanted = !answer.on_body(status, {bytes, count});
    return answer.is_unwanted ? 1 : 0;
  };
  settings.on_message_complete = [](http_parser* parser) {
    AnswerOf(parser).is_whole = true;
    return 0;
  };
  return settings;
}

Error NoAnswer(int code, std::string detail) { return {"ask", "", code, std::move(detail)}; }

}  // namespace

Result<void> HttpExchange::Connect(const std::string& socket_path, int silence_seconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return Error{"connect to", socket_path, ENAMETOOLONG, ""};
  socket_path.copy(address.sun_path, sizeof address.sun_path - 1);
  socket_ = FileDescriptor(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket_.valid() ||
      connect(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{"connect to", socket_path, errno, ""};
  const timeval silence{silence_seconds, 0};
  for (const int direction : {SO_RCVTIMEO, SO_SNDTIMEO})
    setsockopt(socket_.get(), SOL_SOCKET, direction, &silence, sizeof silence);
  connected_ = socket_.get();
  return {};
}

Result<void> HttpExchange::Send(std::string_view text) {
  while (!text.empty()) {
    const ssize_t sent = send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return NoAnswer(errno, "");
    text.remove_prefix(static_cast<size_t>(sent));
  }
  return {};
}

Result<int> HttpExchange::Run(const std::string& socket_path, const Request& request,
                              const OnBody& on_body) {
  if (auto connected = Connect(socket_path, request.silence_seconds); !connected)
    return connected.error();
  // HTTP wants a host.
  std::string head = fmt::format("{} {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n",
                                 request.method, request.path);
  if (!request.body.empty())
    head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n",
                        request.body.size());
  Result<void> sent = Send(head + "\r\n");
  if (sent) sent = Send(request.body);

  static const http_parser_settings kSettings = Settings();
  Answer answer(on_body);
  http_parser parser{};
  http_parser_init(&parser, HTTP_RESPONSE);
  parser.data = &answer;
  std::array<char, kReadBytes> buffer{};
  while (!answer.is_whole && !is_stopped_) {
    const ssize_t got = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (is_stopped_) break;
    if (got < 0) {
      // The other side may have answered before it had read everything, but it has not.
      if (!sent) return sent.error();
      return NoAnswer(errno == EAGAIN ? ETIMEDOUT : errno, "");
    }
    const size_t parsed =
        http_parser_execute(&parser, &kSettings, buffer.data(), static_cast<size_t>(got));
    if (answer.is_unwanted) break;
    if (HTTP_PARSER_ERRNO(&parser) != HPE_OK || parsed != static_cast<size_t>(got))
      return NoAnswer(0, "it speaks no HTTP");
    if (got == 0 && !answer.is_whole) return NoAnswer(ECONNRESET, "");
  }
  return static_cast<int>(parser.status_code);
}

void HttpExchange::Stop() {
  is_stopped_ = true;
  if (const int fd = connected_; fd >= 0) shutdown(fd, SHUT_RDWR);
}

}  // namespace portmatrix
