// SPDX-License-Identifier: Apache-2.0
// The difference of two policies as it is read: every word of it.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/unit/policy_text.h"
#include "tools/difference/difference_json.h"
#include "tools/difference/difference_text.h"
#include "tools/difference/policy_difference.h"

namespace portmatrix {
namespace {

// What a row's two policies have in common, beside their matrix `m`.
constexpr const char* kNode = R"(
sets:
  partners: [198.51.100.0/24, 2001:db8:f0::/48]
  blocked: [198.51.100.7, 2001:db8:f0::7]
---
node: n
sets: {web: [203.0.113.11, 2001:db8::11], mail: 203.0.113.12}
failsafe: none
interfaces: {outside: {device: eth0, local: [web, mail], matrices: [m]}}
)";

std::string WithRules(const std::string& rules, const std::string& node = kNode) {
  return "matrix: m\nrules:" + (rules.empty() ? " []" : rules) + "\n---" + node;
}

std::string Said(const std::string& before, const std::string& after,
                 const FateQuestion& question = {}, size_t limit = 0) {
  const ReadText was(before);
  const ReadText is(after);
  if (was.nodes.size() != 1 || is.nodes.size() != 1) return was.said() + is.said();
  return TextOf(ComparePolicies({&was.nodes[0], &was.policy, &was.sources},
                                {&is.nodes[0], &is.policy, &is.sources}, question),
                limit);
}

struct RulesRow {
  const char* name;
  const char* before;
  const char* after;
  const char* said;
  FateQuestion question = {};
};

void PrintTo(const RulesRow& row, std::ostream* out) { *out << row.name; }

class RuleDifference : public testing::TestWithParam<RulesRow> {};

TEST_P(RuleDifference, IsSaid) {
  const RulesRow& row = GetParam();
  EXPECT_EQ(Said(WithRules(row.before), WithRules(row.after), row.question), Unwrapped(row.said));
}

const RulesRow kRulesRows[] = {
    {"NoneAtAll", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     "no difference\n"},
    {"ANewRule", "", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     "?"},
    {"OnlyWrittenOtherwise", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 440-449}
- {id: mail, from: partners, to: mail, protocol: tcp, ports: 25})",
     R"(
- {id: mail, from: [198.51.100.0/25, 198.51.100.128/25], to: mail, protocol: tcp, ports: 25}
- {id: low, from: any, to: web, protocol: tcp, ports: 440-444}
- {id: high, from: any, to: web, protocol: tcp, ports: 445-449})",
     "?"},
    {"MorePorts", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     R"(
- {id: web, from: any, to: web, protocol: [tcp, udp], ports: [443, 8443-8450]})",
     "?"},
    {"FewerSources", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     R"(
- {id: web, from: partners, to: web, protocol: tcp, ports: 443})",
     "?"},
    {"ADenyBefore", R"(
- {id: web, from: partners, to: [web, mail], protocol: tcp, ports: 443})",
     R"(
- {id: no, from: blocked, to: web, protocol: any, action: deny}
- {id: web, from: partners, to: [web, mail], protocol: tcp, ports: 443})",
     "?"},
    {"AnotherOrder", R"(
- {id: no, from: blocked, to: web, protocol: tcp, action: deny}
- {id: web, from: partners, to: web, protocol: tcp, ports: 443})",
     R"(
- {id: web, from: partners, to: web, protocol: tcp, ports: 443}
- {id: no, from: blocked, to: web, protocol: tcp, action: deny})",
     "?"},
    {"AnotherRuleDecides", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     R"(
- {id: friends, from: partners, to: web, protocol: tcp, ports: 443}
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     "?",
     {.by_rule = true}},
    {"IcmpTypesAndCodes", R"(
- {id: ping, from: any, to: web, protocol: icmp, icmp_type: 8})",
     R"(
- {id: ping, from: any, to: web, protocol: [icmp, icmpv6]}
- {id: no, from: web, to: any, protocol: icmp, icmp_type: 3, icmp_code: 4, action: deny})",
     "?"},
    {"SourcePorts", "", R"(
- {id: dns, from: any, to: web, protocol: udp, source_ports: 53, ports: 1024-65535})",
     "?"},
    {"SwitchedOff", R"(
- {id: gre, from: partners, to: web, protocol: [47, 50]})",
     R"(
- {id: gre, from: partners, to: web, protocol: [47, 50], enabled: false})",
     "?"},
    {"AnyProtocolButOne", R"(
- {id: all, from: partners, to: mail, protocol: tcp})",
     R"(
- {id: all, from: partners, to: mail, protocol: any})",
     "?"},
    {"AnswersThatFollow", R"(
- {id: web, from: any, to: web, protocol: tcp, ports: 443})",
     "",
     "?",
     {.all_answers = true}},
};

INSTANTIATE_TEST_SUITE_P(Rows, RuleDifference, testing::ValuesIn(kRulesRows),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace portmatrix
