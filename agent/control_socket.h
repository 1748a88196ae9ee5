// SPDX-License-Identifier: Apache-2.0
// Sockets to listen on: the control API's Unix socket, and a TCP address for the metrics.
#ifndef PORTMATRIX_AGENT_CONTROL_SOCKET_H_
#define PORTMATRIX_AGENT_CONTROL_SOCKET_H_

#include <memory>
#include <string>
#include <utility>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"

namespace portmatrix {

// Mode 0666: everyone may connect, and is then judged by their credentials (peer.h). The path goes
// with its owner.
class ControlSocket {
 public:
  // Makes the folder where it is missing, and takes the place of a socket that nobody listens on
  // any more.
  static Result<std::unique_ptr<ControlSocket>> Listen(const std::string& path);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  int fd() const { return fd_.get(); }

 private:
  ControlSocket(std::string path, FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  std::string path_;
  FileDescriptor fd_;
};

// "127.0.0.1:9640", "[::1]:9640"; addresses only, no names.
Result<FileDescriptor> ListenTcp(const std::string& address);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_CONTROL_SOCKET_H_
