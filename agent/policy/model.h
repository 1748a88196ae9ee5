// SPDX-License-Identifier: Apache-2.0
// The policy of one node with every name resolved: what the evaluator judges by and the compiler
// translates.
#ifndef PORTMATRIX_AGENT_POLICY_MODEL_H_
#define PORTMATRIX_AGENT_POLICY_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "agent/policy/source.h"
#include "maps/address.h"
#include "maps/layout.h"
#include "maps/numbering.h"

namespace portmatrix {

enum class Verdict : uint8_t { kDrop = PM_DROP, kPass = PM_PASS };
enum class Action : uint8_t { kAllow, kDeny };
enum class Mode : uint8_t { kEnforce, kAudit };

const char* ToString(Direction direction);  // "in", "out"
const char* ToString(Action action);        // "allow", "deny"
const char* ReasonWord(pm_reason reason);   // the word of layout.h's list

constexpr Direction Opposite(Direction direction) {
  return direction == Direction::kIn ? Direction::kOut : Direction::kIn;
}

// A set of addresses of both families. It never changes: copies share what they hold, so that a set
// which thousands of rules name is there once.
class AddressSet {
 public:
  AddressSet() = default;  // empty
  static AddressSet Any();
  static AddressSet Of(std::vector<Prefix> prefixes);  // sorts and reduces

  bool any() const { return content_ != nullptr && content_->any; }
  // Sorted, without duplicates or prefixes inside others; none with `any`.
  const std::vector<Prefix>& prefixes() const;
  bool empty() const { return !any() && prefixes().empty(); }

  bool Contains(const Address& address) const;
  bool ContainsAll(const AddressSet& other) const;  // every address of other is in this one
  bool Intersects(const AddressSet& other) const;
  bool operator==(const AddressSet& other) const;
  size_t Hash() const;  // of what it holds
  // The same for copies; of equal sets that were made apart it differs.
  const void* identity() const { return content_.get(); }

 private:
  struct Content {
    bool any = false;
    std::vector<Prefix> prefixes;
  };
  explicit AddressSet(std::shared_ptr<const Content> content) : content_(std::move(content)) {}

  std::shared_ptr<const Content> content_;  // null: empty
};

// A set whose entries come and go at run time; what it holds is no part of the policy.
struct LiveSet {
  std::string name;
  uint32_t max = 0;  // entries
  Span span;         // of the name
};

// Live sets of a node: bit i stands for node.live_sets[i].
using LiveMask = uint32_t;

// The live sets that hold an address of a packet at the moment.
struct LiveMembership {
  LiveMask source = 0;
  LiveMask destination = 0;
};

struct PortRange {
  uint16_t first = 0;
  uint16_t last = 0;  // inclusive
  bool Contains(uint16_t port) const { return first <= port && port <= last; }
  auto operator<=>(const PortRange&) const = default;
};

// Which packets a rule or failsafe entry means, addresses and services together. A side is its
// addresses and whatever its live sets hold at the moment; beside `any` no live set is kept, and
// failsafe entries have none.
struct Match {
  AddressSet from;
  AddressSet to;
  LiveMask from_live = 0;
  LiveMask to_live = 0;
  bool any_protocol = false;
  std::vector<uint8_t> protocols;       // sorted; empty with any_protocol
  std::vector<PortRange> ports;         // destination; sorted, merged; empty: all
  std::vector<PortRange> source_ports;  // likewise
  std::optional<uint8_t> icmp_type;     // of ICMP or ICMPv6
  std::optional<uint8_t> icmp_code;     // only with icmp_type

  // Does a packet with this tuple (maps/layout.h, struct pm_tuple) match, its addresses being in
  // these live sets? The interface field is not looked at.
  bool Matches(const pm_tuple& tuple, LiveMembership live = {}) const;
  // Does it depend on what live sets hold?
  bool is_live() const { return (from_live | to_live) != 0; }
};

enum class RuleState : uint8_t {
  kActive,
  kDisabled,  // enabled: false
  kExpired,
  kInactive,  // its local side names only addresses local to another interface of the node
};

// What the policy says of a rule beside its meaning, and how it wrote it.
struct RuleText {
  std::string description;
  std::string from;  // as written: set names and prefixes, not resolved
  std::string to;
  std::map<std::string, std::string> ignore;  // lint name to reason
};

// A rule in one direction; `direction: both` gives two.
struct Rule {
  std::string key;  // interface/matrix/id
  Direction direction = Direction::kIn;
  Action action = Action::kAllow;
  RuleState state = RuleState::kActive;
  bool log = false;
  Match match;
  std::optional<int64_t> expires;           // seconds since 1970
  Span span;                                // of the rule's id
  std::shared_ptr<const RuleText> written;  // null: left out (resolve.h)

  std::string_view matrix() const;
  std::string_view id() const;
  const RuleText& text() const;  // empty where it was left out
};

struct FailsafeEntry {
  Match match;
  std::string from_text;
  Span span;
  std::string to_text = {};  // empty: `to` was not written
};

// Which tags select an interface on its devices. Priority tags (VID 0) are as if absent.
struct VlanSelector {
  enum class Kind : uint8_t { kNone, kAny, kTags };
  Kind kind = Kind::kNone;
  uint16_t outer = 0;  // 1..4094 with kTags
  uint16_t inner = 0;  // zero: one tag only
  auto operator<=>(const VlanSelector&) const = default;
};

struct Interface {
  std::string name;
  std::vector<std::string> devices;
  AddressSet local;
  VlanSelector vlan;
  Mode mode = Mode::kEnforce;
  XdpMode xdp = XdpMode::kNative;
  Verdict default_verdict = Verdict::kDrop;
  bool dhcp_client = false;
  bool router_advertisements = true;
  std::vector<uint16_t> ethertypes;  // that pass; zero stands for 802.3 lengths
  std::vector<Rule> rules;  // of both directions, in order of judgement, with those not active
  Span span;
};

// One packet with nothing known before it, and what shall become of it.
struct Expectation {
  std::string interface;
  Address from;
  Address to;
  uint8_t protocol = 0;
  std::optional<uint16_t> port;
  std::optional<uint16_t> source_port;
  std::optional<uint8_t> icmp_type;
  std::optional<uint8_t> icmp_code;
  Verdict verdict = Verdict::kDrop;
  std::optional<std::string> rule;  // stable key
  Span span;
};

struct Node {
  std::string name;
  std::vector<LiveSet> live_sets;  // at most kMaxLiveSets; the node's own, and shared ones in use
  std::vector<FailsafeEntry> failsafe;
  std::vector<Interface> interfaces;  // in the order written
  std::vector<Expectation> expectations;
  Span span;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_MODEL_H_
