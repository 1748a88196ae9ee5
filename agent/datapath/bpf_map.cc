// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/bpf_map.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portmatrix {

int PossibleProcessors() {
  static const int kProcessors = libbpf_num_possible_cpus();
  return kProcessors;
}

Result<BpfMap> BpfMap::OpenPinned(const std::string& name, const std::string& path,
                                  bool read_only) {
  LIBBPF_OPTS(bpf_obj_get_opts, options,
              .file_flags = read_only ? static_cast<uint32_t>(BPF_F_RDONLY) : 0u);
  FileDescriptor fd(bpf_obj_get_opts(path.c_str(), &options));
  if (!fd.valid()) return Error{"open pinned map", path, errno, ""};
  return BpfMap(name, std::move(fd));
}

uint32_t BpfMap::id() const {
  bpf_map_info described{};
  uint32_t size = sizeof described;
  return bpf_obj_get_info_by_fd(fd(), &described, &size) == 0 ? described.id : 0;
}

Error BpfMap::Failure(const std::string& operation, int code) const {
  return Error{operation, "map " + name_, code, ""};
}

Result<void> BpfMap::UpdateBytes(const void* key, const void* value) const {
  if (bpf_map_update_elem(fd(), key, value, BPF_ANY) != 0) return Failure("write to", errno);
  return {};
}

Result<bool> BpfMap::LookupBytes(const void* key, void* value) const {
  if (bpf_map_lookup_elem(fd(), key, value) == 0) return true;
  if (errno == ENOENT) return false;
  return Failure("read from", errno);
}

Result<void> BpfMap::DeleteBytes(const void* key) const {
  if (bpf_map_delete_elem(fd(), key) != 0 && errno != ENOENT) return Failure("delete from", errno);
  return {};
}

bool BpfMap::NextKey(const void* key, void* next) const {
  return bpf_map_get_next_key(fd(), key, next) == 0;
}

Result<bool> BpfMap::LookupBatch(const void* after, void* cursor, void* keys, void* values,
                                 uint32_t* count, bool* more) const {
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  const int failed =
      bpf_map_lookup_batch(fd(), const_cast<void*>(after), cursor, keys, values, count, &options);
  *more = failed == 0;
  if (failed == 0 || errno == ENOENT) return true;  // that was the last batch
  if (errno == ENOTSUP || errno == EINVAL || errno == ENOSPC) return false;
  return Failure("read from", errno);
}

Result<void> BpfMap::UpdateBatch(const void* keys, const void* values, size_t count,
                                 size_t key_bytes, size_t value_bytes) const {
  if (count == 0) return {};
  auto done = static_cast<uint32_t>(count);
  LIBBPF_OPTS(bpf_map_batch_opts, options);
  if (bpf_map_update_batch(fd(), keys, values, &done, &options) == 0) return {};
  for (size_t i = 0; i < count; ++i) {
    const auto* key = static_cast<const char*>(keys) + i * key_bytes;
    const auto* value = static_cast<const char*>(values) + i * value_bytes;
    if (auto updated = UpdateBytes(key, value); !updated) return updated;
  }
  return {};
}

bool BpfMap::HoldsMapped(const void* bytes, size_t count) const {
  void* memory = mmap(nullptr, count, PROT_READ, MAP_SHARED, fd(), 0);
  if (memory == MAP_FAILED) return false;
  const bool same = std::memcmp(memory, bytes, count) == 0;
  munmap(memory, count);
  return same;
}

Result<void> BpfMap::ReadArrayBytes(uint32_t count, size_t stride, uint8_t* bytes) const {
  std::vector<uint32_t> keys(count);
  uint32_t done = 0, cursor = 0;
  while (done < count) {
    uint32_t got = count - done;
    LIBBPF_OPTS(bpf_map_batch_opts, options);
    const int failed =
        bpf_map_lookup_batch(fd(), done == 0 ? nullptr : &cursor, &cursor, keys.data() + done,
                             bytes + stride * done, &got, &options);
    // Arrays have batches from Linux 5.6 on, per-CPU arrays from 5.13 on.
    if (failed != 0 && errno != ENOENT) break;
    done += got;
    if (failed != 0 || got == 0) break;
  }
  for (; done < count; ++done)
    if (bpf_map_lookup_elem(fd(), &done, bytes + stride * done) != 0)
      return Failure("read from", errno);
  return {};
}

}  // namespace portmatrix
