// SPDX-License-Identifier: Apache-2.0
// What apply refuses for its caller's sake: policies that cut their own session, or let a leased
// address expire.
#include <utility>

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
  static Session By(std::vector<WirePath> paths, Session session) {
    session.paths = std::move(paths);
    return session;
  }
  std::string TextOf(const Sources& sources, std::optional<Session> session, bool force = false) {
    ApplyOrder order;
    order.sources = sources;
    order.session = std::move(session);
    order.force = force;
    order.dry_run = true;
    const auto answer = firewall_->Apply(order);
    std::string text =
        answer ? ToString(answer->result) : answer.refusal().text + answer.refusal().diagnostics;
    if (answer)
      for (const std::string& objection : answer->objections) text += ": " + objection;
    return text;
  }
};

TEST_F(AgentGuardsTest, SessionOfTheCaller) {
  const std::string session =
      "dry-run: it would cut your own session from 198.51.100.7:51022 to 192.0.2.1:22: ";
  const std::string entry = "{protocol: tcp, ports: 22, from: 198.51.100.7}";
  const std::string by_default = session +
                                 "interface ext drops it by its default; missing: the failsafe "
                                 "entry " +
                                 entry + ", or such a rule in a matrix of ext";
  const std::string by_rule = session +
                              "interface ext drops it by rule ext/m/no; missing: the failsafe "
                              "entry " +
                              entry + ", or such a rule before that one";
  const std::string ssh_rule = "  - {id: ssh, from: any, to: me, protocol: tcp, ports: 22}\n";
  struct Row {
    const char* name;
    Sources policy;
    std::optional<Session> session;
    std::string expected;
  };
  const Row rows[] = {
      {"no rule", Policy("none", "", ""), SessionTo("192.0.2.1"), by_default},
      {"a deny",
       Policy("none", "  - {id: no, from: any, to: me, protocol: tcp, ports: 22, action: deny}\n",
              ""),
       SessionTo("192.0.2.1"), by_rule},
      {"a deny where the default passes",
       Policy("none", "  - {id: no, from: any, to: me, protocol: tcp, ports: 22, action: deny}\n",
              ", default: pass"),
       SessionTo("192.0.2.1"), by_rule},
      {"IPv6", Policy("none", "", ""), SessionTo("2001:db8::1"),
       "dry-run: it would cut your own session from [2001:db8:9::7]:51022 to [2001:db8::1]:22: "
       "interface ext drops it by its default; missing: the failsafe entry {protocol: tcp, ports: "
       "22, from: 2001:db8:9::7}, or such a rule in a matrix of ext"},
      {"a rule allows it", Policy("none", ssh_rule, ""), SessionTo("192.0.2.1"), "dry-run"},
      {"failsafe allows it", Policy("[{protocol: tcp, ports: 22, from: 198.51.100.0/24}]", "", ""),
       SessionTo("192.0.2.1"), "dry-run"},
      {"failsafe of others", Policy("[{protocol: tcp, ports: 22, from: 198.51.101.0/24}]", "", ""),
       SessionTo("192.0.2.1"), by_default},
      {"another port of the server", Policy("none", ssh_rule, ""), SessionTo("192.0.2.1", 2222),
       "dry-run: it would cut your own session from 198.51.100.7:51022 to 192.0.2.1:2222: "
       "interface ext drops it by its default; missing: the failsafe entry {protocol: tcp, ports: "
       "2222, from: 198.51.100.7}, or such a rule in a matrix of ext"},
      {"the default passes", Policy("none", "", ", default: pass"), SessionTo("192.0.2.1"),
       "dry-run"},
      {"audit drops nothing", Policy("none", "", ", mode: audit"), SessionTo("192.0.2.1"),
       "dry-run"},
      {"an address of no interface", Policy("none", "", ""), SessionTo("10.0.0.1"), "dry-run"},
      {"an address of no interface, by a device that is bound", Policy("none", ssh_rule, ""),
       By({{"eth0", {}}}, SessionTo("10.0.0.1")),
       "dry-run: it would cut your own session from 198.51.100.7:51022 to 10.0.0.1:22: interface "
       "ext drops it by its default; missing: the failsafe entry " +
           entry + ", or such a rule in a matrix of ext"},
      {"an address of no interface, by another device", Policy("none", "", ""),
       By({{"eth9", {}}}, SessionTo("10.0.0.1")), "dry-run"},
      {"a VLAN that no interface takes", Policy("none", ssh_rule, ", vlan: 10"),
       By({{"eth0.20", {}}, {"eth0", {20}}}, SessionTo("10.0.0.1")),
       "dry-run: it would cut your own session from 198.51.100.7:51022 to 10.0.0.1:22: no "
       "interface takes the tagged 20 frames of eth0"},
      {"a VLAN that the interface takes", Policy("none", ssh_rule, ", vlan: 20"),
       By({{"eth0.20", {}}, {"eth0", {20}}}, SessionTo("192.0.2.1")), "dry-run"},
      {"an address of the node's own prefix", Policy("none", ssh_rule, ""),
       By({{"eth0", {}}}, {*ParseAddress("192.0.2.1"), 51022, *ParseAddress("192.0.2.1"), 22}),
       "dry-run: it would cut your own session from 192.0.2.1:51022 to 192.0.2.1:22: interface ext "
       "drops it as spoofed, for 192.0.2.1 is in its `local`"},
      {"a session that does not leave the host", Policy("none", "", ""),
       By({{"lo", {}}}, SessionTo("192.0.2.1")), "dry-run"},
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
       "dry-run: 192.0.2.1 on eth0 was leased and would expire: interface ext has no `dhcp: "
       "client`"},
      {"DHCP is let through", {"eth0", four, By::kDhcp}, ", dhcp: client", "dry-run"},
      {"DHCPv6", {"eth0", six, By::kDhcp}, ", dhcp: client", "dry-run"},
      {"router advertisements pass by default",
       {"eth0", six, By::kRouterAdvertisement},
       "",
       "dry-run"},
      {"router advertisements drop",
       {"eth0", six, By::kRouterAdvertisement},
       ", router_advertisements: drop",
       "dry-run: 2001:db8::1 on eth0 was leased and would expire: interface ext has no "
       "`router_advertisements: accept`"},
      {"another device", {"eth1", four, By::kDhcp}, "", "dry-run"},
      {"a VLAN of the device is bound, and its untagged frames with it",
       {"eth0", four, By::kDhcp},
       ", vlan: 10",
       "dry-run: 192.0.2.1 on eth0 was leased and would expire: no interface takes the untagged "
       "frames of eth0"},
      {"a bridge above the device",
       {"br0", four, By::kDhcp, {{"br0", {}}, {"eth0", {}}}},
       "",
       "dry-run: 192.0.2.1 on br0 was leased and would expire: interface ext has no `dhcp: "
       "client`"},
      {"audit", {"eth0", four, By::kDhcp}, ", mode: audit", "dry-run"},
  };
  for (const Row& row : rows) {
    leased_ = {row.leased};
    EXPECT_EQ(TextOf(Policy("none", "", row.more), std::nullopt), row.expected) << row.name;
  }
}

TEST_F(AgentGuardsTest, RefusalNamesEveryObjectionAndForceOverridesAll) {
  leased_ = {{"eth0", *ParseAddress("192.0.2.1"), LeasedAddress::By::kDhcp}};
  ApplyOrder order;
  order.sources = Policy("none", "", "");
  order.session = SessionTo("192.0.2.1");
  const auto refused = firewall_->Apply(order);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().kind, Refusal::Kind::kRefused);
  EXPECT_EQ(
      refused.refusal().text,
      "it would cut your own session from 198.51.100.7:51022 to 192.0.2.1:22: interface ext "
      "drops it by its default; missing: the failsafe entry {protocol: tcp, ports: 22, from: "
      "198.51.100.7}, or such a rule in a matrix of ext; 192.0.2.1 on eth0 was leased and "
      "would expire: interface ext has no `dhcp: client` (--force installs the policy all the "
      "same)");
  EXPECT_THAT(Judging(), ElementsAre("detached"));
  order.force = true;
  EXPECT_TRUE(firewall_->Apply(order));
  EXPECT_THAT(Judging(), ElementsAre("web"));
}

TEST_F(AgentGuardsTest, FilesThatWouldNewlyLetAnAddressExpireAreNotTakenUp) {
  MustApply(Policy("none", "", ", dhcp: client"));
  leased_ = {{"eth0", *ParseAddress("192.0.2.1"), LeasedAddress::By::kDhcp}};
  EXPECT_FALSE(firewall_->Reload(Policy("none", "", "")));
  EXPECT_TRUE(firewall_->Reload(Policy(
      "none", "  - {id: x, from: any, to: me, protocol: tcp, ports: 5}\n", ", dhcp: client")));
  ASSERT_TRUE(Apply(Policy("none", "", ""), std::nullopt, true));
  EXPECT_TRUE(firewall_->Reload(
      Policy("none", "  - {id: y, from: any, to: me, protocol: tcp, ports: 6}\n", "")))
      << "what was forced once is in force";
}

TEST(WirePathTest, StacksOfDevices) {
  const std::vector<HostLink> links = {
      {1, "lo", 0, 0, 0},    {2, "eth0", 4, 0, 0},      {3, "eth1", 4, 0, 0},
      {4, "bond0", 0, 0, 0}, {5, "bond0.10", 0, 4, 10}, {6, "bond0.10.20", 0, 5, 20},
      {7, "br0", 0, 0, 0},   {8, "eth2", 7, 0, 0},      {9, "loop", 9, 0, 0},
  };
  using Paths = std::vector<WirePath>;
  EXPECT_EQ(PathsOf(1, links), (Paths{{"lo", {}}}));
  EXPECT_EQ(PathsOf(4, links), (Paths{{"bond0", {}}, {"eth0", {}}, {"eth1", {}}}));
  EXPECT_EQ(PathsOf(6, links), (Paths{{"bond0.10.20", {}},
                                      {"bond0.10", {20}},
                                      {"bond0", {10, 20}},
                                      {"eth0", {10, 20}},
                                      {"eth1", {10, 20}}}));
  EXPECT_EQ(PathsOf(7, links), (Paths{{"br0", {}}, {"eth2", {}}}));
  EXPECT_EQ(PathsOf(9, links), (Paths{{"loop", {}}}));
  EXPECT_EQ(PathsOf(77, links), Paths{});
}

TEST_F(AgentGuardsTest, GuardsAreForExplicitChangesOnly) {
  leased_ = {{"eth0", *ParseAddress("192.0.2.1"), LeasedAddress::By::kDhcp}};
  EXPECT_TRUE(firewall_->Start([&]() -> Answer<Sources> { return Policy("none", "", ""); }))
      << "a machine that boots must come up protected";
}

}  // namespace
}  // namespace portmatrix
