// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/conversations.h"

#include <algorithm>

#include "agent/policy/protocol.h"

namespace portmatrix {

uint64_t Conversations::Expiry(const pm_tuple& opening, const Entry& entry) {
  if (opening.protocol == protocol::kTcp) {
    if (entry.reset) return entry.closing + PM_TIMEOUT_TCP_RESET;
    if (entry.fin_out && entry.fin_in) {
      return std::max(entry.closing, entry.last_out) + PM_TIMEOUT_TCP_FINS;
    }
    return entry.last_out + (entry.established ? PM_TIMEOUT_TCP_ESTABLISHED : PM_TIMEOUT_TCP_SYN);
  }
  if (IsIcmp(opening)) return entry.last_out + PM_TIMEOUT_ECHO;
  return entry.last_out + (entry.answered ? PM_TIMEOUT_ANSWERED : PM_TIMEOUT_ONE_WAY);
}

void Conversations::Close(Entry& entry, Direction direction, uint8_t tcp_flags, uint64_t now) {
  if ((tcp_flags & PM_TCP_RST) && !entry.reset) {
    entry.reset = true;
    entry.closing = now;
  }
  if (!(tcp_flags & PM_TCP_FIN)) return;
  const bool complete_before = entry.fin_out && entry.fin_in;
  (direction == Direction::kOut ? entry.fin_out : entry.fin_in) = true;
  // A conversation that was reset does not live longer for a FIN.
  if (!complete_before && entry.fin_out && entry.fin_in && !entry.reset) entry.closing = now;
}

void Conversations::Refresh(const pm_packet& packet, const Rule* rule, uint64_t generation,
                            uint64_t now) {
  Entry& entry = entries_[packet.tuple];
  if (packet.opening || now >= Expiry(packet.tuple, entry)) entry = Entry{};
  entry.rule = rule;
  entry.generation = generation;
  entry.last_out = now;
  entry.reset = false;
  if (packet.tuple.protocol != protocol::kTcp) return;
  if (!packet.opening) entry.established = true;
  Close(entry, Direction::kOut, packet.tcp_flags, now);
}

void Conversations::Reset(const pm_tuple& opening, uint64_t now) {
  const auto found = entries_.find(opening);
  if (found == entries_.end() || now >= Expiry(opening, found->second)) return;
  Close(found->second, Direction::kOut, PM_TCP_RST, now);
}

const Rule* Conversations::Find(const pm_tuple& opening, uint64_t generation, bool ask_again,
                                uint64_t now, const Allows& allows) {
  const auto found = entries_.find(opening);
  if (found == entries_.end() || now >= Expiry(opening, found->second)) return nullptr;
  Entry& entry = found->second;
  if (ask_again || entry.generation != generation) {
    entry.rule = allows(opening);
    entry.generation = generation;
    if (entry.rule == nullptr) {
      entries_.erase(found);
      return nullptr;
    }
  }
  return entry.rule;
}

void Conversations::Answer(const pm_tuple& opening, uint8_t tcp_flags, uint64_t now) {
  Entry& entry = entries_.at(opening);
  entry.answered = true;
  if (opening.protocol == protocol::kTcp) Close(entry, Direction::kIn, tcp_flags, now);
}

bool Conversations::IsLive(const pm_tuple& opening, uint64_t now) const {
  const auto found = entries_.find(opening);
  return found != entries_.end() && now < Expiry(opening, found->second);
}

}  // namespace portmatrix
