// SPDX-License-Identifier: Apache-2.0
// What apply refuses for its caller's sake: policies that cut their own session, or let a leased
// address expire.
#include "tests/unit/agent_setup.h"

namespace portmatrix {
namespace {

using testing::ElementsAre;

class AgentGuardsTest : public AgentTest {
 protected:
  static Sources Policy(const std::string& failsafe, const std::string& rules,
                        const std::string& more) {
    return {
        {{"p.yaml", "p.yaml",
          "matrix: m\nrules:\n  - {id: web, from: any, to: me, protocol: tcp, ports: 443}\n" +
              rules + "---\nnode: n1\nsets: {me: [192.0.2.1, 2001:db8::1]}\nfailsafe: " + failsafe +
              "\ninterfaces:\n  ext: {device: eth0, local: me, matrices: [m]" + more + "}\n"}},
        {}};
  }
  static Session SessionTo(const char* to, uint16_t port = 22) {
    const bool six = std::string_view(to).find(':') != std::string_view::npos;
    return {*ParseAddress(six ? "2001:db8:9::7" : "198.51.100.7"), 51022, *ParseAddress(to), port};
  }
  std::string TextOf(const Sources& sources, std::optional<Session> session, bool force = false) {
    ApplyOrder order;
    order.sources = sources;
    order.session = session;
    order.force = force;
    order.dry_run = true;
    const auto answer = firewall_->Apply(order);
    return answer ? ToString(answer->result) : answer.refusal().text + answer.refusal().diagnostics;
  }
};

TEST_F(AgentGuardsTest, SessionOfTheCaller) {
  const std::string cut =
      "it would cut your own session from 198.51.100.7:51022 to 192.0.2.1:22: interface ext drops "
      "it by ";
  const std::string force = " (--force installs the policy all the same)";
  const std::string ssh_rule = "  - {id: ssh, from: any, to: me, protocol: tcp, ports: 22}\n";
  struct Row {
    const char* name;
    Sources policy;
    std::optional<Session> session;
    std::string expected;
  };
  const Row rows[] = {
      {"no rule", Policy("none", "", ""), SessionTo("192.0.2.1"), cut + "its default" + force},
      {"a deny",
       Policy("none", "  - {id: no, from: any, to: me, protocol: tcp, ports: 22, action: deny}\n",
              ""),
       SessionTo("192.0.2.1"), cut + "rule ext/m/no" + force},
      {"a deny where the default passes",
       Policy("none", "  - {id: no, from: any, to: me, protocol: tcp, ports: 22, action: deny}\n",
              ", default: pass"),
       SessionTo("192.0.2.1"), cut + "rule ext/m/no" + force},
      {"IPv6", Policy("none", "", ""), SessionTo("2001:db8::1"),
       "it would cut your own session from [2001:db8:9::7]:51022 to [2001:db8::1]:22: interface "
       "ext drops it by its "
       "default" +
           force},
      {"a rule allows it", Policy("none", ssh_rule, ""), SessionTo("192.0.2.1"), "dry-run"},
      {"failsafe allows it", Policy("[{protocol: tcp, ports: 22, from: 198.51.100.0/24}]", "", ""),
       SessionTo("192.0.2.1"), "dry-run"},
      {"failsafe of others", Policy("[{protocol: tcp, ports: 22, from: 198.51.101.0/24}]", "", ""),
       SessionTo("192.0.2.1"), cut + "its default" + force},
      {"another port of the server", Policy("none", ssh_rule, ""), SessionTo("192.0.2.1", 2222),
       "it would cut your own session from 198.51.100.7:51022 to 192.0.2.1:2222: interface ext "
       "drops it by its "
       "default" +
           force},
      {"the default passes", Policy("none", "", ", default: pass"), SessionTo("192.0.2.1"),
       "dry-run"},
      {"audit drops nothing", Policy("none", "", ", mode: audit"), SessionTo("192.0.2.1"),
       "dry-run"},
      {"an address of no interface", Policy("none", "", ""), SessionTo("10.0.0.1"), "dry-run"},
      {"no session", Policy("none", "", ""), std::nullopt, "dry-run"},
  };
  for (const Row& row : rows) EXPECT_EQ(TextOf(row.policy, row.session), row.expected) << row.name;
  EXPECT_EQ(TextOf(rows[0].policy, rows[0].session, true), "dry-run") << "forced";
}

TEST_F(AgentGuardsTest, LeasedAddresses) {
  using By = LeasedAddress::By;
  const Address four = *ParseAddress("192.0.2.1");
  const Address six = *ParseAddress("2001:db8::1");
  struct Row {
    const char* name;
    LeasedAddress leased;
    std::string more;
    std::string expected;
  };
  const Row rows[] = {
      {"DHCP",
       {"eth0", four, By::kDhcp},
       "",
       "192.0.2.1 on eth0 was leased and would expire: interface ext has no `dhcp: client` "
       "(--force installs the "
       "policy all the same)"},
      {"DHCP is let through", {"eth0", four, By::kDhcp}, ", dhcp: client", "dry-run"},
      {"DHCPv6", {"eth0", six, By::kDhcp}, ", dhcp: client", "dry-run"},
      {"router advertisements pass by default",
       {"eth0", six, By::kRouterAdvertisement},
       "",
       "dry-run"},
      {"router advertisements drop",
       {"eth0", six, By::kRouterAdvertisement},
       ", router_advertisements: drop",
       "2001:db8::1 on eth0 was leased and would expire: interface ext has no "
       "`router_advertisements: accept` "
       "(--force installs the policy all the same)"},
      {"another device", {"eth1", four, By::kDhcp}, "", "dry-run"},
      {"the device's VLAN", {"eth0", four, By::kDhcp}, ", vlan: 10", "dry-run"},
      {"audit", {"eth0", four, By::kDhcp}, ", mode: audit", "dry-run"},
  };
  for (const Row& row : rows) {
    leased_ = {row.leased};
    EXPECT_EQ(TextOf(Policy("none", "", row.more), std::nullopt), row.expected) << row.name;
  }
}

TEST_F(AgentGuardsTest, GuardsAreForExplicitChangesOnly) {
  leased_ = {{"eth0", *ParseAddress("192.0.2.1"), LeasedAddress::By::kDhcp}};
  EXPECT_TRUE(firewall_->Start([&]() -> Answer<Sources> { return Policy("none", "", ""); }))
      << "a machine that boots must come up protected";
}

}  // namespace
}  // namespace portmatrix
