// SPDX-License-Identifier: Apache-2.0
// What the tables of an image hold at most: beyond it compiling says which limit, how much is
// needed, and what to do. The limits are made small for it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "agent/compile/compile.h"
#include "tests/support/node_builder.h"

namespace portmatrix {
namespace {

// 40 rules, each with a source, a destination and a port of its own.
Node ManyRules() {
  Node node;
  node.name = "n";
  node.interfaces.push_back(MakeInterface("ext", "eth0", {"192.0.2.0/24"}, {}));
  for (uint16_t i = 0; i < 40; ++i)
    node.interfaces[0].rules.push_back(
        MakeRule("ext", {.id = fmt::format("r{}", i),
                         .match = {.from = {fmt::format("198.51.100.{}", i)},
                                   .to = {fmt::format("192.0.2.{}", i)},
                                   .protocols = {6},
                                   .ports = {{i, static_cast<uint16_t>(i + 1)}}}}));
  return node;
}

struct Row {
  const char* name;
  TableLimits limits;
  size_t dense_words;
  const char* said;  // empty: it compiles
};

class CompileLimit : public testing::TestWithParam<Row> {};

TEST_P(CompileLimit, IsSaid) {
  const Node node = ManyRules();
  Numbering numbering;
  std::string what;
  ASSERT_TRUE(NumberNode(node, {.rules = 100}, &numbering, &what)) << what;
  const auto compiled =
      Compile(node, numbering, 1, &what, GetParam().dense_words, GetParam().limits);
  EXPECT_EQ(compiled ? "" : what, GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    OfTables, CompileLimit,
    testing::Values(
        Row{"None", {}, kMostDenseWords, ""},
        Row{"Axes",
            {.axis_words = 100},
            kMostDenseWords,
            "interface ext, direction in: 164 axis words for 82 classes of addresses, the limit is "
            "100: use fewer different address sets, or fewer interfaces"},
        Row{"Pairs",
            {.pair_words = 1000},
            kMostDenseWords,
            "interface ext, direction in: 1681 table words, the limit is 1000: use fewer different "
            "address sets"},
        Row{"SparseTrees",
            {.tree_blocks = 20},
            0,
            "interface ext, direction in: more than 20 tree blocks: use fewer different address "
            "sets and ports"},
        Row{"Trees",
            {.tree_blocks = 20},
            kMostDenseWords,
            "the services need 41 tree blocks, the limit is 20: use fewer different port ranges"}),
    [](const auto& row) { return row.param.name; });

TEST(NumberLimit, OfRulesInterfacesAndDevicesIsSaid) {
  Node node = ManyRules();
  Numbering numbering;
  std::string what;
  EXPECT_FALSE(NumberNode(node, {.rules = 39}, &numbering, &what));
  EXPECT_EQ(what, "the counters have room for 39 rules, and the generations in use name more");
  EXPECT_FALSE(NumberNode(node, {.rules = 40, .interfaces = 0}, &numbering, &what));
  EXPECT_EQ(what, "more than 0 interfaces are named by the generations in use");
  EXPECT_FALSE(NumberNode(node, {.rules = 40, .devices = 0}, &numbering, &what));
  EXPECT_EQ(what, "more than 0 devices are named by the generations in use");
  EXPECT_TRUE(numbering.rules.empty());
}

}  // namespace
}  // namespace portmatrix
