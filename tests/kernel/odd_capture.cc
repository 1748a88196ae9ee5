// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/odd_capture.h"

#include "tests/kernel/odd_capture_rows.h"

namespace portmatrix {

const char* const kOddCapturePolicy = R"(matrix: m
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
  - {id: no-telnet, from: any, to: host, protocol: tcp, ports: 23, action: deny}
  - {id: media-in, from: any, to: host, protocol: udp, ports: 50000-59999}
  - {id: ping-in, from: any, to: host, protocol: icmp, icmp_type: 8}
  - {id: ping6-in, from: any, to: host, protocol: icmpv6, icmp_type: 128}
  - {id: gre-in, from: any, to: host, protocol: 47}
  - {id: init-in, from: any, to: host, protocol: sctp, ports: 9}
  - {id: https-out, from: host, to: any, protocol: tcp, ports: 443}
  - {id: dns-out, from: host, to: any, protocol: udp, ports: 53}
  - {id: media-out, from: host, to: any, protocol: udp, ports: 50000-59999}
  - {id: sctp-out, from: host, to: any, protocol: sctp, ports: 7}
  - {id: esp-out, from: host, to: any, protocol: 50}
---
matrix: tagged
rules:
  - {id: web, from: any, to: host, protocol: tcp, ports: 443}
---
node: edge
sets: {host: [203.0.113.0/28, "2001:db8::/64"]}
failsafe:
  - {protocol: tcp, ports: 22, from: [192.0.2.0/28, "2001:db8:f00d::/48"]}
interfaces:
  external: {device: eth0, local: [host], matrices: [m], shared_local: true}
  customer: {device: eth0, vlan: 5, local: [host], matrices: [tagged], shared_local: true}
  stacked: {device: eth0, vlan: [5, 6], local: [host], matrices: [tagged], shared_local: true}
)";

std::string ByRule(const std::string& id) { return "allow rule external/m/" + id; }
std::string AsReply(const std::string& id) { return "allow reply external/m/" + id; }
std::string WebPasses(Direction direction) {
  return ByRule(direction == Direction::kIn ? "web" : "https-out");
}
std::string MediaPasses(Direction direction) {
  return ByRule(direction == Direction::kIn ? "media-in" : "media-out");
}

std::vector<CapturedRow> OddCapture() {
  CaptureRows rows;
  AddTags(rows);
  AddIpv4Headers(rows);
  AddIpv6Headers(rows);
  AddFragments(rows);
  AddTransports(rows);
  AddIcmp(rows);
  AddAddresses(rows);
  AddSizes(rows);
  return rows.Take();
}

}  // namespace portmatrix
