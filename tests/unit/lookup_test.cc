// SPDX-License-Identifier: Apache-2.0
// Images, asked by their lookup: which interface a frame is for, what is local to it, which rule
// comes first; and what is answered where a table ends too soon.
#include "maps/lookup.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "agent/compile/compile.h"
#include "tests/support/node_builder.h"
#include "tests/support/random_policy.h"
#include "tests/support/talk.h"

namespace portmatrix {
namespace {

constexpr size_t kDenseWords[] = {kMostDenseWords, 0, 12};

// A node with its numbers and its image.
struct Compiled {
  explicit Compiled(Node from, size_t dense_words = kMostDenseWords) : node(std::move(from)) {
    std::string what;
    if (!NumberNode(node, {.rules = 10'000}, &numbering, &what)) ADD_FAILURE() << what;
    auto compiled = Compile(node, numbering, 1, &what, dense_words);
    if (compiled)
      image = std::move(compiled->image);
    else
      ADD_FAILURE() << what;
  }

  Node node;
  Numbering numbering;
  Image image;
};

VlanSelector Tags(uint16_t outer, uint16_t inner = 0) {
  return {.kind = VlanSelector::Kind::kTags, .outer = outer, .inner = inner};
}

Interface On(const std::string& device, const std::string& name, VlanSelector vlan) {
  Interface interface = MakeInterface(name, device, {"192.0.2.1"}, {});
  interface.vlan = vlan;
  return interface;
}

TEST(ImageLookup, SelectsTheInterfaceThatNamesTheTags) {
  Node node;
  node.interfaces = {
      On("eth0", "plain", {}),
      On("eth0", "ten", Tags(10)),
      On("eth0", "ten-twenty", Tags(10, 20)),
      On("eth0", "eleven", Tags(11)),
      On("eth1", "rest", {.kind = VlanSelector::Kind::kAny}),
      On("eth1", "seven", Tags(7)),
      On("eth2", "last", Tags(4094, 4094)),
  };
  const Compiled compiled(std::move(node));
  const ImageLookup lookup(compiled.image);
  struct Case {
    const char* name;
    const char* device;
    uint16_t outer, inner;
    const char* interface;  // empty: none
  };
  const Case cases[] = {
      {"NoTag", "eth0", 0, 0, "plain"},
      {"OneTag", "eth0", 10, 0, "ten"},
      {"BothTags", "eth0", 10, 20, "ten-twenty"},
      {"TheNextTag", "eth0", 11, 0, "eleven"},
      {"AnotherInnerTag", "eth0", 10, 21, ""},
      {"TheTagBefore", "eth0", 9, 4094, ""},
      {"TheTagBehind", "eth0", 12, 0, ""},
      {"NamedBesideTheRest", "eth1", 7, 0, "seven"},
      {"TheRestHasNoTag", "eth1", 0, 0, "rest"},
      {"TheRestHasAnotherTag", "eth1", 8, 0, "rest"},
      {"TheRestHasAnInnerTag", "eth1", 7, 1, "rest"},
      {"OnlyATagIsNamed", "eth2", 0, 0, ""},
      {"TheLastTags", "eth2", 4094, 4094, "last"},
  };
  for (const Case& each : cases) {
    const uint32_t selected =
        lookup.SelectInterface(compiled.numbering.devices.at(each.device), each.outer, each.inner);
    EXPECT_EQ(selected == 0 ? "" : compiled.node.interfaces.at(selected - 1).name, each.interface)
        << each.name;
  }
  for (const uint32_t unknown : {3u, 4u, 63u})
    EXPECT_EQ(lookup.SelectInterface(unknown, 0, 0), 0u) << unknown;
}

TEST(ImageLookup, KnowsWhatIsLocalToAnInterface) {
  size_t asked = 0;
  size_t local = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    const Compiled compiled(RandomNode(random), kDenseWords[seed % 3]);
    const ImageLookup lookup(compiled.image);
    const TalkSource talks(compiled.node);
    for (int i = 0; i < 200; ++i) {
      const pm_tuple tuple = talks.Next(random).tuple;
      for (const Address& address : {SourceOf(tuple), DestinationOf(tuple)}) {
        for (uint32_t interface = 0; interface < compiled.node.interfaces.size(); ++interface) {
          const bool expected = compiled.node.interfaces[interface].local.Contains(address);
          ASSERT_EQ(lookup.IsLocal(interface, address), expected)
              << "seed " << seed << ", " << ToString(address) << " on interface " << interface;
          ++asked;
          local += expected;
        }
      }
    }
  }
  EXPECT_GT(local, asked / 20);
  EXPECT_LT(local, asked - asked / 20);
}

TEST(ImageLookup, NothingIsKnownOfAnInterfaceThatIsNotThere) {
  Node node;
  node.interfaces = {MakeInterface("ext", "eth0", {"0.0.0.0/0"}, {{.id = "all"}})};
  const Compiled compiled(std::move(node));
  const ImageLookup lookup(compiled.image);
  pm_tuple tuple{};
  tuple.family = 4;
  EXPECT_EQ(lookup.Match(0, PM_IN, tuple), PM_VALUE(PM_ACTION_ALLOW, 1));
  EXPECT_TRUE(lookup.IsLocal(0, SourceOf(tuple)));
  EXPECT_EQ(lookup.Match(1, PM_IN, tuple), PM_VALUE_BROKEN);
  EXPECT_FALSE(lookup.IsLocal(1, SourceOf(tuple)));
}

// Zero is no rule, and so lets a default of `pass` decide: a walk that found no block must not
// come out as that, or as another rule.
TEST(ImageLookup, ATableThatEndsTooSoonIsBrokenAndNeverAnotherAnswer) {
  size_t broken = 0;
  size_t untouched = 0;
  const auto every_set = [](uint32_t, const Address&) { return true; };
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    Random random(seed);
    Node node = RandomNode(random);
    AddLiveSets(node, random);
    const Compiled compiled(std::move(node), kDenseWords[seed % 3]);
    const ImageLookup whole(compiled.image);
    const TalkSource talks(compiled.node);
    std::vector<pm_tuple> tuples;
    for (int i = 0; i < 60; ++i) tuples.push_back(talks.Next(random).tuple);
    for (size_t table = 0; table < compiled.image.tables.size(); ++table) {
      const size_t blocks = compiled.image.tables[table].size();
      for (const size_t left : {size_t{0}, size_t{1}, random.Below(blocks)}) {
        Image cut = compiled.image;
        cut.tables[table].resize(std::min(left, blocks));
        const ImageLookup lookup(cut);
        for (const pm_tuple& tuple : tuples) {
          for (uint32_t i = 0; i < compiled.node.interfaces.size(); ++i) {
            for (const pm_direction direction : {PM_IN, PM_OUT}) {
              const uint32_t value = lookup.Match(i, direction, tuple, every_set);
              if (value == PM_VALUE_BROKEN) {
                ++broken;
                continue;
              }
              ASSERT_EQ(value, whole.Match(i, direction, tuple, every_set))
                  << "seed " << seed << ", " << left << " blocks of table " << table;
              ++untouched;
            }
          }
        }
      }
    }
  }
  EXPECT_GT(broken, 10'000u);
  EXPECT_GT(untouched, 10'000u);
}

}  // namespace
}  // namespace portmatrix
