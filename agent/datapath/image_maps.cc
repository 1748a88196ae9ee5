// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/image_maps.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

namespace portmatrix {
namespace {

Result<void> Put(int outer, uint32_t index, const BpfMap& inner) {
  const int fd = inner.fd();
  if (bpf_map_update_elem(outer, &index, &fd, BPF_ANY) != 0) return inner.Failure("publish", errno);
  return {};
}

}  // namespace

Result<BpfMap> MakeTable(const Image& image, size_t table) {
  const char* name = kTableNames[table];
  const std::vector<pm_block>& blocks = image.tables[table];
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const auto entries = static_cast<uint32_t>(blocks.size());
  BpfMap map(name, FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t),
                                                 sizeof(pm_block), entries, &options)));
  if (!map.valid()) return map.Failure("create", errno);
  const size_t bytes = blocks.size() * sizeof(pm_block);
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd(), 0);
  if (memory == MAP_FAILED) return map.Failure("map into memory", errno);
  std::memcpy(memory, blocks.data(), bytes);
  munmap(memory, bytes);
  if (bpf_map_freeze(map.fd()) != 0) return map.Failure("freeze", errno);
  return map;
}

Result<ImageMaps> MakeImageMaps(const Image& image) {
  ImageMaps maps;
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
    auto table = MakeTable(image, i);
    if (!table) return table.error();
    maps[i] = std::move(*table);
  }
  return maps;
}

Result<void> Publish(const ImageMaps& maps, uint32_t slot, int outer) {
  std::array<uint32_t, PM_TABLE_COUNT> indices;
  std::array<int, PM_TABLE_COUNT> descriptors;
  for (uint32_t i = 0; i < PM_TABLE_COUNT; ++i) {
    indices[i] = PlaceOf(slot, i);
    descriptors[i] = maps[i].fd();
  }
  uint32_t count = PM_TABLE_COUNT;
  LIBBPF_OPTS(bpf_map_batch_opts, batch);
  if (bpf_map_update_batch(outer, indices.data(), descriptors.data(), &count, &batch) == 0)
    return {};
  // Some kernels have no batches for maps of maps; one by one says the same.
  for (uint32_t i = 0; i < PM_TABLE_COUNT; ++i)
    if (auto put = Put(outer, indices[i], maps[i]); !put) return put;
  return {};
}

}  // namespace portmatrix
