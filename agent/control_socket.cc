// SPDX-License-Identifier: Apache-2.0
#include "agent/control_socket.h"

#include <netdb.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

namespace portmatrix {
namespace {

constexpr int kBacklog = 64;
constexpr int kSocketFlags = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;

bool SomebodyListens(const sockaddr_un& address) {
  const FileDescriptor fd(socket(AF_UNIX, kSocketFlags, 0));
  return fd.valid() &&
         (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ||
          errno == EAGAIN);
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::Listen(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return Error{"listen on", path, ENAMETOOLONG, "give a shorter one with --socket"};
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  std::error_code failed;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, failed);
  if (failed) return Error{"create directory", folder.string(), failed.value(), ""};
  if (SomebodyListens(address))
    return Error{
        "listen on", path, EADDRINUSE,
        "another portmatrixd does: give each its own --socket, --pin_root and --state_dir"};
  struct stat existing {};
  if (lstat(path.c_str(), &existing) == 0) {
    if (!S_ISSOCK(existing.st_mode)) return Error{"listen on", path, EEXIST, "it is no socket"};
    unlink(path.c_str());
  }

  FileDescriptor fd(socket(AF_UNIX, kSocketFlags, 0));
  if (!fd.valid()) return Error{"make a socket for", path, errno, ""};
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return Error{"bind to", path, errno, ""};
  std::unique_ptr<ControlSocket> made(new ControlSocket(path, std::move(fd)));
  if (chmod(path.c_str(), 0666) != 0) return Error{"set mode of", path, errno, ""};
  if (listen(made->fd(), kBacklog) != 0) return Error{"listen on", path, errno, ""};
  return made;
}

ControlSocket::~ControlSocket() { unlink(path_.c_str()); }

Result<FileDescriptor> ListenTcp(const std::string& address) {
  const size_t colon = address.rfind(':');
  if (colon == std::string::npos)
    return Error{"listen on", address, EINVAL, "write ADDRESS:PORT, such as 127.0.0.1:9640"};
  std::string host = address.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int code = getaddrinfo(host.c_str(), address.c_str() + colon + 1, &hints, &found);
      code != 0)
    return Error{"listen on", address, 0, gai_strerror(code)};
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
  FileDescriptor fd(socket(found->ai_family, kSocketFlags, 0));
  if (!fd.valid()) return Error{"make a socket for", address, errno, ""};
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(fd.get(), found->ai_addr, found->ai_addrlen) != 0)
    return Error{"bind to", address, errno, ""};
  if (listen(fd.get(), kBacklog) != 0) return Error{"listen on", address, errno, ""};
  return fd;
}

}  // namespace portmatrix
