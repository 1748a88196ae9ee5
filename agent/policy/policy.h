// SPDX-License-Identifier: Apache-2.0
// A policy as it was written: matrices, nodes and sets with every value typed and checked by
// itself, and every name still a name. Reading (reader.h) makes it of text; resolving (resolve.h)
// makes a node's model of it.
#ifndef PORTMATRIX_AGENT_POLICY_POLICY_H_
#define PORTMATRIX_AGENT_POLICY_POLICY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/model.h"
#include "agent/policy/source.h"
#include "maps/address.h"

namespace portmatrix {

struct WrittenName {
  std::string text;
  Span span;
};

// One element of `from`, `to`, `local` or a set.
struct AddressTerm {
  enum class Kind : uint8_t { kAny, kPrefix, kSet };
  Kind kind = Kind::kAny;
  Prefix prefix;     // with kPrefix
  std::string name;  // with kSet
  Span span;
};

struct AddressTerms {
  std::vector<AddressTerm> terms;
  std::shared_ptr<const std::vector<Prefix>> listed;  // of a set's list file, else null
  std::string text;                                   // as written: "any", "access, 10.0.0.0/8"
  Span span;                                          // of the whole value
  bool broken = false;  // a term was refused, so that what is here is not all
};

struct WrittenSet {
  std::string name;
  Span span;  // of the name
  AddressTerms content;
  std::optional<uint32_t> live_max = {};  // a dynamic set, for so many entries; it has no content
};

// The protocols and ports of a rule, failsafe entry or expectation: Match without its addresses.
struct WrittenService {
  bool any_protocol = false;
  std::vector<uint8_t> protocols;
  std::vector<PortRange> ports;
  std::vector<PortRange> source_ports;
  std::optional<uint8_t> icmp_type;
  std::optional<uint8_t> icmp_code;
  Span span;  // of the protocol
};

struct WrittenRule {
  enum class Way : uint8_t { kIn, kOut, kBoth };
  std::string id;
  Span span;  // of the id
  AddressTerms from;
  AddressTerms to;
  WrittenService service;
  Action action = Action::kAllow;
  std::optional<Way> way;  // `direction`, where written
  Span way_span;
  bool log = false;
  bool enabled = true;
  std::optional<int64_t> expires;  // seconds since 1970
  std::string description;
  std::map<std::string, std::string> ignore;  // lint name to reason
  bool broken = false;                        // something in it was refused
};

struct WrittenMatrix {
  std::string name;
  Span span;
  std::string description;
  std::vector<WrittenRule> rules;
};

struct WrittenFailsafe {
  Span span;
  AddressTerms from;
  std::optional<AddressTerms> to;  // absent: any
  WrittenService service;
};

struct WrittenInterface {
  std::string name;
  Span span;
  std::vector<WrittenName> devices;
  AddressTerms local;
  bool shared_local = false;
  std::vector<WrittenName> matrices;
  VlanSelector vlan;
  Mode mode = Mode::kEnforce;
  XdpMode xdp = XdpMode::kNative;
  Verdict default_verdict = Verdict::kDrop;
  bool dhcp_client = false;
  bool router_advertisements = true;
  std::vector<uint16_t> ethertypes;
};

// Packets of a claim that are not meant: what is not written is as in the claim.
struct WrittenException {
  std::optional<AddressTerms> from;
  std::optional<AddressTerms> to;
  WrittenService service;
};

// The packets of an expectation that means more than one.
struct WrittenClaim {
  AddressTerms from;
  AddressTerms to;
  WrittenService service;
  std::vector<WrittenException> except;
};

struct WrittenExpectation {
  Expectation expectation;  // names not yet looked up; with `claim`, without addresses and service
  Span interface_span;
  Span rule_span;  // of `rule`, where written
  std::optional<WrittenClaim> claim;
};

struct WrittenNode {
  std::string name;
  Span span;
  std::map<std::string, WrittenSet> sets;
  std::vector<WrittenFailsafe> failsafe;
  std::vector<WrittenInterface> interfaces;
  std::vector<WrittenExpectation> expectations;
};

struct Policy {
  std::map<std::string, WrittenSet> sets;  // shared ones
  std::vector<WrittenMatrix> matrices;     // in the order read
  std::vector<WrittenNode> nodes;
  // False where text or a name could not be read: what seems to be missing may stand there.
  bool complete = true;

  const WrittenMatrix* FindMatrix(std::string_view name) const;
  const WrittenNode* FindNode(std::string_view name) const;
  // What a set's name means on `node`: the node's own set before the shared one.
  const WrittenSet* FindSet(const WrittenNode& node, const std::string& name) const;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_POLICY_POLICY_H_
