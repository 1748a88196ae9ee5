// SPDX-License-Identifier: Apache-2.0
// Filters of the event stream: what they let through, and what is said of those that are wrong.
#include "tools/events/event_filter.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace portmatrix {
namespace {

EventLine Packet() {
  EventLine line;
  line.interface = "external";
  line.device = "eth0";
  line.direction = "in";
  line.reason = "default";
  line.generation = 12;
  line.from = ParseAddress("198.51.100.7");
  line.to = ParseAddress("203.0.113.11");
  line.protocol = "tcp";
  line.source_port = 51022;
  line.port = 443;
  line.tcp_flags = "SE";
  line.vlan = {10, 20};
  return line;
}

EventLine Ping() {
  EventLine line = Packet();
  line.reason = "rule";
  line.rule = "external/m/ping";
  line.is_allowed = true;
  line.protocol = "icmp";
  line.source_port.reset();
  line.port.reset();
  line.tcp_flags.clear();
  line.icmp_type = 8;
  line.icmp_code = 0;
  line.vlan.clear();
  return line;
}

// Later fragment of an IPv6 packet that audit let pass, of no interface.
EventLine Fragment() {
  EventLine line;
  line.device = "eth0.5";
  line.direction = "out";
  line.reason = "fragment";
  line.is_allowed = true;
  line.is_audited = true;
  line.from = ParseAddress("2001:db8::1");
  line.to = ParseAddress("2001:db8:1::2");
  line.fragment = "later";
  return line;
}

struct Case {
  const char* filter;
  bool packet, ping, fragment;
};

class Filter : public testing::TestWithParam<Case> {};

TEST_P(Filter, LetsThrough) {
  auto read = ParseEventFilter(GetParam().filter);
  ASSERT_TRUE(std::holds_alternative<EventFilter>(read))
      << Render(GetParam().filter, std::get<FilterError>(read));
  const auto& filter = std::get<EventFilter>(read);
  EXPECT_EQ(filter(Packet()), GetParam().packet);
  EXPECT_EQ(filter(Ping()), GetParam().ping);
  EXPECT_EQ(filter(Fragment()), GetParam().fragment);
}

INSTANTIATE_TEST_SUITE_P(
    Events, Filter,
    testing::Values(
        Case{"", true, true, true}, Case{"  ", true, true, true},
        Case{"interface external", true, true, false}, Case{"interface ext*", true, true, false},
        Case{"interface *", true, true, false}, Case{"interface ex?ernal", false, false, false},
        Case{"device eth0.*", false, false, true}, Case{"direction in", true, true, false},
        Case{"verdict drop", true, false, false}, Case{"verdict allow", false, true, false},
        Case{"verdict audit", false, false, true},
        Case{"reason default,fragment", true, false, true},
        Case{"reason=default", true, false, false}, Case{"reason == default", true, false, false},
        Case{"reason != default", false, true, true},
        Case{"reason != default,fragment", false, true, false},
        Case{"rule external/m/ping", false, true, false},
        Case{"rule external/*", false, true, false}, Case{"rule *", false, true, false},
        Case{"not rule *", true, false, true}, Case{"from 198.51.100.0/24", true, true, false},
        Case{"from 203.0.113.11", false, false, false}, Case{"to 203.0.113.11", true, true, false},
        Case{"host 203.0.113.11", true, true, false}, Case{"host 0.0.0.0/0", true, true, false},
        Case{"host ::/0", false, false, true}, Case{"host 2001:db8:1::/48", false, false, true},
        Case{"from 2001:db8:1::/48", false, false, false}, Case{"protocol tcp", true, false, false},
        Case{"protocol 6", true, false, false}, Case{"protocol tcp,icmp", true, true, false},
        Case{"port 443", true, false, false}, Case{"port 80,400-443", true, false, false},
        Case{"port 444-65535", false, false, false}, Case{"port 0-65535", true, false, false},
        Case{"source_port 51022", true, false, false}, Case{"icmp_type 8", false, true, false},
        Case{"icmp_type 8 icmp_code 0", false, true, false}, Case{"flags S", true, false, false},
        Case{"flags SA", false, false, false}, Case{"flags syn not flags ack", true, false, false},
        Case{"flags A,E", true, false, false}, Case{"vlan 20", true, false, false},
        Case{"vlan none", false, true, true}, Case{"fragment later", false, false, true},
        Case{"fragment whole", true, true, false}, Case{"generation 12", true, true, false},
        // `and` binds closer than `or`, `not` closest.
        Case{"port 443 or port 1 and direction out", true, false, false},
        Case{"(port 443 or port 1) and direction out", false, false, false},
        Case{"not port 443 or direction in", true, true, true},
        Case{"not (port 443 or direction out)", false, true, false},
        Case{"not not port 443", true, false, false}, Case{"!!port 443", true, false, false},
        Case{"port 443&&direction in||!host 0.0.0.0/0", true, false, true},
        Case{"port 443(direction in)not vlan none", true, false, false}));

struct Wrong {
  const char* filter;
  const char* said;
};

class Refusal : public testing::TestWithParam<Wrong> {};

TEST_P(Refusal, PointsAtWhatIsWrong) {
  const auto read = ParseEventFilter(GetParam().filter);
  ASSERT_TRUE(std::holds_alternative<FilterError>(read));
  EXPECT_EQ(Render(GetParam().filter, std::get<FilterError>(read)), GetParam().said);
}

INSTANTIATE_TEST_SUITE_P(
    Events, Refusal,
    testing::Values(
        Wrong{"prot tcp",
              "there is no key `prot`\n"
              "  prot tcp\n"
              "  ^~~~\n"
              "  did you mean `port`?\n"},
        Wrong{"direction in and frobnicate 3",
              "there is no key `frobnicate`\n"
              "  direction in and frobnicate 3\n"
              "                   ^~~~~~~~~~\n"
              "  keys: interface, device, direction, verdict, reason, rule, from, to, host, "
              "protocol, port, "
              "source_port, icmp_type, icmp_code, flags, vlan, fragment, generation\n"},
        Wrong{"reason defualt",
              "`defualt` is no reason\n"
              "  reason defualt\n"
              "         ^~~~~~~\n"
              "  did you mean `default`?\n"},
        Wrong{"direction inwards",
              "`inwards` is no direction\n"
              "  direction inwards\n"
              "            ^~~~~~~\n"
              "  known here: in, out\n"},
        Wrong{"verdict reject",
              "`reject` is no verdict\n"
              "  verdict reject\n"
              "          ^~~~~~\n"
              "  known here: allow, drop, audit\n"},
        Wrong{"port 80,99999",
              "`99999` is no port\n"
              "  port 80,99999\n"
              "          ^~~~~\n"
              "  a number from 0 to 65535, or a range such as 8-10\n"},
        Wrong{"port 90-80",
              "`90-80` is no port\n"
              "  port 90-80\n"
              "       ^~~~~\n"
              "  a number from 0 to 65535, or a range such as 8-10\n"},
        Wrong{"icmp_type 256",
              "`256` is no ICMP type\n"
              "  icmp_type 256\n"
              "            ^~~\n"
              "  a number from 0 to 255, or a range such as 8-10\n"},
        Wrong{"vlan 4095",
              "`4095` is no VLAN\n"
              "  vlan 4095\n"
              "       ^~~~\n"
              "  a number from 1 to 4094, or none\n"},
        Wrong{"flags SX",
              "`SX` are no TCP flags\n"
              "  flags SX\n"
              "        ^~\n"
              "  letters of SAFRPUEC, or one of syn, ack, fin, rst, psh, urg, ece, cwr\n"},
        Wrong{"protocol tpc",
              "`tpc` is no protocol\n"
              "  protocol tpc\n"
              "           ^~~\n"
              "  one of tcp, udp, sctp, icmp, icmpv6, or a number from 0 to 255\n"},
        Wrong{"port",
              "`port` needs a value here\n"
              "  port\n"
              "      ^\n"},
        Wrong{"port 80,",
              "`port` needs a value here\n"
              "  port 80,\n"
              "          ^\n"},
        Wrong{"port and",
              "`and` is no port\n"
              "  port and\n"
              "       ^~~\n"
              "  a number from 0 to 65535, or a range such as 8-10\n"},
        Wrong{"(port 80",
              "this `(` is not closed\n"
              "  (port 80\n"
              "  ^\n"},
        Wrong{"port 80)",
              "this `)` closes nothing\n"
              "  port 80)\n"
              "         ^\n"},
        Wrong{"port 80 or",
              "a condition is missing here\n"
              "  port 80 or\n"
              "            ^\n"
              "  such as `port 443` or `reason default`\n"},
        Wrong{"or port 80",
              "a condition is missing before `or`\n"
              "  or port 80\n"
              "  ^~\n"
              "  such as `port 443` or `reason default`\n"},
        Wrong{"not",
              "a condition is missing here\n"
              "  not\n"
              "     ^\n"
              "  such as `port 443` or `reason default`\n"},
        Wrong{"port 80 & port 90",
              "`&` is not expected here\n"
              "  port 80 & port 90\n"
              "          ^\n"},
        Wrong{"generation -1",
              "`-1` is no generation's number\n"
              "  generation -1\n"
              "             ^~\n"}));

TEST(Refusal, PrefixesAreReadAsInPolicies) {
  const auto read = ParseEventFilter("from 198.51.100.7/24");
  ASSERT_TRUE(std::holds_alternative<FilterError>(read));
  EXPECT_EQ(std::get<FilterError>(read).at, 5u);
  EXPECT_NE(std::get<FilterError>(read).hint.find("198.51.100.0/24"), std::string::npos);
}

TEST(Refusal, EndlessNestingIsRefusedAndNotFollowed) {
  for (const std::string& deep : {std::string(100'000, '('), std::string(100'000, '!')}) {
    const auto read = ParseEventFilter(deep);
    ASSERT_TRUE(std::holds_alternative<FilterError>(read));
    EXPECT_EQ(std::get<FilterError>(read).message, "this is nested too deeply");
  }
}

}  // namespace
}  // namespace portmatrix
