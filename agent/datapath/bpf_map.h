// SPDX-License-Identifier: Apache-2.0
// One BPF map by its descriptor: typed reads and writes that say which map they failed on.
#ifndef PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_
#define PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"

namespace portmatrix {

class BpfMap {
 public:
  BpfMap() = default;
  BpfMap(std::string name, FileDescriptor fd) : name_(std::move(name)), fd_(std::move(fd)) {}

  // Opens a pinned map; `read_only` needs no more than read permission on the pin.
  static Result<BpfMap> OpenPinned(const std::string& name, const std::string& path,
                                   bool read_only);

  const std::string& name() const { return name_; }
  int fd() const { return fd_.get(); }
  bool valid() const { return fd_.valid(); }

  template <typename Key, typename Value>
  Result<void> Update(const Key& key, const Value& value) const {
    return UpdateBytes(&key, &value);
  }
  // Nothing if there is no such key.
  template <typename Key, typename Value>
  Result<std::optional<Value>> Lookup(const Key& key) const {
    Value value{};
    auto found = LookupBytes(&key, &value);
    if (!found) return found.error();
    return *found ? std::optional<Value>(value) : std::nullopt;
  }
  template <typename Key>
  Result<void> Delete(const Key& key) const {
    return DeleteBytes(&key);
  }
  // The values of indices [0, count) of a per-CPU array, each as one value a possible processor.
  template <typename Value>
  Result<std::vector<std::vector<Value>>> ReadPerCpu(uint32_t count) const;
  template <typename Key>
  Result<std::vector<Key>> Keys() const {
    std::vector<Key> keys;
    Key key{}, next{};
    for (bool more = NextKey(nullptr, &next); more; more = NextKey(&key, &next)) {
      keys.push_back(next);
      key = next;
    }
    return keys;
  }

  Error Failure(const std::string& operation, int code) const;

 private:
  Result<void> UpdateBytes(const void* key, const void* value) const;
  Result<bool> LookupBytes(const void* key, void* value) const;
  Result<void> DeleteBytes(const void* key) const;
  bool NextKey(const void* key, void* next) const;
  // All values of indices [0, count), `value_bytes` (a multiple of 8) times the processors each.
  Result<std::vector<uint8_t>> ReadPerCpuBytes(uint32_t count, uint32_t value_bytes) const;

  std::string name_;
  FileDescriptor fd_;
};

int PossibleProcessors();

template <typename Value>
Result<std::vector<std::vector<Value>>> BpfMap::ReadPerCpu(uint32_t count) const {
  static_assert(sizeof(Value) % 8 == 0);
  auto bytes = ReadPerCpuBytes(count, sizeof(Value));
  if (!bytes) return bytes.error();
  const auto processors = static_cast<size_t>(PossibleProcessors());
  std::vector<std::vector<Value>> values(count);
  const auto* at = reinterpret_cast<const Value*>(bytes->data());
  for (auto& value : values) {
    value.assign(at, at + processors);
    at += processors;
  }
  return values;
}

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_
