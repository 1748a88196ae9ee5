// SPDX-License-Identifier: Apache-2.0
// Sets as they are written.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"ReservedNames",
     R"(
sets:
  any: 10.0.0.1
  none: 10.0.0.1
)",
     R"(
p.yaml:2:3: error: a set may not be called `any` [reserved-name]
    any: 10.0.0.1
    ^~~
  hint: `any` and `none` are reserved; choose another name
p.yaml:3:3: error: a set may not be called `none` [reserved-name]
    none: 10.0.0.1
    ^~~~
  hint: `any` and `none` are reserved; choose another name
)"},
    {"BadName",
     R"(
sets:
  Big.List: 10.0.0.1
)",
     R"(
p.yaml:2:3: error: `Big.List` is no name for a set [bad-name]
    Big.List: 10.0.0.1
    ^~~~~~~~
  hint: write `big-list`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"DefinedTwice",
     R"(
sets:
  a: 10.0.0.1
---
sets:
  a: 10.0.0.2
)",
     R"(
p.yaml:5:3: error: set `a` is defined twice [duplicate-set]
    a: 10.0.0.2
    ^
  hint: rename one, or join them
p.yaml:2:3: note: the first one
    a: 10.0.0.1
    ^
)"},
    {"DynamicButNot",
     R"(
sets:
  a: {dynamic: false}
)",
     R"(
p.yaml:2:16: error: `false` is no value of dynamic [bad-word]
    a: {dynamic: false}
                 ^~~~~
  hint: it is one of: true
)"},
    {"DynamicWithAFile",
     R"(
sets:
  a: {dynamic: true, file: x.txt}
)",
     R"(
p.yaml:2:22: error: dynamic set has no key `file` [unknown-key]
    a: {dynamic: true, file: x.txt}
                       ^~~~
  hint: known here: dynamic, max
)"},
    {"DynamicWithoutRoom",
     R"(
sets:
  a: {dynamic: true, max: 0}
  b: {dynamic: true, max: 1048577}
)",
     R"(
p.yaml:2:27: error: `0` is no number of entries from 1 to 1048576 [bad-number]
    a: {dynamic: true, max: 0}
                            ^
  hint: what is larger and seldom changes belongs into a list file: `file: PATH`
p.yaml:3:27: error: `1048577` is no number of entries from 1 to 1048576 [bad-number]
    b: {dynamic: true, max: 1048577}
                            ^~~~~~~
  hint: what is larger and seldom changes belongs into a list file: `file: PATH`
)"},
    {"DynamicInLocalByWayOfAnother",
     R"(
node: n
sets: {live: {dynamic: true}, all: [10.0.0.1, live]}
failsafe: none
interfaces:
  a: {device: eth0, local: all, matrices: []}
)",
     R"(
p.yaml:5:28: error: local names a dynamic set, whose entries come and go [misplaced-dynamic-set]
    a: {device: eth0, local: all, matrices: []}
                             ^~~
  hint: only `from` and `to` of rules may; name prefixes, or a set of prefixes
)"},
    {"DynamicInFailsafe",
     R"(
node: n
sets: {live: {dynamic: true}}
failsafe:
- {protocol: tcp, ports: 22, from: [192.0.2.1, live]}
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:4:36: error: a failsafe entry names a dynamic set, whose entries come and go [misplaced-dynamic-set]
  - {protocol: tcp, ports: 22, from: [192.0.2.1, live]}
                                     ^~~~~~~~~~~~~~~~~
  hint: only `from` and `to` of rules may; name prefixes, or a set of prefixes
)"},
    {"DynamicDecidesNoDirection",
     R"(
matrix: m
rules:
- {id: block, from: any, to: [10.0.0.1, live], protocol: any, action: deny}
---
node: n
sets: {live: {dynamic: true}}
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [m]}
)",
     R"(
p.yaml:3:8: error: rule `block` has no direction: neither `from` nor `to` lies wholly in the local addresses of interface `a` [direction-open]
  - {id: block, from: any, to: [10.0.0.1, live], protocol: any, action: deny}
         ^~~~~
  hint: write `direction: in`, `out` or `both`
)"},
    {"UnknownKey",
     R"(
sets:
  a: {path: x.txt}
)",
     R"(
p.yaml:2:6: error: set has no `file` [missing-key]
    a: {path: x.txt}
       ^~~~~~~~~~~~~
  hint: write `file: PATH`, `dynamic: true` for entries that come at run time, or a list of prefixes
p.yaml:2:7: error: set has no key `path` [unknown-key]
    a: {path: x.txt}
        ^~~~
  hint: known here: file
)"},
    {"AbsolutePath",
     R"(
sets:
  a: {file: /etc/passwd}
)",
     R"(
p.yaml:2:13: error: `/etc/passwd` does not lead to a file inside the policy's tree [bad-path]
    a: {file: /etc/passwd}
              ^~~~~~~~~~~
  hint: write a path relative to this file's folder
)"},
    {"PathThatLeavesTheTree",
     R"(
sets:
  a: {file: lists/../../x.txt}
)",
     R"(
p.yaml:2:13: error: `lists/../../x.txt` does not lead to a file inside the policy's tree [bad-path]
    a: {file: lists/../../x.txt}
              ^~~~~~~~~~~~~~~~~
  hint: write a path relative to this file's folder
)"},
    {"NoSuchFile",
     R"(
sets:
  a: {file: lists/none.txt}
)",
     R"(
p.yaml:2:13: error: there is no file lists/none.txt [missing-file]
    a: {file: lists/none.txt}
              ^~~~~~~~~~~~~~
  hint: paths are relative to this file's folder
)"},
    {"BadPrefixInList",
     R"(
sets:
  a: [10.0.0.1, 10.0.0.1/8, x]
)",
     R"(
p.yaml:2:17: error: `10.0.0.1/8` has bits set behind its first 8 [bad-prefix]
    a: [10.0.0.1, 10.0.0.1/8, x]
                  ^~~~~~~~~~
  hint: write 10.0.0.0/8 for the whole prefix, or 10.0.0.1 for the one address
)"},
};

class PolicySet : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicySet, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

TEST(DynamicSet, StandsInRulesAsABitBesideThePrefixes) {
  const ReadText read(R"(matrix: m
rules:
- {id: both, from: [bad, 192.0.2.1], to: 10.0.0.1, protocol: any}
- {id: swept, from: [bad, any], to: 10.0.0.1, protocol: any}
- {id: away, from: 10.0.0.1, to: mine, protocol: any}
---
sets:
  shared: {dynamic: true, max: 7}
  unseen: {dynamic: true}
  bad: [shared, mine, 198.51.100.0/24]
---
node: n
sets: {mine: {dynamic: true}}
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [m]}
)");
  EXPECT_EQ(read.said(), "");
  const Node& node = read.nodes.at(0);
  ASSERT_EQ(node.live_sets.size(), 2u);  // what no rule of the node reaches is not the node's
  EXPECT_EQ(node.live_sets[0].name, "mine");
  EXPECT_EQ(node.live_sets[0].max, 65536u);
  EXPECT_EQ(node.live_sets[1].name, "shared");
  EXPECT_EQ(node.live_sets[1].max, 7u);
  const std::vector<Rule>& rules = node.interfaces.at(0).rules;
  EXPECT_EQ(rules.at(0).match.from_live, 3u);
  EXPECT_EQ(rules.at(0).match.from.prefixes().size(), 2u);
  EXPECT_EQ(rules.at(0).direction, Direction::kIn);
  EXPECT_FALSE(rules.at(1).match.is_live());
  EXPECT_EQ(rules.at(2).match.to_live, 1u);
  EXPECT_TRUE(rules.at(2).match.to.empty());
  EXPECT_EQ(rules.at(2).direction, Direction::kOut);
}

INSTANTIATE_TEST_SUITE_P(Wrong, PolicySet, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
