// SPDX-License-Identifier: Apache-2.0
// Rules as wholes, and the options of a rule.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnknownKey",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, prot: [1]}
)",
     R"(
p.yaml:3:63: error: rule has no key `prot` [unknown-key]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, prot: [1]}
                                                                ^~~~
  hint: known here: id, from, to, protocol, ports, source_ports, icmp_type, icmp_code, ...
)"},
    {"UnknownKeyNearOne",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, source_port: 53}
)",
     R"(
p.yaml:3:63: error: rule has no key `source_port` [unknown-key]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, source_port: 53}
                                                                ^~~~~~~~~~~
  hint: did you mean `source_ports`?
)"},
    {"NoFromNoToNoProtocol",
     R"(
matrix: m
rules:
- {id: r}
)",
     R"(
p.yaml:3:3: error: rule has no `from` [missing-key]
  - {id: r}
    ^~~~~~~
  hint: add `from: any`, a set or a prefix
p.yaml:3:3: error: rule has no `protocol` [missing-key]
  - {id: r}
    ^~~~~~~
  hint: add `protocol: any`, or name it
p.yaml:3:3: error: rule has no `to` [missing-key]
  - {id: r}
    ^~~~~~~
  hint: add `to: any`, a set or a prefix
)"},
    {"NoId",
     R"(
matrix: m
rules:
- {from: any, to: any, protocol: tcp, direction: in}
)",
     R"(
p.yaml:3:3: error: rule has no `id` [missing-key]
  - {from: any, to: any, protocol: tcp, direction: in}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: add `id: NAME`; the rule's counter is kept under it
)"},
    {"BadId",
     R"(
matrix: m
rules:
- {id: SIP_TLS, from: any, to: any, protocol: tcp, direction: in}
)",
     R"(
p.yaml:3:8: error: `SIP_TLS` is no name for a rule [bad-name]
  - {id: SIP_TLS, from: any, to: any, protocol: tcp, direction: in}
         ^~~~~~~
  hint: write `sip_tls`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"SameIdTwice",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: in}
- {id: r, from: any, to: any, protocol: udp, direction: in}
)",
     R"(
p.yaml:4:8: error: rule `r` stands twice in this matrix [duplicate-rule]
  - {id: r, from: any, to: any, protocol: udp, direction: in}
         ^
  hint: give each rule an id of its own
p.yaml:3:8: note: the first one
  - {id: r, from: any, to: any, protocol: tcp, direction: in}
         ^
)"},
    {"RuleThatIsText",
     R"(
matrix: m
rules: [allow]
)",
     R"(
p.yaml:2:9: error: rule should be a map, here is text [wrong-type]
  rules: [allow]
          ^~~~~
)"},
    {"UnknownAction",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, action: alow}
)",
     R"(
p.yaml:3:71: error: `alow` is no action [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, action: alow}
                                                                        ^~~~
  hint: did you mean `allow`? it is one of: allow, deny
)"},
    {"RejectIsNoAction",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, action: reject}
)",
     R"(
p.yaml:3:71: error: `reject` is no action [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, action: reject}
                                                                        ^~~~~~
  hint: it is one of: allow, deny
)"},
    {"UnknownDirection",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: inbound}
)",
     R"(
p.yaml:3:57: error: `inbound` is no direction [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: inbound}
                                                          ^~~~~~~
  hint: it is one of: in, out, both
)"},
    {"YesForTrue",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, log: yes}
)",
     R"(
p.yaml:3:68: error: `yes` is neither true nor false for log [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, log: yes}
                                                                     ^~~
  hint: write `true`
)"},
    {"NoForFalse",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, enabled: No}
)",
     R"(
p.yaml:3:72: error: `No` is neither true nor false for enabled [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, enabled: No}
                                                                         ^~
  hint: write `false`
)"},
    {"OddBoolean",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, enabled: maybe}
)",
     R"(
p.yaml:3:72: error: `maybe` is neither true nor false for enabled [bad-word]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, enabled: maybe}
                                                                         ^~~~~
  hint: write `true` or `false`
)"},
    {"ExpiresWithOffset",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, expires: '2027-01-31T02:00:00+02:00'}
)",
     R"(
p.yaml:3:72: error: `2027-01-31T02:00:00+02:00` is no moment for expires [bad-time]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, expires: '2027-01-31T02:00:00+02:00'}
                                                                         ^~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: write `2027-01-31T00:00:00Z` (UTC)
)"},
    {"ExpiresDateOnly",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, expires: 2027-01-31}
)",
     R"(
p.yaml:3:72: error: `2027-01-31` is no moment for expires [bad-time]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, expires: 2027-01-31}
                                                                         ^~~~~~~~~~
  hint: write `2027-01-31T00:00:00Z` (UTC)
)"},
    {"ExpiresNonsense",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, expires: tomorrow}
)",
     R"(
p.yaml:3:72: error: `tomorrow` is no moment for expires [bad-time]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, expires: tomorrow}
                                                                         ^~~~~~~~
  hint: write it in UTC like 2027-01-31T00:00:00Z
)"},
    {"ExpiresOnNoDay",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, expires: 2027-02-30T00:00:00Z}
)",
     R"(
p.yaml:3:72: error: `2027-02-30T00:00:00Z` is no moment for expires [bad-time]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, expires: 2027-02-30T00:00:00Z}
                                                                         ^~~~~~~~~~~~~~~~~~~~
  hint: write it in UTC like 2027-01-31T00:00:00Z
)"},
    {"IgnoreWithoutReason",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadowed-rule]}
)",
     R"(
p.yaml:3:72: error: an ignored lint needs a reason [missing-reason]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadowed-rule]}
                                                                         ^~~~~~~~~~~~~
  hint: write `- shadowed-rule: why`
)"},
    {"IgnoreUnknownLint",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadow-rule: why]}
)",
     R"(
p.yaml:3:72: error: there is no lint `shadow-rule` of rules [unknown-lint]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadow-rule: why]}
                                                                         ^~~~~~~~~~~
  hint: did you mean `shadowed-rule`?
)"},
    {"IgnoreEmptyReason",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadowed-rule: '']}
)",
     R"(
p.yaml:3:87: error: the reason is empty [wrong-type]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ignore: [shadowed-rule: '']}
                                                                                        ^~
  hint: write something, or remove the key
)"},
};

class PolicyRule : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyRule, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyRule, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
