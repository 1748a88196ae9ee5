// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_classes.h"

#include <algorithm>
#include <utility>

namespace portmatrix {
namespace {

// A number by which the presence of a set changes the hash of those that are present (Zobrist).
uint64_t Mixed(uint64_t number) {
  number = (number + 1) * 0x9e3779b97f4a7c15;
  number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
  number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
  return number ^ (number >> 31);
}

}  // namespace

// Who holds the value at which the sweep has come. Members with equal sets come and go together.
class PacketClasses::Sweep {
 public:
  Sweep(const PacketAxes& axes, std::span<const ValuePool::Id> sets,
        const std::vector<bool>& matters, size_t words)
      : bits_(words), matters_(matters), group_of_(axes.pool_size(), kNone) {
    for (uint32_t member = 0; member < sets.size(); ++member) {
      if (sets[member] == ValuePool::kAll) {
        Toggle(member);
        if (Matters(member)) ++mattering_;
        continue;
      }
      if (axes.IsEmpty(sets[member])) continue;
      uint32_t& group = group_of_[sets[member]];
      if (group == kNone) {
        group = static_cast<uint32_t>(groups_.size());
        groups_.emplace_back();
      }
      groups_[group].members.push_back(member);
    }
  }

  bool IsAsked(ValuePool::Id set) const { return group_of_[set] != kNone; }

  // The set begins if it is not there, else ends. Returns how many members that are.
  size_t Cross(ValuePool::Id set) {
    Group& group = groups_[group_of_[set]];
    group.present = !group.present;
    hash_ ^= Mixed(set);
    for (const uint32_t member : group.members) {
      Toggle(member);
      if (!Matters(member)) continue;
      if (group.present) {
        ++mattering_;
      } else {
        --mattering_;
      }
    }
    return group.members.size();
  }

  bool matters() const { return matters_.empty() || mattering_ > 0; }
  uint64_t hash() const { return hash_; }
  MemberBits bits() const { return bits_; }

 private:
  struct Group {
    bool present = false;
    std::vector<uint32_t> members;
  };

  bool Matters(uint32_t member) const { return !matters_.empty() && matters_[member]; }
  void Toggle(uint32_t member) {
    bits_[member / kMemberBits] ^= uint64_t{1} << (member % kMemberBits);
  }

  std::vector<uint64_t> bits_;
  const std::vector<bool>& matters_;
  std::vector<uint32_t> group_of_;  // by set
  std::vector<Group> groups_;
  size_t mattering_ = 0;
  uint64_t hash_ = 0;
};

PacketClasses::PacketClasses(const PacketAxes& axes, PacketAxis axis,
                             std::span<const ValuePool::Id> sets, const std::vector<bool>& matters,
                             WorkBudget& budget)
    : words_((sets.size() + kMemberBits - 1) / kMemberBits), greatest_(axes.Greatest(axis)) {
  Sweep sweep(axes, sets, matters, words_);
  const auto& boundaries = axes.boundaries(axis);
  budget.Spend(sets.size() + boundaries.size() + axes.pool_size() / 8);
  size_t next = 0;
  for (uint32_t position = 0;; position = boundaries[next].position) {
    size_t crossed = 0;
    for (; next < boundaries.size() && boundaries[next].position == position; ++next) {
      if (sweep.IsAsked(boundaries[next].set)) crossed += sweep.Cross(boundaries[next].set);
    }
    if (position == 0 || crossed > 0) {
      budget.Spend(crossed + words_ + 4);
      const auto piece = static_cast<uint32_t>(pieces_.size());
      pieces_.push_back({position, kNone});
      if (sweep.matters()) {
        const uint32_t its = ClassOf(sweep.hash(), sweep.bits());
        pieces_.back().before = std::exchange(last_[its], piece);
      }
    }
    if (next == boundaries.size()) break;
    if (budget.used_up()) {
      complete_ = false;
      break;
    }
  }
}

uint32_t PacketClasses::ClassOf(uint64_t hash, MemberBits bits) {
  const auto [first, end] = known_.equal_range(hash);
  for (auto known = first; known != end; ++known) {
    if (std::ranges::equal(at(known->second), bits)) return known->second;
  }
  const auto its = static_cast<uint32_t>(size());
  known_.emplace(hash, its);
  bits_.insert(bits_.end(), bits.begin(), bits.end());
  last_.push_back(kNone);
  return its;
}

Values PacketClasses::ValuesOf(const Values& classes, WorkBudget& budget) const {
  // Which pieces they are, as bits, so that they come out in their order.
  std::vector<uint64_t> pieces((pieces_.size() + kMemberBits - 1) / kMemberBits);
  size_t work = pieces.size();
  for (const Stretch<uint32_t>& some : classes) {
    for (uint32_t each = some.first; each <= some.last; ++each) {
      for (uint32_t piece = last_[each]; piece != kNone; piece = pieces_[piece].before) {
        pieces[piece / kMemberBits] |= uint64_t{1} << (piece % kMemberBits);
        ++work;
      }
    }
  }
  budget.Spend(work);
  Values values;
  ForEachMember(pieces, [&](size_t piece) {
    const uint32_t first = pieces_[piece].first;
    const uint32_t last = piece + 1 < pieces_.size() ? pieces_[piece + 1].first - 1 : greatest_;
    if (!values.empty() && values.back().last + 1 == first) {
      values.back().last = last;
    } else {
      values.push_back({first, last});
    }
  });
  return values;
}

}  // namespace portmatrix
