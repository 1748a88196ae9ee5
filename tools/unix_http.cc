// SPDX-License-Identifier: Apache-2.0
#include "tools/unix_http.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

Result<FileDescriptor> Connect(const std::string& path, int seconds) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path)
    return Error{"connect to", path, ENAMETOOLONG, "a socket's path has at most 107 bytes"};
  path.copy(address.sun_path, path.size());
  FileDescriptor fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error{"connect to", path, errno, ""};
  const timeval wait{.tv_sec = seconds, .tv_usec = 0};
  for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO})
    (void)setsockopt(fd.get(), SOL_SOCKET, option, &wait, sizeof wait);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{"connect to", path, errno, ""};
  return fd;
}

// An agent that refuses a body may answer before it has read all of it, and close: false then, and
// the answer is to be read.
Result<bool> Send(const FileDescriptor& fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) return false;
    if (sent < 0) return Error{"ask", path, errno == EAGAIN ? ETIMEDOUT : errno, ""};
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

Result<std::string> Receive(const FileDescriptor& fd, const std::string& path) {
  std::string answer;
  std::array<char, 1 << 16> part;
  while (true) {
    const ssize_t got = recv(fd.get(), part.data(), part.size(), 0);
    if (got == 0) return answer;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == ECONNRESET && !answer.empty()) return answer;
    if (got < 0) return Error{"ask", path, errno == EAGAIN ? ETIMEDOUT : errno, ""};
    answer.append(part.data(), static_cast<size_t>(got));
  }
}

// The value of a header, names being alike in upper and lower case.
std::optional<size_t> LengthIn(std::string_view head) {
  constexpr std::string_view kName = "\r\ncontent-length:";
  for (size_t at = 0; at + kName.size() < head.size(); ++at) {
    if (strncasecmp(head.data() + at, kName.data(), kName.size()) != 0) continue;
    std::string_view text = head.substr(at + kName.size());
    text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
    size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error == std::errc()) return length;
  }
  return std::nullopt;
}

std::optional<HttpAnswer> Parse(std::string_view bytes) {
  const size_t head_end = bytes.find("\r\n\r\n");
  if (!bytes.starts_with("HTTP/1.") || head_end == bytes.npos || head_end < 12) return std::nullopt;
  HttpAnswer answer;
  const std::string_view status = bytes.substr(9, 3);
  if (std::from_chars(status.data(), status.data() + 3, answer.status).ptr != status.data() + 3)
    return std::nullopt;
  answer.body = bytes.substr(head_end + 4);
  // Shorter than promised: the agent ended meanwhile.
  const auto length = LengthIn(bytes.substr(0, head_end));
  if (length && answer.body.size() != *length) return std::nullopt;
  return answer;
}

}  // namespace

Result<HttpAnswer> AskUnixSocket(const std::string& socket_path, std::string_view method,
                                 std::string_view call, std::string_view body, int seconds) {
  Result<FileDescriptor> fd = Connect(socket_path, seconds);
  if (!fd) return fd.error();
  std::string head = fmt::format("{} {} HTTP/1.0\r\nHost: localhost\r\n", method, call);
  if (method == "POST")
    head += fmt::format("Content-Type: application/json\r\nContent-Length: {}\r\n", body.size());
  head += "\r\n";
  Result<bool> sent = Send(*fd, socket_path, head);
  if (sent && *sent) sent = Send(*fd, socket_path, body);
  if (!sent) return sent.error();
  const Result<std::string> bytes = Receive(*fd, socket_path);
  if (!bytes) return bytes.error();
  std::optional<HttpAnswer> answer = Parse(*bytes);
  if (!answer)
    return Error{"ask", socket_path, 0, "it closed the connection without a whole answer"};
  return std::move(*answer);
}

}  // namespace portmatrix
