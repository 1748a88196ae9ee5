// SPDX-License-Identifier: Apache-2.0
// One BPF map by its descriptor: typed reads and writes that say which map they failed on.
#ifndef PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_
#define PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "agent/datapath/file_descriptor.h"
#include "agent/datapath/result.h"

namespace portmatrix {

// The values of a per-CPU array, as one value a possible processor under each index.
template <typename Value>
class PerProcessor {
 public:
  PerProcessor(size_t count, size_t processors)
      : processors_(processors), values_(count * processors) {}

  size_t size() const { return values_.size() / processors_; }
  std::span<const Value> operator[](size_t index) const {
    return std::span(values_).subspan(index * processors_, processors_);
  }
  uint8_t* bytes() { return reinterpret_cast<uint8_t*>(values_.data()); }

 private:
  size_t processors_;
  std::vector<Value> values_;
};

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
  // The kernel's number of it; zero where that cannot be read.
  uint32_t id() const;

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
  // Every entry of a hash map; by batches where the kernel has them.
  template <typename Key, typename Value>
  Result<std::vector<std::pair<Key, Value>>> ReadAll() const;
  // Writes all of them, not at one moment.
  template <typename Key, typename Value>
  Result<void> UpdateAll(const std::vector<Key>& keys, const std::vector<Value>& values) const {
    return UpdateBatch(keys.data(), values.data(), keys.size(), sizeof(Key), sizeof(Value));
  }
  // Are these the first bytes of a BPF_F_MMAPABLE array?
  bool HoldsMapped(const void* bytes, size_t count) const;
  // The values of indices [0, count) of an array.
  template <typename Value>
  Result<std::vector<Value>> ReadArray(uint32_t count) const;
  // The values of indices [0, count) of a per-CPU array.
  template <typename Value>
  Result<PerProcessor<Value>> ReadPerCpu(uint32_t count) const;
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
  Result<void> UpdateBatch(const void* keys, const void* values, size_t count, size_t key_bytes,
                           size_t value_bytes) const;
  // One batch after `cursor`: false if the kernel has no batches for this map. `*count` says how
  // many there is room for, then how many came; `*more` if there are others.
  Result<bool> LookupBatch(const void* after, void* cursor, void* keys, void* values,
                           uint32_t* count, bool* more) const;
  // All values of indices [0, count), `stride` bytes each; by batches where the kernel has them.
  Result<void> ReadArrayBytes(uint32_t count, size_t stride, uint8_t* bytes) const;

  std::string name_;
  FileDescriptor fd_;
};

int PossibleProcessors();

template <typename Key, typename Value>
Result<std::vector<std::pair<Key, Value>>> BpfMap::ReadAll() const {
  constexpr uint32_t kRoom = 4096;  // more than any bucket holds
  std::vector<std::pair<Key, Value>> entries;
  std::vector<Key> keys(kRoom);
  std::vector<Value> values(kRoom);
  uint32_t cursor = 0;
  bool batches = true, more = true;
  for (bool first = true; batches && more; first = false) {
    uint32_t count = kRoom;
    auto got =
        LookupBatch(first ? nullptr : &cursor, &cursor, keys.data(), values.data(), &count, &more);
    if (!got) return got.error();
    batches = *got;
    for (uint32_t i = 0; batches && i < count; ++i) entries.emplace_back(keys[i], values[i]);
  }
  if (batches) return entries;
  entries.clear();
  auto all = Keys<Key>();
  if (!all) return all.error();
  for (const Key& key : *all) {
    auto value = Lookup<Key, Value>(key);
    if (!value) return value.error();
    if (*value) entries.emplace_back(key, **value);
  }
  return entries;
}

template <typename Value>
Result<std::vector<Value>> BpfMap::ReadArray(uint32_t count) const {
  static_assert(sizeof(Value) % 8 == 0);
  std::vector<Value> values(count);
  auto read = ReadArrayBytes(count, sizeof(Value), reinterpret_cast<uint8_t*>(values.data()));
  if (!read) return read.error();
  return values;
}

template <typename Value>
Result<PerProcessor<Value>> BpfMap::ReadPerCpu(uint32_t count) const {
  static_assert(sizeof(Value) % 8 == 0);
  const auto processors = static_cast<size_t>(PossibleProcessors());
  PerProcessor<Value> values(count, processors);
  if (auto read = ReadArrayBytes(count, sizeof(Value) * processors, values.bytes()); !read)
    return read.error();
  return values;
}

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_DATAPATH_BPF_MAP_H_
