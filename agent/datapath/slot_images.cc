// SPDX-License-Identifier: Apache-2.0
#include "agent/datapath/slot_images.h"

#include <bpf/bpf.h>
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "agent/datapath/file_descriptor.h"

namespace portmatrix {
namespace {

constexpr std::chrono::microseconds kLookAgain{20};

Result<bpf_map_info> Describe(const BpfMap& map) {
  bpf_map_info described{};
  uint32_t size = sizeof described;
  if (bpf_obj_get_info_by_fd(map.fd(), &described, &size) != 0)
    return map.Failure("describe", errno);
  return described;
}

// The id of the map that stands at a place; zero: none.
uint32_t IdAt(const BpfMap& outer, uint32_t place) {
  uint32_t id = 0;
  return bpf_map_lookup_elem(outer.fd(), &place, &id) == 0 ? id : 0;
}

}  // namespace

// Puts one map at its place. Shared with the thread that makes the call.
struct SlotImages::Update {
  FileDescriptor outer;
  uint32_t place = 0;
  FileDescriptor inner;
  uint32_t id = 0;
  std::atomic<int> outcome = -1;  // -1: under way; else errno of the call
};

std::string SlotImages::PinOf(uint32_t slot, size_t table) const {
  return pins_.Map("slot-" + std::to_string(slot) + "-" + kTableNames[table]);
}

Result<void> SlotImages::Adopt() {
  for (uint32_t slot = 0; slot < PM_SLOTS; ++slot) {
    for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
      auto map = BpfMap::OpenPinned(kTableNames[i], PinOf(slot, i), true);
      if (!map) continue;  // nothing was ever there
      auto described = Describe(*map);
      if (!described) return described.error();
      // A start that was cut off may have pinned what it never published.
      if (IdAt(outer_, PlaceOf(slot, i)) != described->id) continue;
      auto table = std::make_shared<Table>();
      table->entries = described->max_entries;
      table->map = std::move(*map);
      slots_[slot][i] = std::move(table);
    }
  }
  return {};
}

std::shared_ptr<const SlotImages::Table> SlotImages::Find(uint32_t slot, size_t table) const {
  const auto holds = [&](const std::shared_ptr<const Table>& known) {
    if (known == nullptr) return false;
    const std::span<const pm_block> blocks = parts_.beyond(table);
    if (known->entries != blocks.size()) return false;
    if (blocks.size() > 1) return known->map.HoldsMapped(blocks.data(), blocks.size_bytes());
    // Most tables have nothing beyond the front, and a block is sooner read than mapped.
    const auto only = known->map.Lookup<uint32_t, pm_block>(0);
    return only && *only && std::memcmp(&**only, blocks.data(), sizeof(pm_block)) == 0;
  };
  if (holds(slots_[slot][table])) return slots_[slot][table];
  for (const auto& other : slots_)
    if (holds(other[table])) return other[table];
  return nullptr;
}

Result<std::shared_ptr<const SlotImages::Table>> SlotImages::Make(size_t table) {
  auto map = MakeTable(parts_.beyond(table), kTableNames[table]);
  if (!map) return map.error();
  auto made = std::make_shared<Table>();
  made->map = std::move(*map);
  made->entries = parts_.beyond(table).size();
  ++made_;
  return std::shared_ptr<const Table>(std::move(made));
}

Result<void> SlotImages::Fill(uint32_t slot, const Image& image) {
  Settle();  // of a change that was given up: two calls for one place must not overtake each other
  made_ = 0;
  parts_.Take(image);
  if (auto put = fronts_.Update(slot, parts_.front()); !put) return put;
  auto& tables = slots_.at(slot);
  std::vector<std::shared_ptr<Update>> updates;
  std::array<std::shared_ptr<const Table>, PM_TABLE_COUNT> next = tables;
  for (size_t i = 0; i < PM_TABLE_COUNT; ++i) {
    next[i] = Find(slot, i);
    if (next[i] != nullptr && next[i] == tables[i]) continue;
    if (next[i] == nullptr) {
      auto made = Make(i);
      if (!made) return made.error();
      next[i] = std::move(*made);
    }
    const BpfMap& map = next[i]->map;
    if (auto pinned = Pins::Pin(map.fd(), PinOf(slot, i), false); !pinned) return pinned;
    auto described = Describe(map);
    if (!described) return described.error();
    auto update = std::make_shared<Update>();
    update->outer = FileDescriptor(fcntl(outer_.fd(), F_DUPFD_CLOEXEC, 0));
    update->place = PlaceOf(slot, i);
    update->inner = FileDescriptor(fcntl(map.fd(), F_DUPFD_CLOEXEC, 0));
    update->id = described->id;
    updates.push_back(std::move(update));
    tables[i] = nullptr;  // unknown until it is there
  }
  if (auto published = Publish(updates); !published) return published;
  tables = std::move(next);
  return {};
}

Result<void> SlotImages::Publish(const std::vector<std::shared_ptr<Update>>& updates) {
  for (const auto& update : updates) {
    waiting_.emplace_back([update] {
      const int inner = update->inner.get();
      const int failed = bpf_map_update_elem(update->outer.get(), &update->place, &inner, BPF_ANY);
      update->outcome = failed == 0 ? 0 : errno;
    });
  }
  for (const auto& update : updates) {
    while (update->outcome == -1 && IdAt(outer_, update->place) != update->id)
      std::this_thread::sleep_for(kLookAgain);
    if (const int failed = update->outcome; failed > 0)
      return Error{"publish", "a table of the image", failed, ""};
  }
  return {};
}

}  // namespace portmatrix
