// SPDX-License-Identifier: Apache-2.0
// Expectations as they are written. Each row is a whole policy: policy_schema_test.py reads them too.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"NothingNamed",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {}
)",
     R"(
p.yaml:6:3: error: expectation has no `from` [missing-key]
  - {}
    ^~
  hint: add `from: ...`
p.yaml:6:3: error: expectation has no `interface` [missing-key]
  - {}
    ^~
  hint: add `interface: ...`
p.yaml:6:3: error: expectation has no `protocol` [missing-key]
  - {}
    ^~
  hint: add `protocol: ...`
p.yaml:6:3: error: expectation has no `to` [missing-key]
  - {}
    ^~
  hint: add `to: ...`
p.yaml:6:3: error: expectation has no `verdict` [missing-key]
  - {}
    ^~
  hint: add `verdict: allow` or `drop`
)"},
    {"UnknownKey",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 443, verdicts: allow}
)",
     R"(
p.yaml:6:3: error: expectation has no `verdict` [missing-key]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 443, verdicts: allow}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: add `verdict: allow` or `drop`
p.yaml:6:74: error: expectation has no key `verdicts` [unknown-key]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 443, verdicts: allow}
                                                                           ^~~~~~~~
  hint: did you mean `verdict`?
)"},
    {"UnknownSet",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: partners, to: 10.0.0.1, protocol: tcp, port: 443, verdict: allow}
)",
     R"(
p.yaml:6:24: error: node `n` knows no set `partners` [unknown-set]
  - {interface: a, from: partners, to: 10.0.0.1, protocol: tcp, port: 443, verdict: allow}
                         ^~~~~~~~
  hint: known here: any
)"},
    {"BadAddress",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2/24, to: 10.0.0.1, protocol: tcp, port: 443, verdict: allow}
)",
     R"(
p.yaml:6:24: error: `10.0.0.2/24` has bits set behind its first 24 [bad-prefix]
  - {interface: a, from: 10.0.0.2/24, to: 10.0.0.1, protocol: tcp, port: 443, verdict: allow}
                         ^~~~~~~~~~~
  hint: write 10.0.0.0/24 for the whole prefix, or 10.0.0.2 for the one address
)"},
    {"PortBesidePorts",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: any, to: 10.0.0.1, protocol: tcp, port: 443, ports: 80, verdict: allow}
)",
     R"(
p.yaml:6:64: error: `port` and `ports` stand beside each other [port-and-ports]
  - {interface: a, from: any, to: 10.0.0.1, protocol: tcp, port: 443, ports: 80, verdict: allow}
                                                                 ^~~
  hint: write `ports`, a list if need be, alone
)"},
    {"PortOfAnyProtocol",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: any, to: 10.0.0.1, protocol: any, port: 443, verdict: allow}
)",
     R"(
p.yaml:6:64: error: `port` does not go with protocol `any` [protocol-mismatch]
  - {interface: a, from: any, to: 10.0.0.1, protocol: any, port: 443, verdict: allow}
                                                                 ^~~
  hint: `port` goes with tcp, udp and sctp only
)"},
    {"ExceptionsWithoutAndWithUnknownKeys",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: any, to: 10.0.0.1, protocol: tcp, except: [{}, {verdict: drop}, 443], verdict: drop}
)",
     R"(
p.yaml:6:67: error: an exception without a key would leave nothing [missing-key]
  - {interface: a, from: any, to: 10.0.0.1, protocol: tcp, except: [{}, {verdict: drop}, 443], verdict: drop}
                                                                    ^~
  hint: name what is not meant: `from`, `to`, `protocol`, `ports`, ...
p.yaml:6:72: error: exception has no key `verdict` [unknown-key]
  - {interface: a, from: any, to: 10.0.0.1, protocol: tcp, except: [{}, {verdict: drop}, 443], verdict: drop}
                                                                         ^~~~~~~
  hint: known here: from, to, protocol, ports, source_ports, icmp_type, icmp_code, port, ...
p.yaml:6:88: error: exception should be a map, here is text [wrong-type]
  - {interface: a, from: any, to: 10.0.0.1, protocol: tcp, except: [{}, {verdict: drop}, 443], verdict: drop}
                                                                                         ^~~
)"},
    {"ExceptionOfAnotherKindOfProtocol",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: any, to: 10.0.0.1, protocol: icmp, except: {protocol: icmp, ports: 443}, verdict: drop}
)",
     R"(
p.yaml:6:91: error: `ports` does not go with protocol `icmp` [protocol-mismatch]
  - {interface: a, from: any, to: 10.0.0.1, protocol: icmp, except: {protocol: icmp, ports: 443}, verdict: drop}
                                                                                            ^~~
  hint: `ports` goes with tcp, udp and sctp only; split the rule, or remove the key
)"},
    {"NoPort",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, verdict: allow}
)",
     R"(
p.yaml:6:3: error: a tcp packet needs a `port` [missing-key]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, verdict: allow}
    ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: add `port: ...`, its destination port
)"},
    {"PortWithIcmp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmp, port: 443, verdict: allow}
)",
     R"(
p.yaml:6:70: error: `port` does not go with protocol `icmp` [protocol-mismatch]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmp, port: 443, verdict: allow}
                                                                       ^~~
  hint: `port` goes with tcp, udp and sctp only
)"},
    {"TypeWithUdp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: udp, port: 53, icmp_type: 8, verdict: allow}
)",
     R"(
p.yaml:6:84: error: `icmp_type` does not go with protocol `udp` [protocol-mismatch]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: udp, port: 53, icmp_type: 8, verdict: allow}
                                                                                     ^
  hint: `icmp_type` goes with icmp and icmpv6 only
)"},
    {"CodeWithoutType",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmp, icmp_code: 0, verdict: allow}
)",
     R"(
p.yaml:6:75: error: `icmp_code` needs an `icmp_type` [missing-key]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmp, icmp_code: 0, verdict: allow}
                                                                            ^
  hint: add `icmp_type: ...`
)"},
    {"TwoFamilies",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: '2001:db8::1', protocol: tcp, port: 443, verdict: allow}
)",
     R"(
p.yaml:6:38: error: `from` and `to` are of different families [families-cannot-meet]
  - {interface: a, from: 10.0.0.2, to: '2001:db8::1', protocol: tcp, port: 443, verdict: allow}
                                       ^~~~~~~~~~~~~
  hint: write two IPv4 or two IPv6 addresses
)"},
    {"IcmpOverIpv6",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: '2001:db8::2', to: '2001:db8::1', protocol: icmp, verdict: allow}
)",
     R"(
p.yaml:6:68: error: `icmp` is IPv4's, these addresses are IPv6 [families-cannot-meet]
  - {interface: a, from: '2001:db8::2', to: '2001:db8::1', protocol: icmp, verdict: allow}
                                                                     ^~~~
  hint: write `icmpv6`
)"},
    {"Icmpv6OverIpv4",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmpv6, verdict: allow}
)",
     R"(
p.yaml:6:58: error: `icmpv6` is IPv6's, these addresses are IPv4 [families-cannot-meet]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: icmpv6, verdict: allow}
                                                           ^~~~~~
  hint: write `icmp`
)"},
    {"UnknownProtocol",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: gre, verdict: allow}
)",
     R"(
p.yaml:6:58: error: `gre` is no protocol [bad-protocol]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: gre, verdict: allow}
                                                           ^~~
  hint: a protocol is tcp, udp, sctp, icmp, icmpv6 or a number from 0 to 255
)"},
    {"UnknownVerdict",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 1, verdict: deny}
)",
     R"(
p.yaml:6:81: error: `deny` is no verdict [bad-word]
  - {interface: a, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 1, verdict: deny}
                                                                                  ^~~~
  hint: it is one of: allow, drop
)"},
    {"UnknownInterface",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
expect:
- {interface: b, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 1, verdict: drop}
)",
     R"(
p.yaml:6:15: error: node `n` has no interface `b` [unknown-interface]
  - {interface: b, from: 10.0.0.2, to: 10.0.0.1, protocol: tcp, port: 1, verdict: drop}
                ^
  hint: known here: a
)"},
};

class PolicyExpectation : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyExpectation, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyExpectation, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
