// SPDX-License-Identifier: Apache-2.0
#include "tools/packet_question.h"

#include <fmt/format.h>

#include <charconv>
#include <string_view>

#include "agent/policy/protocol.h"
#include "agent/policy/service_reader.h"
#include "maps/layout.h"

namespace portmatrix {
namespace {

struct FlagWord {
  const char* word;
  uint8_t bit;
};
constexpr FlagWord kFlags[] = {{"fin", PM_TCP_FIN}, {"syn", PM_TCP_SYN}, {"rst", PM_TCP_RST},
                               {"psh", 0x08},       {"ack", PM_TCP_ACK}, {"urg", 0x20},
                               {"ece", 0x40},       {"cwr", 0x80}};

template <typename Number>
std::optional<Number> ParseNumber(std::string_view text) {
  Number number = 0;
  const char* end = text.data() + text.size();
  const auto [at, failed] = std::from_chars(text.data(), end, number);
  if (failed != std::errc() || at != end || text.empty()) return std::nullopt;
  return number;
}

struct Endpoint {
  Address address;
  std::optional<uint16_t> port;
};

// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"
std::optional<Endpoint> ParseEndpoint(std::string_view text) {
  std::string_view address = text, port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    address = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    has_port = !text.empty();
    if (has_port && text[0] != ':') return std::nullopt;
    if (has_port) port = text.substr(1);
    if (address.find(':') == std::string_view::npos) return std::nullopt;
  } else if (const size_t colon = text.find(':');
             colon != std::string_view::npos &&
             text.find(':', colon + 1) == std::string_view::npos) {
    address = text.substr(0, colon);
    port = text.substr(colon + 1);
    has_port = true;
  }
  const std::optional<Address> parsed = ParseAddress(address);
  if (!parsed) return std::nullopt;
  Endpoint endpoint{*parsed, std::nullopt};
  if (has_port) {
    endpoint.port = ParseNumber<uint16_t>(port);
    if (!endpoint.port) return std::nullopt;
  }
  return endpoint;
}

std::optional<uint8_t> ParseFlags(std::string_view text) {
  uint8_t flags = 0;
  if (text == "none") return flags;
  while (true) {
    const size_t comma = text.find(',');
    const std::string_view word = text.substr(0, comma);
    const FlagWord* found = nullptr;
    for (const FlagWord& flag : kFlags) {
      if (word == flag.word) found = &flag;
    }
    if (found == nullptr) return std::nullopt;
    flags |= found->bit;
    if (comma == std::string_view::npos) return flags;
    text.remove_prefix(comma + 1);
  }
}

bool ReadEndpoints(const PacketWords& words, TraceQuestion* question, std::string* problem) {
  for (const auto& [flag, text] : {std::pair("from", &words.from), std::pair("to", &words.to)}) {
    const auto endpoint = ParseEndpoint(*text);
    if (!endpoint) {
      *problem = fmt::format(
          "--{} is an address, with a port behind a colon (192.0.2.1:443, "
          "[2001:db8::1]:443), not `{}`",
          flag, *text);
      return false;
    }
    if (endpoint->port && !HasPorts(question->protocol)) {
      *problem = fmt::format("--{} has a port, but protocol {} has none", flag,
                             ProtocolWord(question->protocol));
      return false;
    }
    if (text == &words.from) {
      question->from = endpoint->address;
      question->from_port = endpoint->port;
    } else {
      question->to = endpoint->address;
      if (!endpoint->port && HasPorts(question->protocol)) {
        *problem = fmt::format("--to needs a port with protocol {}: {}:PORT",
                               ProtocolWord(question->protocol),
                               question->to.family == Family::kIpv6 ? "[" + *text + "]" : *text);
        return false;
      }
      question->to_port = endpoint->port.value_or(0);
    }
  }
  if (question->from.family != question->to.family) {
    *problem = "--from and --to are of different families: no packet has both";
    return false;
  }
  return true;
}

// ICMP's type and code, TCP's flags.
bool ReadRest(const PacketWords& words, TraceQuestion* question, std::string* problem) {
  const bool v6 = question->from.family == Family::kIpv6;
  if (!IsIcmp(question->protocol)) {
    if (!words.icmp_type.empty() || !words.icmp_code.empty()) {
      *problem = "--icmp_type and --icmp_code go with protocol icmp or icmpv6";
      return false;
    }
  } else {
    question->icmp_type = v6 ? icmpv6::kEchoRequest : icmp::kEchoRequest;
    for (const auto& [text, to] : {std::pair(&words.icmp_type, &question->icmp_type),
                                   std::pair(&words.icmp_code, &question->icmp_code)}) {
      if (text->empty()) continue;
      const auto number = ParseNumber<uint8_t>(*text);
      if (!number) {
        *problem = fmt::format("ICMP types and codes are numbers from 0 to 255, not `{}`", *text);
        return false;
      }
      *to = *number;
    }
  }
  if (question->protocol != protocol::kTcp) {
    if (words.flags.empty()) return true;
    *problem = "--flags goes with protocol tcp";
    return false;
  }
  const auto flags = ParseFlags(words.flags.empty() ? "syn" : words.flags);
  if (!flags) {
    *problem = fmt::format(
        "--flags is `none` or of fin, syn, rst, psh, ack, urg, ece and cwr, with "
        "commas between them, not `{}`",
        words.flags);
    return false;
  }
  question->tcp_flags = *flags;
  return true;
}

void Append16(std::vector<uint8_t>* to, size_t value) {
  to->push_back(static_cast<uint8_t>(value >> 8));
  to->push_back(static_cast<uint8_t>(value));
}

void Append(std::vector<uint8_t>* to, const Address& address) {
  const size_t bytes = address.family == Family::kIpv4 ? 4 : 16;
  to->insert(to->end(), address.bytes.begin(),
             address.bytes.begin() + static_cast<std::ptrdiff_t>(bytes));
}

std::vector<uint8_t> Transport(const TraceQuestion& question, uint16_t from_port) {
  constexpr uint16_t kIdentifier = 1;
  std::vector<uint8_t> bytes;
  switch (question.protocol) {
    case protocol::kTcp:
      Append16(&bytes, from_port);
      Append16(&bytes, question.to_port);
      bytes.resize(12);
      bytes.push_back(5 << 4);  // words of the header
      bytes.push_back(question.tcp_flags);
      Append16(&bytes, 65535);  // window
      bytes.resize(20);
      break;
    case protocol::kUdp:
      Append16(&bytes, from_port);
      Append16(&bytes, question.to_port);
      Append16(&bytes, 8);
      bytes.resize(8);
      break;
    case protocol::kSctp:
      Append16(&bytes, from_port);
      Append16(&bytes, question.to_port);
      bytes.resize(12);
      bytes.push_back(1);  // chunk INIT
      bytes.push_back(0);
      Append16(&bytes, 20);
      bytes.resize(32);
      break;
    case protocol::kIcmp:
    case protocol::kIcmpv6:
      bytes = {question.icmp_type, question.icmp_code, 0, 0};
      Append16(&bytes, kIdentifier);
      bytes.resize(8);
      break;
    default:
      bytes.resize(8);
  }
  return bytes;
}

}  // namespace

std::optional<TraceQuestion> ReadQuestion(const PacketWords& words, std::string* problem) {
  TraceQuestion question;
  const auto number = ParseProtocol(words.protocol);
  if (!number) {
    *problem = fmt::format("--protocol is tcp, udp, sctp, icmp, icmpv6 or a number, not `{}`",
                           words.protocol);
    return std::nullopt;
  }
  question.protocol = *number;
  if (!ReadEndpoints(words, &question, problem) || !ReadRest(words, &question, problem))
    return std::nullopt;
  return question;
}

std::vector<uint8_t> BuildFrame(const TraceQuestion& question, uint16_t from_port,
                                const std::vector<uint16_t>& tags) {
  constexpr uint8_t kHopLimit = 64;
  const std::vector<uint8_t> transport = Transport(question, from_port);
  const bool v4 = question.from.family == Family::kIpv4;
  std::vector<uint8_t> frame = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};
  for (size_t i = 0; i < tags.size(); ++i) {
    // Of two tags the outer one is the service's (IEEE 802.1ad).
    Append16(&frame, i + 1 < tags.size() ? ethertype::kServiceVlan : ethertype::kVlan);
    Append16(&frame, tags[i]);
  }
  Append16(&frame, v4 ? ethertype::kIpv4 : ethertype::kIpv6);
  if (v4) {
    frame.insert(frame.end(), {0x45, 0});
    Append16(&frame, 20 + transport.size());
    frame.insert(frame.end(), {0, 0, 0, 0, kHopLimit, question.protocol, 0, 0});
  } else {
    frame.insert(frame.end(), {0x60, 0, 0, 0});
    Append16(&frame, transport.size());
    frame.insert(frame.end(), {question.protocol, kHopLimit});
  }
  Append(&frame, question.from);
  Append(&frame, question.to);
  frame.insert(frame.end(), transport.begin(), transport.end());
  return frame;
}

std::string Describe(const TraceQuestion& question, uint16_t from_port) {
  const auto endpoint = [&](const Address& address, uint16_t port) {
    if (!HasPorts(question.protocol)) return ToString(address);
    return address.family == Family::kIpv6 ? fmt::format("[{}]:{}", ToString(address), port)
                                           : fmt::format("{}:{}", ToString(address), port);
  };
  std::string text =
      fmt::format("{} {} > {}", ProtocolWord(question.protocol), endpoint(question.from, from_port),
                  endpoint(question.to, question.to_port));
  if (IsIcmp(question.protocol))
    text += fmt::format(" type {} code {}", question.icmp_type, question.icmp_code);
  if (question.protocol == protocol::kTcp) {
    std::string flags;
    for (const FlagWord& flag : kFlags) {
      if ((question.tcp_flags & flag.bit) == 0) continue;
      flags += (flags.empty() ? "" : ",") + std::string(flag.word);
    }
    text += " " + (flags.empty() ? "no flags" : flags);
  }
  return text;
}

}  // namespace portmatrix
