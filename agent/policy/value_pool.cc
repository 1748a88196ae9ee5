// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/value_pool.h"

#include <algorithm>

namespace portmatrix {
namespace {

void Append(Values& values, const Stretch<uint32_t>& stretch) {
  if (!values.empty() && values.back().last + 1 == stretch.first) {
    values.back().last = stretch.last;
  } else {
    values.push_back(stretch);
  }
}

bool Equal(const Values& left, const Values& right) {
  return std::ranges::equal(left, right, [](const auto& a, const auto& b) {
    return a.first == b.first && a.last == b.last;
  });
}

}  // namespace

ValuePool::Id ValuePool::Add(const Values& values, uint32_t last) {
  Values joined;
  for (const Stretch<uint32_t>& stretch : values) Append(joined, stretch);
  if (joined.size() == 1 && joined[0].first == 0 && joined[0].last == last) return kAll;
  Hasher hasher;
  for (const Stretch<uint32_t>& stretch : joined) {
    hasher.Add(stretch.first);
    hasher.Add(stretch.last);
  }
  const auto [first, end] = by_hash_.equal_range(hasher.hash());
  for (auto known = first; known != end; ++known) {
    if (Equal(values_[known->second], joined)) return known->second;
  }
  const auto id = static_cast<Id>(values_.size());
  by_hash_.emplace(hasher.hash(), id);
  values_.push_back(std::move(joined));
  return id;
}

ValuePool::Id ValuePool::Join(Id left, Id right, uint32_t last) {
  Values both;
  both.reserve(at(left).size() + at(right).size());
  std::ranges::merge(at(left), at(right), std::back_inserter(both), {}, &Stretch<uint32_t>::first,
                     &Stretch<uint32_t>::first);
  return Add(both, last);
}

}  // namespace portmatrix
