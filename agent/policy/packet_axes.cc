// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/packet_axes.h"

#include <algorithm>
#include <utility>

#include "agent/policy/address_pool.h"
#include "agent/policy/protocol.h"

namespace portmatrix {
namespace {

constexpr uint32_t kLastKey = 0xffff;

}  // namespace

PacketAxes::PacketAxes(const std::vector<AskedMatch>& matches, Family family, WorkBudget& budget)
    : family_(family), rows_(matches.size()), empty_(pool_.Add({}, kLastKey)) {
  for (const PacketAxis axis : {PacketAxis::kPort, PacketAxis::kIcmp, PacketAxis::kSourcePort}) {
    last_[static_cast<size_t>(axis)] = kLastKey;
  }
  for (size_t i = 0; i < matches.size(); ++i) SetServices(*matches[i].match, rows_[i]);
  SetAddresses(matches, PacketAxis::kFrom, budget);
  SetAddresses(matches, PacketAxis::kTo, budget);
  for (size_t axis = 0; axis < kPacketAxes; ++axis) SetBoundaries(static_cast<PacketAxis>(axis));
}

void PacketAxes::SetServices(const Match& match, Row& row) {
  if (match.any_protocol) {
    row.protocols.set();
  } else {
    for (const uint8_t protocol : match.protocols) row.protocols.set(protocol);
  }
  row.protocols.reset(family_ == Family::kIpv4 ? protocol::kIcmpv6 : protocol::kIcmp);
  row.possible = row.protocols.any();
  const auto set = [&](PacketAxis axis, const Stretches<uint32_t>& values) {
    row.values[static_cast<size_t>(axis)] = pool_.Add(values, kLastKey);
  };
  set(PacketAxis::kPort, StretchesOf(match.ports));
  set(PacketAxis::kIcmp, StretchesOf(match.icmp_type, match.icmp_code));
  set(PacketAxis::kSourcePort, StretchesOf(match.source_ports));
}

void PacketAxes::SetAddresses(const std::vector<AskedMatch>& matches, PacketAxis axis,
                              WorkBudget& budget) {
  const bool source = axis == PacketAxis::kFrom;
  AddressPool sets;
  std::vector<size_t> numbers;
  std::vector<Stretches<Address>> stretches;
  for (const AskedMatch& asked : matches) {
    const AddressSet& set = source ? asked.match->from : asked.match->to;
    const size_t number = sets.Add(set);
    numbers.push_back(number);
    if (number == stretches.size()) stretches.push_back(StretchesOf(set, family_));
  }

  std::vector<Address>& first = first_[static_cast<size_t>(axis)];
  first.push_back({family_, {}});
  for (const Stretches<Address>& set : stretches) {
    budget.Spend(set.size() * 4);
    for (const Stretch<Address>& stretch : set) {
      first.push_back(stretch.first);
      if (const auto behind = AddressAfter(stretch.last)) first.push_back(*behind);
    }
  }
  std::ranges::sort(first);
  first.erase(std::unique(first.begin(), first.end()), first.end());
  const auto last = static_cast<uint32_t>(first.size() - 1);
  last_[static_cast<size_t>(axis)] = last;

  // The number of the stretch that begins at or holds the address.
  const auto number_of = [&](const Address& address) {
    return static_cast<uint32_t>(std::ranges::upper_bound(first, address) - first.begin() - 1);
  };
  std::vector<ValuePool::Id> ids;
  for (const Stretches<Address>& set : stretches) {
    Values values;
    for (const Stretch<Address>& stretch : set) {
      values.push_back({number_of(stretch.first), number_of(stretch.last)});
    }
    ids.push_back(pool_.Add(values, last));
  }
  for (size_t i = 0; i < matches.size(); ++i) {
    rows_[i].values[static_cast<size_t>(axis)] = ids[numbers[i]];
    const LiveBits live = source ? matches[i].from_live : matches[i].to_live;
    if (stretches[numbers[i]].empty() && live == 0) rows_[i].possible = false;
  }
}

void PacketAxes::SetBoundaries(PacketAxis axis) {
  std::vector<ValuePool::Id> sets;
  for (size_t i = 0; i < rows_.size(); ++i) {
    if (IsPossible(i) && At(axis, i) != ValuePool::kAll) sets.push_back(At(axis, i));
  }
  std::ranges::sort(sets);
  sets.erase(std::unique(sets.begin(), sets.end()), sets.end());
  std::vector<Boundary>& boundaries = boundaries_[static_cast<size_t>(axis)];
  for (const ValuePool::Id set : sets) {
    for (const Stretch<uint32_t>& stretch : pool_.at(set)) {
      boundaries.push_back({stretch.first, set});
      if (stretch.last < Greatest(axis)) boundaries.push_back({stretch.last + 1, set});
    }
  }
  std::ranges::sort(boundaries, {},
                    [](const Boundary& each) { return std::pair(each.position, each.set); });
}

AddressStretches PacketAxes::AddressesOf(PacketAxis axis, ValuePool::Id values) const {
  const Prefix all{{family_, {}}, 0};
  if (values == ValuePool::kAll) return {{all.address, LastAddress(all)}};
  const std::vector<Address>& first = first_[static_cast<size_t>(axis)];
  AddressStretches addresses;
  for (const Stretch<uint32_t>& stretch : pool_.at(values)) {
    const size_t behind = size_t{stretch.last} + 1;
    addresses.push_back({first[stretch.first],
                         behind < first.size() ? *AddressBefore(first[behind]) : LastAddress(all)});
  }
  return addresses;
}

}  // namespace portmatrix
