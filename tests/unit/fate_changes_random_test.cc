// SPDX-License-Identifier: Apache-2.0
// The difference of random policies, held against the reference evaluator: a packet is in it
// exactly if the evaluator judges it otherwise under the other policy, whatever live sets hold. And
// policies that are only written otherwise have none.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/conversations.h"
#include "agent/policy/evaluator.h"
#include "agent/policy/fate_changes.h"
#include "agent/policy/judging.h"
#include "agent/policy/live_content.h"
#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "agent/policy/tuple.h"
#include "tests/support/packet_text.h"
#include "tests/support/policy_edges.h"
#include "tests/support/random_policy.h"
#include "tests/unit/fate_judge.h"

namespace portmatrix {
namespace {

constexpr size_t kPlenty = 2'000'000'000;
constexpr uint64_t kPairs = 150;
constexpr int kPackets = 250;

const Interface* Find(const Node& node, const std::string& name) {
  const auto found = std::ranges::find(node.interfaces, name, &Interface::name);
  return found == node.interfaces.end() ? nullptr : &*found;
}

std::string KeyOf(const Fate& fate) { return ToString(fate); }

// Packets near everything that either policy names, and in and around what changes.
class Packets {
 public:
  Packets(const Node& before, const Node& after, uint64_t seed)
      : random_(seed), edges_{PolicyEdges(before), PolicyEdges(after)} {}

  pm_tuple Next(const std::vector<FateChange>& changes) {
    if (!changes.empty() && random_.Percent(50)) return Near(random_.From(changes));
    const Family family = random_.Percent(50) ? Family::kIpv4 : Family::kIpv6;
    const PolicyEdges& edges = random_.From(edges_);
    return Made(edges.AnyAddress(random_, family), random_.From(edges_).AnyAddress(random_, family),
                AnyProtocol(family));
  }

 private:
  uint8_t AnyProtocol(Family family) {
    const uint8_t icmp = family == Family::kIpv4 ? protocol::kIcmp : protocol::kIcmpv6;
    return random_.Pick<uint8_t>({protocol::kTcp, protocol::kTcp, protocol::kUdp, protocol::kUdp,
                                  protocol::kSctp, icmp, icmp, 47, 89, 200});
  }

  pm_tuple Made(const Address& from, const Address& to, uint8_t protocol) {
    pm_tuple tuple = MakeTuple(from, to, protocol);
    const PolicyEdges& edges = random_.From(edges_);
    if (HasPorts(protocol)) {
      tuple.source_port = edges.AnyPort(random_);
      tuple.destination_port = edges.AnyPort(random_);
    } else if (IsIcmp(protocol)) {
      tuple.destination_port =
          IcmpService(random_.Pick<uint8_t>({0, 0, 8, 8, 3, 11, 128, 128, 129, 129, 1, 2, 4, 12}),
                      random_.Pick<uint8_t>({0, 0, 0, 1, 3, 4}));
    }
    return tuple;
  }

  template <typename Value>
  Value Edge(const Stretches<Value>& stretches) {
    const auto& stretch = random_.From(stretches);
    return random_.Percent(50) ? stretch.first : stretch.last;
  }

  // In the region or, by one dimension, just outside.
  pm_tuple Near(const FateChange& change) {
    const PacketRegion& region = change.region;
    pm_tuple tuple = PacketIn(region);
    Address from = Edge(*region.from);
    Address to = Edge(*region.to);
    if (random_.Percent(20)) from = AddressAfter(from).value_or(from);
    if (random_.Percent(20)) to = AddressBefore(to).value_or(to);
    uint8_t protocol = tuple.protocol;
    for (int tries = 0; tries < 8; ++tries) {
      const uint8_t other = AnyProtocol(region.family);
      if (region.protocols.test(other) || tries == 7) protocol = other;
    }
    tuple = MakeTuple(from, to, protocol);
    if (HasPorts(protocol)) {
      tuple.source_port = static_cast<uint16_t>(Edge(region.source_ports));
      tuple.destination_port = static_cast<uint16_t>(Edge(region.services));
      if (random_.Percent(15)) ++tuple.source_port;
      if (random_.Percent(15)) --tuple.destination_port;
    } else if (IsIcmp(protocol)) {
      tuple.destination_port = static_cast<uint16_t>(Edge(region.services));
      if (random_.Percent(15)) ++tuple.destination_port;
    }
    return tuple;
  }

  Random random_;
  std::vector<PolicyEdges> edges_;
};

class Difference {
 public:
  Difference(const Node& before, const Node& after, const FateQuestion& question)
      : before_(before), after_(after) {
    WorkBudget budget(kPlenty);
    changes_ = CompareFates(before, after, question, budget);
    EXPECT_TRUE(changes_.complete());
  }

  const std::vector<FateChange>& all() const { return changes_.changes; }

  // The change that holds the packet, of which there is one at most. Null where it is spoofed under
  // both policies.
  const FateChange* Find(const std::string& interface, Direction direction, bool answer,
                         const pm_tuple& tuple, const LiveContent& live) const {
    if (direction == Direction::kIn && IsSpoofed(interface, tuple)) return nullptr;
    const FateChange* found = nullptr;
    for (const FateChange& change : changes_.changes) {
      if (change.interface != interface || change.direction != direction ||
          change.answer != answer ||
          !change.region.Contains(tuple, Holding(live, TupleSource(tuple)),
                                  Holding(live, TupleDestination(tuple)))) {
        continue;
      }
      EXPECT_EQ(found, nullptr) << "in two regions";
      found = &change;
    }
    return found;
  }

  const std::vector<std::string>& live_sets() const { return changes_.live_sets; }

  bool IsSpoofed(const std::string& interface, const pm_tuple& tuple) const {
    const Address source = TupleSource(tuple);
    return source == TupleDestination(tuple) ||
           AlwaysSpoofed(portmatrix::Find(before_, interface), portmatrix::Find(after_, interface))
               .Contains(source);
  }

 private:
  // The live sets that hold the address, as regions have them.
  LiveBits Holding(const LiveContent& live, const Address& address) const {
    LiveBits bits = 0;
    for (size_t set = 0; set < live_sets().size(); ++set) {
      if (live.Contains(live_sets()[set], address, 0)) bits |= LiveBits{1} << set;
    }
    return bits;
  }

  const Node& before_;
  const Node& after_;
  FateChanges changes_;
};

// Puts the packet's addresses into some of the sets, and nothing else.
LiveContent AnyContent(Random& random, const std::vector<std::string>& sets,
                       const pm_tuple& tuple) {
  LiveContent live;
  for (const std::string& set : sets) {
    for (const Address& address : {TupleSource(tuple), TupleDestination(tuple)}) {
      if (random.Percent(40)) live.Add(set, HostPrefix(address));
    }
  }
  return live;
}

std::vector<std::string> NamesOf(const Node& before, const Node& after) {
  std::vector<std::string> names;
  for (const Node* node : {&before, &after}) {
    for (const Interface& interface : node->interfaces) names.push_back(interface.name);
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void Compare(const Node& before, const Node& after, uint64_t seed, size_t* seen) {
  const Difference verdicts(before, after, {.by_rule = false, .all_answers = false});
  const Difference fates(before, after, {.by_rule = true, .all_answers = true});
  Packets packets(before, after, seed);
  Random random(seed + 1);
  LiveContent live;
  for (const std::string& name : NamesOf(before, after)) {
    const Judge was(before, name, live);
    const Judge is(after, name, live);
    std::vector<FateChange> of_interface;
    for (const FateChange& change : fates.all())
      if (change.interface == name) of_interface.push_back(change);
    for (int i = 0; i < kPackets; ++i) {
      const pm_tuple tuple = packets.Next(of_interface);
      // DHCP's exchange passes even from its own destination, which no region can tell.
      if (TupleSource(tuple) == TupleDestination(tuple) && tuple.protocol == protocol::kUdp)
        continue;
      live = AnyContent(random, verdicts.live_sets(), tuple);
      for (const Direction direction : {Direction::kIn, Direction::kOut}) {
        SCOPED_TRACE(name + " " + ToString(direction) + " " + TextOf(tuple));
        const Fate opening_was = was.Opening(direction, tuple);
        const Fate opening_is = is.Opening(direction, tuple);
        const bool turned = opening_was.verdict != opening_is.verdict;
        const FateChange* change = verdicts.Find(name, direction, false, tuple, live);
        ASSERT_EQ(change != nullptr, turned) << KeyOf(opening_was) << " -> " << KeyOf(opening_is);
        if (change != nullptr) {
          ++*seen;
          EXPECT_EQ(KeyOf(change->was), KeyOf(opening_was));
          EXPECT_EQ(KeyOf(change->becomes), KeyOf(opening_is));
        }
        const bool other =
            KeyOf(opening_was) != KeyOf(opening_is) && opening_was.judged && opening_is.judged;
        ASSERT_EQ(fates.Find(name, direction, false, tuple, live) != nullptr, turned || other)
            << KeyOf(opening_was) << " -> " << KeyOf(opening_is);

        if (IsEchoRequest(tuple)) continue;  // always opens
        const Fate answer_was = was.Answer(direction, tuple);
        const Fate answer_is = is.Answer(direction, tuple);
        const bool told = turned && opening_was.verdict == answer_was.verdict &&
                          opening_is.verdict == answer_is.verdict;
        const bool answered = answer_was.verdict != answer_is.verdict && !told;
        const FateChange* answer = fates.Find(name, direction, true, tuple, live);
        ASSERT_EQ(answer != nullptr, answered) << KeyOf(answer_was) << " -> " << KeyOf(answer_is);
        if (answer == nullptr) continue;
        EXPECT_EQ(answer->was.verdict, answer_was.verdict);
        EXPECT_EQ(answer->becomes.verdict, answer_is.verdict);
        // Told alone where no line about the packet that it answers tells it.
        const auto question = Reversed(tuple);
        ASSERT_TRUE(question);
        const Direction other_way = Opposite(direction);
        if (other_way == Direction::kIn && verdicts.IsSpoofed(name, *question)) continue;
        const FateChange* opener = verdicts.Find(name, other_way, false, *question, live);
        const bool follows = opener != nullptr && opener->becomes.verdict == answer_is.verdict;
        EXPECT_EQ(verdicts.Find(name, direction, true, tuple, live) == nullptr, follows);
      }
    }
  }
}

void CompareMany(bool with_live_sets, size_t* seen) {
  for (uint64_t seed = 0; seed < kPairs; ++seed) {
    Random random(seed);
    Node before = RandomNode(random);
    if (with_live_sets) AddLiveSets(before, random);
    // Every fifth has little in common.
    Node after = seed % 5 == 0 ? RandomNode(random) : Mutate(before, random);
    if (with_live_sets) AddLiveSets(after, random);
    Compare(before, after, seed, seen);
    if (testing::Test::HasFailure()) FAIL() << "seed " << seed;
  }
}

TEST(RandomFateChanges, AreWhatTheEvaluatorJudgesOtherwise) {
  size_t seen = 0;
  CompareMany(/*with_live_sets=*/false, &seen);
  EXPECT_GT(seen, kPairs * 20);
}

TEST(RandomFateChanges, AreSoWhateverLiveSetsHold) {
  size_t seen = 0;
  CompareMany(/*with_live_sets=*/true, &seen);
  EXPECT_GT(seen, kPairs * 20);
}

AddressSet Split(const AddressSet& set, Random& random) {
  std::vector<Prefix> prefixes;
  if (set.any()) {
    prefixes = {Prefix{Address{Family::kIpv4, {}}, 0}, Prefix{Address{Family::kIpv6, {}}, 0}};
  } else {
    prefixes = set.prefixes();
  }
  std::vector<Prefix> split;
  for (const Prefix& prefix : prefixes) {
    if (prefix.length == AddressBits(prefix.address.family) || random.Percent(40)) {
      split.push_back(prefix);
      continue;
    }
    const auto length = static_cast<uint8_t>(prefix.length + 1);
    split.push_back({prefix.address, length});
    split.push_back({Masked(LastAddress(prefix), length), length});
  }
  return AddressSet::Of(std::move(split));
}

// The rule as one for each of its protocols, port ranges cut in two, addresses in halves.
std::vector<Rule> Rewritten(const Rule& rule, Random& random) {
  std::vector<Rule> rules;
  std::vector<std::vector<uint8_t>> protocols = {rule.match.protocols};
  if (random.Percent(50) && !rule.match.any_protocol) {
    protocols.clear();
    for (const uint8_t protocol : rule.match.protocols) protocols.push_back({protocol});
  }
  for (const std::vector<uint8_t>& some : protocols) {
    Rule one = rule;
    one.match.protocols = some;
    one.match.from = Split(rule.match.from, random);
    one.match.to = Split(rule.match.to, random);
    if (!rule.match.ports.empty() && random.Percent(60)) {
      Rule low = one;
      low.match.ports.clear();
      for (const PortRange& range : rule.match.ports) {
        const auto middle = static_cast<uint16_t>(range.first + (range.last - range.first) / 2);
        low.match.ports.push_back({range.first, middle});
      }
      rules.push_back(low);
    }
    rules.push_back(one);
  }
  return rules;
}

bool Independent(const Rule& left, const Rule& right) {
  return left.direction != right.direction || left.action == right.action ||
         left.state != RuleState::kActive || right.state != RuleState::kActive ||
         !left.match.from.Intersects(right.match.from) || !left.match.to.Intersects(right.match.to);
}

Node WrittenOtherwise(const Node& node, Random& random) {
  Node other = node;
  for (Interface& interface : other.interfaces) {
    interface.local = Split(interface.local, random);
    std::vector<Rule> rules;
    for (const Rule& rule : interface.rules) {
      for (Rule& part : Rewritten(rule, random)) rules.push_back(std::move(part));
    }
    for (size_t swaps = rules.size() * 3; swaps > 0 && rules.size() > 1; --swaps) {
      const size_t at = random.Below(rules.size() - 1);
      if (Independent(rules[at], rules[at + 1])) std::swap(rules[at], rules[at + 1]);
    }
    for (size_t i = 0; i < rules.size(); ++i) rules[i].key += "/" + std::to_string(i);
    interface.rules = std::move(rules);
  }
  std::ranges::reverse(other.interfaces);
  return other;
}

TEST(RandomFateChanges, AreNoneWhereOnlyTheWritingDiffers) {
  size_t reordered = 0;
  for (uint64_t seed = 0; seed < kPairs; ++seed) {
    Random random(seed);
    const Node node = RandomNode(random);
    const Node other = WrittenOtherwise(node, random);
    for (const auto* pair : {&node, &other}) {
      const Node& before = *pair;
      const Node& after = pair == &node ? other : node;
      const Difference difference(before, after, {.by_rule = false, .all_answers = true});
      EXPECT_TRUE(difference.all().empty()) << "seed " << seed;
    }
    reordered += node.interfaces[0].rules.size() > 1;
  }
  EXPECT_GT(reordered, kPairs / 2);
}

}  // namespace
}  // namespace portmatrix
