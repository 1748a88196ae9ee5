// SPDX-License-Identifier: Apache-2.0
// An owned file descriptor: closed when its owner goes.
#ifndef PORTMATRIX_AGENT_DATAPATH_FILE_DESCRIPTOR_H_
#define PORTMATRIX_AGENT_DATAPATH_FILE_DESCRIPTOR_H_

#include <unistd.h>

#include <utility>

namespace portmatrix {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~FileDescriptor() { Close(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }

 private:
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  int fd_ = -1;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_FILE_DESCRIPTOR_H_
