// SPDX-License-Identifier: Apache-2.0
// The value of a single-entry map that kernel and agent share through memory.
#ifndef PORTMATRIX_AGENT_DATAPATH_SHARED_VALUE_H_
#define PORTMATRIX_AGENT_DATAPATH_SHARED_VALUE_H_

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <utility>

#include "agent/datapath/result.h"

namespace portmatrix {

// Owns the mapping of a BPF_F_MMAPABLE array's first value.
template <typename Value>
class SharedValue {
 public:
  static Result<SharedValue> Map(const std::string& name, int fd) {
    void* memory = mmap(nullptr, PageBytes(), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) return Error{"map into memory", "map " + name, errno, ""};
    return SharedValue(static_cast<Value*>(memory));
  }
  SharedValue() = default;
  SharedValue(SharedValue&& other) noexcept : value_(std::exchange(other.value_, nullptr)) {}
  SharedValue& operator=(SharedValue&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~SharedValue() {
    if (value_ != nullptr) munmap(static_cast<void*>(value_), PageBytes());
  }

  volatile Value* get() const { return value_; }

 private:
  explicit SharedValue(Value* value) : value_(value) {}
  static size_t PageBytes() { return static_cast<size_t>(sysconf(_SC_PAGESIZE)); }
  Value* value_ = nullptr;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_SHARED_VALUE_H_
