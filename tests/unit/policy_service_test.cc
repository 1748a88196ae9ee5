// SPDX-License-Identifier: Apache-2.0
// The protocols and ports of a rule.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnknownProtocol",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tpc}
)",
     R"(
p.yaml:3:41: error: `tpc` is no protocol [bad-protocol]
  - {id: r, from: any, to: any, protocol: tpc}
                                          ^~~
  hint: did you mean `tcp`? a protocol is tcp, udp, sctp, icmp, icmpv6 or a number from 0 to 255
)"},
    {"ProtocolOver255",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: 256}
)",
     R"(
p.yaml:3:41: error: `256` is no protocol [bad-protocol]
  - {id: r, from: any, to: any, protocol: 256}
                                          ^~~
  hint: a protocol is tcp, udp, sctp, icmp, icmpv6 or a number from 0 to 255
)"},
    {"ProtocolTwice",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: [tcp, 6]}
)",
     R"(
p.yaml:3:47: error: protocol `6` is listed twice [listed-twice]
  - {id: r, from: any, to: any, protocol: [tcp, 6]}
                                                ^
  hint: remove one of them
)"},
    {"AnyInProtocolList",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: [any, tcp]}
)",
     R"(
p.yaml:3:42: error: `any` stands for all protocols and so stands alone [bad-protocol]
  - {id: r, from: any, to: any, protocol: [any, tcp]}
                                           ^~~
  hint: write `protocol: any`, or leave it out of the list
)"},
    {"EmptyProtocolList",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: []}
)",
     R"(
p.yaml:3:41: error: protocol is an empty list [empty-list]
  - {id: r, from: any, to: any, protocol: []}
                                          ^~
  hint: name at least one, or remove the key
)"},
    {"PortsWithIcmp",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: [tcp, icmp], ports: 443}
)",
     R"(
p.yaml:3:61: error: `ports` does not go with protocol `icmp` [protocol-mismatch]
  - {id: r, from: any, to: any, protocol: [tcp, icmp], ports: 443}
                                                              ^~~
  hint: `ports` goes with tcp, udp and sctp only; split the rule, or remove the key
)"},
    {"PortsWithAny",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: any, source_ports: 443}
)",
     R"(
p.yaml:3:60: error: `source_ports` does not go with protocol `any` [protocol-mismatch]
  - {id: r, from: any, to: any, protocol: any, source_ports: 443}
                                                             ^~~
  hint: `source_ports` goes with tcp, udp and sctp only; split the rule, or remove the key
)"},
    {"TypeWithTcp",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, icmp_type: 8}
)",
     R"(
p.yaml:3:74: error: `icmp_type` does not go with protocol `tcp` [protocol-mismatch]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, icmp_type: 8}
                                                                           ^
  hint: `icmp_type` goes with icmp and icmpv6 only; split the rule, or remove the key
)"},
    {"CodeWithoutType",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: icmp, icmp_code: 0}
)",
     R"(
p.yaml:3:58: error: `icmp_code` needs an `icmp_type` [missing-key]
  - {id: r, from: any, to: any, protocol: icmp, icmp_code: 0}
                                                           ^
  hint: add `icmp_type: ...`
)"},
    {"TypeOver255",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: icmp, icmp_type: 256}
)",
     R"(
p.yaml:3:58: error: `256` is no number from 0 to 255 for icmp_type [bad-number]
  - {id: r, from: any, to: any, protocol: icmp, icmp_type: 256}
                                                           ^~~
  hint: numbers are decimal, without sign and leading zeros
)"},
    {"ReversedRange",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 59999-50000}
)",
     R"(
p.yaml:3:70: error: the range 59999-50000 ends before it begins [bad-range]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 59999-50000}
                                                                       ^~~~~~~~~~~
  hint: write 50000-59999
)"},
    {"PortOver65535",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 65536}
)",
     R"(
p.yaml:3:70: error: `65536` is no port for ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 65536}
                                                                       ^~~~~
  hint: ports are decimal numbers from 0 to 65535, without leading zeros
)"},
    {"PortWithLeadingZero",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 0443}
)",
     R"(
p.yaml:3:70: error: `0443` is no port for ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 0443}
                                                                       ^~~~
  hint: ports are decimal numbers from 0 to 65535, without leading zeros
)"},
    {"PortInHex",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 0x1bb}
)",
     R"(
p.yaml:3:70: error: `0x1bb` is no port for ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 0x1bb}
                                                                       ^~~~~
  hint: ports are decimal numbers from 0 to 65535, without leading zeros
)"},
    {"RangeWithBlanks",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 1 - 5}
)",
     R"(
p.yaml:3:70: error: `1 - 5` is no range of ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: 1 - 5}
                                                                       ^~~~~
  hint: write it like 50000-59999, without blanks; ports go from 0 to 65535
)"},
    {"RangeWithoutEnd",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: [443, 50000-]}
)",
     R"(
p.yaml:3:76: error: `50000-` is no range of ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: [443, 50000-]}
                                                                             ^~~~~~
  hint: write it like 50000-59999, without blanks; ports go from 0 to 65535
)"},
    {"NegativePort",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: -5}
)",
     R"(
p.yaml:3:70: error: `-5` is no port for ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: -5}
                                                                       ^~
  hint: ports are decimal numbers from 0 to 65535, without leading zeros
)"},
    {"EmptyPorts",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: []}
)",
     R"(
p.yaml:3:70: error: ports is an empty list [empty-list]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: []}
                                                                       ^~
  hint: name at least one, or remove the key
)"},
    {"PortName",
     R"(
matrix: m
rules:
- {id: r, from: any, to: any, protocol: tcp, direction: both, ports: https}
)",
     R"(
p.yaml:3:70: error: `https` is no port for ports [bad-port]
  - {id: r, from: any, to: any, protocol: tcp, direction: both, ports: https}
                                                                       ^~~~~
  hint: ports are decimal numbers from 0 to 65535, without leading zeros
)"},
};

class PolicyService : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyService, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyService, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
