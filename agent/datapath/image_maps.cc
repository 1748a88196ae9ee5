// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/image_maps.h"

#include <bpf/bpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace portmatrix {
namespace {

struct Place {
  size_t offset;
  size_t blocks;
};
// Of each table in the front.
constexpr Place kPlaces[PM_TABLE_COUNT] = {
#define X(identifier, blocks) {offsetof(pm_front, identifier) / sizeof(pm_block), blocks},
    PM_FRONT(X)
#undef X
};
// In the order of enum pm_table, and all of them.
#define X(identifier, blocks)                            \
  static_assert(kPlaces[PM_TABLE_##identifier].offset == \
                offsetof(pm_front, identifier) / sizeof(pm_block));
PM_FRONT(X)
#undef X
constexpr pm_block kNothing{};

}  // namespace

ImageParts::ImageParts() : front_(std::make_unique<pm_front>()) { Take(Image()); }

void ImageParts::Take(const Image& image) {
  auto* front = reinterpret_cast<pm_block*>(front_.get());
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
    const std::span<const pm_block> table = image.tables[i];
    const auto inside = table.first(std::min(table.size(), kPlaces[i].blocks));
    pm_block* place = front + kPlaces[i].offset;
    std::ranges::copy(inside, place);
    if (inside.size() < filled_[i]) std::fill(place + inside.size(), place + filled_[i], kNothing);
    filled_[i] = inside.size();
    beyond_[i] = table.subspan(inside.size());
    if (beyond_[i].empty()) beyond_[i] = {&kNothing, 1};
  }
}

Image Joined(const pm_front& front,
             const std::array<std::vector<pm_block>, PM_TABLE_COUNT>& beyond) {
  const auto* blocks = reinterpret_cast<const pm_block*>(&front);
  Image image;
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
    const pm_block* begin = blocks + kPlaces[i].offset;
    image.tables[i].assign(begin, begin + kPlaces[i].blocks);
    image.tables[i].insert(image.tables[i].end(), beyond[i].begin(), beyond[i].end());
  }
  return image;
}

Result<BpfMap> MakeTable(std::span<const pm_block> blocks, const char* name) {
  LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_INNER_MAP | BPF_F_MMAPABLE);
  const auto entries = static_cast<uint32_t>(blocks.size());
  BpfMap map(name, FileDescriptor(bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(uint32_t),
                                                 sizeof(pm_block), entries, &options)));
  if (!map.valid()) return map.Failure("create", errno);
  const size_t bytes = blocks.size_bytes();
  void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, map.fd(), 0);
  if (memory == MAP_FAILED) return map.Failure("map into memory", errno);
  std::memcpy(memory, blocks.data(), bytes);
  munmap(memory, bytes);
  if (bpf_map_freeze(map.fd()) != 0) return map.Failure("freeze", errno);
  return map;
}

Result<void> PublishImage(const Image& image, uint32_t slot, int fronts, int tables) {
  ImageParts parts;
  parts.Take(image);
  if (bpf_map_update_elem(fronts, &slot, &parts.front(), BPF_ANY) != 0)
    return Error{"write to", "map fronts", errno, ""};
  std::array<BpfMap, PM_TABLE_COUNT> made;
  std::array<uint32_t, PM_TABLE_COUNT> places{};
  std::array<int, PM_TABLE_COUNT> descriptors{};
  for (uint32_t i = 0; i < PM_TABLE_COUNT; ++i) {
    auto table = MakeTable(parts.beyond(i), kTableNames[i]);
    if (!table) return table.error();
    made[i] = std::move(*table);
    places[i] = PlaceOf(slot, i);
    descriptors[i] = made[i].fd();
  }
  uint32_t count = PM_TABLE_COUNT;
  LIBBPF_OPTS(bpf_map_batch_opts, batch);
  if (bpf_map_update_batch(tables, places.data(), descriptors.data(), &count, &batch) == 0)
    return {};
  // Some kernels have no batches for maps of maps; one by one says the same.
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i)
    if (bpf_map_update_elem(tables, &places[i], &descriptors[i], BPF_ANY) != 0)
      return made[i].Failure("publish", errno);
  return {};
}

}  // namespace portmatrix
