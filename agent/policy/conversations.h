// SPDX-License-Identifier: Apache-2.0
// The evaluator's table of conversations: what `out` packets opened, how long each lives, and whose
// rule it counts for. An entry of another generation counts only after the judging one has allowed
// its opening tuple again.
#ifndef PORTMATRIX_AGENT_POLICY_CONVERSATIONS_H_
#define PORTMATRIX_AGENT_POLICY_CONVERSATIONS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <unordered_map>

#include "agent/policy/model.h"
#include "agent/policy/tuple.h"
#include "maps/layout.h"

namespace portmatrix {

class Conversations {
 public:
  // The `out` rule that allows an opening tuple in the judging generation, or null.
  using Allows = std::function<const Rule*(const pm_tuple& opening)>;

  // An `out` packet that `rule` allowed makes the conversation of its tuple, or refreshes it.
  void Refresh(const pm_packet& packet, const Rule* rule, uint64_t generation, uint64_t now);
  // An `out` RST ends the conversation of its tuple, if there is a live one.
  void Reset(const pm_tuple& opening, uint64_t now);

  // The rule of the live conversation that `opening` opened, or null. `allows` is asked about an
  // entry of another generation, or whenever `ask_again`.
  const Rule* Find(const pm_tuple& opening, uint64_t generation, bool ask_again, uint64_t now,
                   const Allows& allows);
  // An answer passed in the conversation that Find has just found.
  void Answer(const pm_tuple& opening, uint8_t tcp_flags, uint64_t now);

  size_t size() const { return entries_.size(); }
  bool IsLive(const pm_tuple& opening, uint64_t now) const;

 private:
  struct Entry {
    const Rule* rule = nullptr;  // of `generation`: not to be followed in another
    uint64_t generation = 0;
    uint64_t last_out = 0;
    uint64_t closing = 0;  // the first RST, or the FIN that completed the pair
    bool answered = false;
    bool established = false;  // TCP: an `out` packet other than an opening one
    bool fin_out = false;
    bool fin_in = false;
    bool reset = false;
  };
  static uint64_t Expiry(const pm_tuple& opening, const Entry& entry);
  // What FIN and RST of a packet in either direction mean.
  static void Close(Entry& entry, Direction direction, uint8_t tcp_flags, uint64_t now);

  std::unordered_map<pm_tuple, Entry, TupleHash, TupleEqual> entries_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_CONVERSATIONS_H_
