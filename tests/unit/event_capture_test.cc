// SPDX-License-Identifier: Apache-2.0
// Events on their way to people: lines of the stream, the table, and captures byte for byte.
#include "tools/events/event_capture.h"

#include <gtest/gtest.h>

#include <string>

#include "tools/events/event_line.h"
#include "tools/events/event_text.h"
#include "tools/pcapng.h"

namespace portmatrix {
namespace {

constexpr const char* kDrop =
    R"({"type":"packet","time":"2026-09-21T14:13:20.123456Z","interface":"external","device":"eth0",)"
    R"("direction":"in","verdict":"drop","reason":"default","rule":null,"generation":12,)"
    R"("from":"198.51.100.7","to":"203.0.113.11","protocol":"tcp","source_port":51022,"port":23,)"
    R"("tcp_flags":"SA","ethertype":2048,"vlan":[10,20],"packets":1,"bytes":60,"length":60,"head":"0a0b0c"})";
constexpr const char* kReply =
    R"({"type":"packet","time":"2026-09-21T14:13:20.000001Z","interface":"external","device":"eth0",)"
    R"("direction":"out","verdict":"allow","reason":"reply","rule":"external/m/ping","generation":12,)"
    R"("from":"2001:db8::1","to":"2001:db8::2","protocol":"icmpv6","source_port":null,"port":null,)"
    R"("icmp_type":129,"icmp_code":0,"ethertype":34525,"vlan":[],"packets":1,"bytes":70,"length":70})";
constexpr const char* kAudited =
    R"({"type":"packet","time":"2026-09-21T14:13:21.000000Z","interface":"external","device":"eth0",)"
    R"("direction":"in","verdict":"allow","audit":true,"reason":"fragment","rule":null,"generation":12,)"
    R"("from":"198.51.100.7","to":"203.0.113.11","protocol":"udp","source_port":null,"port":null,)"
    R"("fragment":"later","ethertype":2048,"vlan":[],"packets":1,"bytes":1500,"length":1500})";
constexpr const char* kForeign =
    R"({"type":"packet","time":"2026-09-21T14:13:22.000000Z","interface":null,"device":"eth0",)"
    R"("direction":"in","verdict":"drop","reason":"vlan","rule":null,"generation":12,)"
    R"("from":null,"to":null,"protocol":null,"source_port":null,"port":null,)"
    R"("ethertype":35020,"vlan":[7],"packets":1,"bytes":64,"length":64})";
constexpr const char* kSegments =
    R"({"type":"packet","time":"2026-09-21T14:13:22.500000Z","interface":"external","device":"eth0",)"
    R"("direction":"out","verdict":"drop","reason":"rule","rule":"external/m/no-ftp","generation":12,)"
    R"("from":"2001:db8::1","to":"2001:db8::2","protocol":"tcp","source_port":4000,"port":21,)"
    R"("tcp_flags":"AP","ethertype":34525,"vlan":[],"packets":3,"bytes":3066,"length":3000})";
constexpr const char* kSuppressed =
    R"({"type":"suppressed","time":"2026-09-21T14:13:23.000000Z","interface":"external",)"
    R"("direction":"in","reason":"default","packets":18446744073709551615})";
constexpr const char* kOfRule =
    R"({"type":"suppressed","time":"2026-09-21T14:13:23.000000Z","interface":"external",)"
    R"("direction":"in","rule":"external/m/web","packets":5})";
constexpr const char* kLost = R"({"type":"lost","time":"2026-09-21T14:13:24.000000Z","packets":9})";
constexpr const char* kListening =
    R"({"type":"listening","time":"2026-09-21T14:13:19.000000Z","node":"edge1","events_per_second":100,"head_bytes":128})";

EventLine Line(const char* json) {
  const auto line = ParseEventLine(json);
  EXPECT_TRUE(line) << json;
  return line.value_or(EventLine{});
}

TEST(EventText, LinesStandInColumnsThatGrow) {
  EventTable table(stdin);  // no terminal
  std::string text = table.Heading();
  for (const char* json :
       {kListening, kDrop, kReply, kAudited, kForeign, kSegments, kSuppressed, kOfRule, kLost})
    text += table.Text(Line(json));
  EXPECT_EQ(
      text,
      "TIME (UTC)       INTERFACE  DIR  VERDICT  WHY           PROTOCOL  FROM                   TO "
      "                    DETAILS\n"
      "14:13:20.123456  external   in   drop     default       tcp       198.51.100.7:51022     "
      "203.0.113.11:23        SA, vlan 10.20, 60 bytes\n"
      "14:13:20.000001  external   out  allow    reply external/m/ping  icmpv6    2001:db8::1      "
      "      2001:db8::2            type 129 code 0, 70 bytes\n"
      "14:13:21.000000  external   in   audit    fragment               udp       198.51.100.7     "
      "      203.0.113.11           later fragment, 1500 bytes\n"
      "14:13:22.000000  (eth0)     in   drop     vlan                   0x88cc    -                "
      "      -                      vlan 7, 64 bytes\n"
      "14:13:22.500000  external   out  drop     rule external/m/no-ftp  tcp       "
      "[2001:db8::1]:4000     [2001:db8::2]:21       AP, 3000 bytes, 3 packets\n"
      "14:13:23.000000  external in  18446744073709551615 packets more, beyond the limit: default\n"
      "14:13:23.000000  external in  5 packets more, beyond the limit: rule external/m/web\n"
      "14:13:24.000000  9 packets lost: nobody took them in time\n");
}

TEST(EventText, CommentsNameRuleOrReason) {
  EXPECT_EQ(EventComment(Line(kDrop)), "external in: drop, default");
  EXPECT_EQ(EventComment(Line(kReply)), "external out: allow, reply external/m/ping");
  EXPECT_EQ(EventComment(Line(kAudited)), "external in: passed by audit, would drop, fragment");
  EXPECT_EQ(EventComment(Line(kForeign)), "device eth0 in: drop, vlan");
}

TEST(EventLine, WhatIsNoLineIsRefused) {
  for (const char* text : {"", "{", "[]", "{}", R"({"type":"other"})", R"({"type":7})"})
    EXPECT_FALSE(ParseEventLine(text)) << text;
  EXPECT_EQ(Line(kDrop).nanoseconds, 1'790'000'000'123'456'000u);
  EXPECT_EQ(Line(kDrop).head, (std::vector<uint8_t>{0x0a, 0x0b, 0x0c}));
  EXPECT_EQ(Line(kListening).events_per_second, 100u);
}

// Four bytes a word, the most significant first, as the format's figures have them.
std::string Words(const std::string& bytes) {
  std::string text;
  EXPECT_EQ(bytes.size() % 4, 0u);
  for (size_t i = 0; i + 4 <= bytes.size(); i += 4) {
    uint32_t word;
    bytes.copy(reinterpret_cast<char*>(&word), 4, i);
    char digits[10];
    std::snprintf(digits, sizeof digits, "%08x ", word);
    text += digits;
  }
  return text;
}

TEST(Pcapng, BlocksHaveTheirLengthsBeforeAndBehind) {
  EXPECT_EQ(Words(PcapngSection("")),
            "0a0d0d0a 0000001c 1a2b3c4d 00000001 ffffffff ffffffff 0000001c ");
  // An option of one byte with its padding, and the end of options.
  EXPECT_EQ(Words(PcapngInterface(1, 128, "")),
            "00000001 00000020 00000001 00000080 00010009 00000009 00000000 00000020 ");
  const uint8_t frame[] = {1, 2, 3, 4, 5};
  EXPECT_EQ(Words(PcapngPacketBlock({.interface = 2,
                                     .time = 0x0102030405060708,
                                     .bytes = frame,
                                     .wire_bytes = 60,
                                     .comment = "abcde",
                                     .outbound = true})),
            "00000006 00000040 00000002 01020304 05060708 00000005 0000003c 04030201 00000005 "
            "00050001 64636261 00000065 00040002 00000002 00000000 00000040 ");
  EXPECT_EQ(Words(PcapngPacketBlock({.bytes = frame, .wire_bytes = 5})),
            "00000006 00000028 00000000 00000000 00000000 00000005 00000005 04030201 00000005 "
            "00000028 ");
}

TEST(Pcapng, CommentBeyondAnOptionsLengthIsCut) {
  const std::string longest(100'000, 'x');
  const std::string block = PcapngPacketBlock({.bytes = {}, .comment = longest});
  EXPECT_EQ(block.size(), 12u + 20u + 4u + 65'532u + 4u);
}

TEST(EventCapture, EachDeviceIsAnInterfaceBeforeItsFirstPacket) {
  EventCapture capture;
  const EventLine first = Line(kDrop);
  EventLine other = first;
  other.device = "eth1";
  const std::string packet = PcapngPacketBlock({.time = first.nanoseconds,
                                                .bytes = first.head,
                                                .wire_bytes = 60,
                                                .comment = "external in: drop, default",
                                                .outbound = false});
  EXPECT_EQ(capture.Add(first), PcapngInterface(1, 132, "eth0") + packet);
  EXPECT_EQ(capture.Add(first), packet);
  EXPECT_EQ(capture.Add(other).substr(0, 32), PcapngInterface(1, 132, "eth1").substr(0, 32));
  EXPECT_EQ(capture.Add(first), packet);
}

}  // namespace
}  // namespace portmatrix
