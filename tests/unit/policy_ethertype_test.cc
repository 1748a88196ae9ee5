// SPDX-License-Identifier: Apache-2.0
// The Ethertypes that pass beside IP.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnknownEthertype",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, pppoe]}
)",
     R"(
p.yaml:4:70: error: `pppoe` is no Ethertype [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, pppoe]}
                                                                       ^~~~~
  hint: write arp, lldp, slow, eapol, or a number like 0x88b5
)"},
    {"WithoutArp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [lldp]}
)",
     R"(
p.yaml:4:64: error: ARP cannot be taken off the list [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [lldp]}
                                                                 ^~~~~~
  hint: add `arp`: without it no IPv4 packet finds its way
)"},
    {"EthertypeOfIp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x0800, 0x86dd]}
)",
     R"(
p.yaml:4:70: error: `0x0800` is IPv4, which rules judge [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x0800, 0x86dd]}
                                                                       ^~~~~~
  hint: remove it from the list
p.yaml:4:78: error: `0x86dd` is IPv6, which rules judge [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x0800, 0x86dd]}
                                                                               ^~~~~~
  hint: remove it from the list
)"},
    {"EthertypeOfVlan",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8100, 34984]}
)",
     R"(
p.yaml:4:70: error: `0x8100` is a VLAN tag, which `vlan` selects [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8100, 34984]}
                                                                       ^~~~~~
  hint: remove it from the list
p.yaml:4:78: error: `34984` is a VLAN tag, which `vlan` selects [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8100, 34984]}
                                                                               ^~~~~
  hint: remove it from the list
)"},
    {"EthertypeThatIsALength",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 5]}
)",
     R"(
p.yaml:4:70: error: `5` is a length, no Ethertype [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 5]}
                                                                       ^
  hint: write 0 for frames with a length (802.3), or a number from 0x0600
)"},
    {"EthertypeTwice",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, lldp, 0x88cc]}
)",
     R"(
p.yaml:4:76: error: Ethertype `0x88cc` is listed twice [listed-twice]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, lldp, 0x88cc]}
                                                                             ^~~~~~
  hint: remove one of them
)"},
    {"EthertypeTooLong",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x10000]}
)",
     R"(
p.yaml:4:70: error: `0x10000` is no Ethertype [bad-ethertype]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x10000]}
                                                                       ^~~~~~~
  hint: write arp, lldp, slow, eapol, or a number like 0x88b5
)"},
    {"NineEthertypes",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0, 1536, 1537, 1538, 1539, 1540, 1541, 1542]}
)",
     R"(
p.yaml:4:64: error: 9 Ethertypes, 1 more than the limit of 8 (kMaxEthertypes) [limit]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0, 1536, 1537, 1538, 1539, 1540, 1541, 1542]}
                                                                 ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: remove those that this interface does not need
)"},
    {"EthertypeThatCarriesIp",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8864, 0x8847]}
)",
     R"(
p.yaml:4:70: warning: `0x8864` is PPPoE sessions: the IP inside passes without being judged [ethertype-carries-ip]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8864, 0x8847]}
                                                                       ^~~~~~
  hint: leave it out unless this interface shall not filter that
p.yaml:4:78: warning: `0x8847` is MPLS: the IP inside passes without being judged [ethertype-carries-ip]
    a: {device: eth0, local: 10.0.0.1, matrices: [], ethertypes: [arp, 0x8864, 0x8847]}
                                                                               ^~~~~~
  hint: leave it out unless this interface shall not filter that
)"},
};

class PolicyEthertype : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyEthertype, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyEthertype, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
