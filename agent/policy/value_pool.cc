// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/value_pool.h"

#include <algorithm>

namespace portmatrix {

ValuePool::ValuePool() {
  // No set is written so, and kAll has its number.
  const uint32_t all[] = {1, 0};
  pool_.Add(all);
}

ValuePool::Id ValuePool::Add(const Values& values, uint32_t last) {
  ends_.clear();
  for (const Stretch<uint32_t>& stretch : values) {
    if (!ends_.empty() && ends_.back() + 1 == stretch.first) {
      ends_.back() = stretch.last;
    } else {
      ends_.push_back(stretch.first);
      ends_.push_back(stretch.last);
    }
  }
  if (ends_.size() == 2 && ends_[0] == 0 && ends_[1] == last) return kAll;
  return pool_.Add(ends_);
}

ValuePool::Id ValuePool::Join(std::span<const Id> sets, uint32_t last) {
  Values all;
  for (const Id set : sets) {
    const std::span<const uint32_t> ends = pool_.at(set);
    for (size_t i = 0; i < ends.size(); i += 2) all.push_back({ends[i], ends[i + 1]});
  }
  std::ranges::sort(all, {}, &Stretch<uint32_t>::first);
  return Add(all, last);
}

Values ValuePool::at(Id id) const {
  Values values;
  const std::span<const uint32_t> ends = pool_.at(id);
  for (size_t i = 0; i < ends.size(); i += 2) values.push_back({ends[i], ends[i + 1]});
  return values;
}

}  // namespace portmatrix
