// SPDX-License-Identifier: Apache-2.0
// Sends a flood of forged packets out of a device, as fast as it takes them.
//
//   flood_sender DEVICE SOURCE_MAC DESTINATION_MAC SEED < plan
//
// Each line of the plan: KIND SOURCE/LENGTH DESTINATION FIRST-LAST FIRST-LAST PACKETS, with the
// ranges of source and destination ports. Kinds: syn ack rst synack finack udp; `fragments` (each
// UDP datagram in two packets) and `orphan` (later fragments without their first). Hosts of the
// prefix, ports, sequence numbers and identifications are random, checksums are right, and the
// lines come mixed.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <map>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tests/support/packet_builder.h"

namespace portmatrix {
namespace {

using wire::Bytes;
using Random = std::mt19937_64;

constexpr size_t kBatch = 64;
constexpr size_t kUdpBytes = 40;            // of a datagram that travels in fragments
constexpr size_t kFirstFragmentBytes = 24;  // of these

const std::map<std::string, uint8_t> kTcpFlags = {
    {"syn", wire::kSyn},
    {"ack", wire::kAck},
    {"rst", wire::kRst},
    {"synack", wire::kSyn | wire::kAck},
    {"finack", wire::kFin | wire::kAck},
};

struct Line {
  std::string kind;
  Prefix source;
  Address destination;
  PortRange from, to;
  uint64_t packets = 0;
};

PortRange ReadRange(const std::string& text) {
  unsigned first = 0, last = 0;
  if (std::sscanf(text.c_str(), "%u-%u", &first, &last) != 2 || first > last || last > UINT16_MAX)
    throw std::invalid_argument("not a range of ports: " + text);
  return {.first = static_cast<uint16_t>(first), .last = static_cast<uint16_t>(last)};
}

Line ReadLine(const std::string& text) {
  std::istringstream words(text);
  Line line;
  std::string source, destination, from, to;
  if (!(words >> line.kind >> source >> destination >> from >> to >> line.packets))
    throw std::invalid_argument("not a line of a plan: " + text);
  const size_t slash = source.find('/');
  line.source.address = wire::Ip(source.substr(0, slash).c_str());
  line.source.length = static_cast<uint8_t>(std::stoul(source.substr(slash + 1)));
  line.destination = wire::Ip(destination.c_str());
  line.from = ReadRange(from);
  line.to = ReadRange(to);
  return line;
}

uint16_t PortOf(const PortRange& range, Random& random) {
  return static_cast<uint16_t>(range.first + random() % (range.last - range.first + 1u));
}

Address HostOf(const Prefix& prefix, Random& random) {
  Address address = prefix.address;
  for (int bit = prefix.length; bit < AddressBits(address.family); ++bit) {
    if (random() & 1)
      address.bytes[static_cast<size_t>(bit / 8)] |= static_cast<uint8_t>(0x80 >> bit % 8);
  }
  return address;
}

wire::Stack Header(const Address& source, const Address& destination) {
  if (source.family == Family::kIpv4)
    return wire::Ethernet{} / wire::Ipv4{.source = source, .destination = destination};
  return wire::Ethernet{} / wire::Ipv6{.source = source, .destination = destination};
}

// A part of a UDP datagram, from `offset` on.
Bytes Fragment(const Address& source, const Address& destination, uint32_t identification,
               uint16_t offset, bool more, Bytes part) {
  const wire::Payload payload{.bytes = std::move(part), .protocol = protocol::kUdp};
  if (source.family == Family::kIpv4) {
    return wire::Ethernet{} /
           wire::Ipv4{.source = source,
                      .destination = destination,
                      .identification = static_cast<uint16_t>(identification),
                      .more_fragments = more,
                      .fragment_offset = offset} /
           payload;
  }
  return wire::Ethernet{} / wire::Ipv6{.source = source, .destination = destination} /
         wire::FragmentHeader{.identification = identification, .offset = offset, .more = more} /
         payload;
}

// The frames of one go: two for fragments, else one.
void Add(const Line& line, Random& random, std::vector<Bytes>& frames) {
  const Address source = HostOf(line.source, random);
  const uint16_t from = PortOf(line.from, random), to = PortOf(line.to, random);
  if (const auto flags = kTcpFlags.find(line.kind); flags != kTcpFlags.end()) {
    frames.push_back(Header(source, line.destination) /
                     wire::Tcp{.source_port = from,
                               .destination_port = to,
                               .flags = flags->second,
                               .sequence = static_cast<uint32_t>(random()),
                               .acknowledgment = static_cast<uint32_t>(random())});
    return;
  }
  const Bytes whole = Header(source, line.destination) /
                      wire::Udp{.source_port = from, .destination_port = to} /
                      wire::Zeros(kUdpBytes - 8);
  if (line.kind == "udp") {
    frames.push_back(whole);
    return;
  }
  const auto datagram = whole.end() - kUdpBytes, cut = datagram + kFirstFragmentBytes;
  const auto identification = static_cast<uint32_t>(random());
  if (line.kind == "fragments")
    frames.push_back(
        Fragment(source, line.destination, identification, 0, true, Bytes(datagram, cut)));
  else if (line.kind != "orphan")
    throw std::invalid_argument("no kind of packet: " + line.kind);
  frames.push_back(Fragment(source, line.destination, identification, kFirstFragmentBytes, false,
                            Bytes(cut, whole.end())));
}

// A device to send whole frames from.
class Wire {
 public:
  Wire(const std::string& device, const std::string& source, const std::string& destination)
      : socket_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0)) {
    if (socket_ < 0) throw std::system_error(errno, std::generic_category(), "packet socket");
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
    if (address.sll_ifindex == 0 ||
        bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
      throw std::system_error(errno, std::generic_category(), device);
    for (const auto& [text, at] :
         {std::pair{destination, size_t{0}}, std::pair{source, size_t{ETH_ALEN}}}) {
      if (ether_aton_r(text.c_str(), reinterpret_cast<ether_addr*>(&addresses_[at])) == nullptr)
        throw std::invalid_argument("not an Ethernet address: " + text);
    }
  }
  ~Wire() { close(socket_); }
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;

  void Send(std::vector<Bytes>& frames) {
    std::vector<iovec> parts(frames.size());
    std::vector<mmsghdr> messages(frames.size());
    for (size_t i = 0; i < frames.size(); ++i) {
      std::ranges::copy(addresses_, frames[i].begin());
      parts[i] = {frames[i].data(), frames[i].size()};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (size_t sent = 0; sent < frames.size();) {
      const int taken =
          sendmmsg(socket_, &messages[sent], static_cast<unsigned>(frames.size() - sent), 0);
      if (taken > 0)
        sent += static_cast<size_t>(taken);
      else if (errno != ENOBUFS && errno != EINTR)
        throw std::system_error(errno, std::generic_category(), "send");
    }
  }

 private:
  int socket_;
  std::array<uint8_t, 2UL * ETH_ALEN> addresses_{};
};

int Run(const std::vector<std::string>& arguments) {
  if (arguments.size() != 4) {
    fmt::print(stderr, "usage: flood_sender DEVICE SOURCE_MAC DESTINATION_MAC SEED < plan\n");
    return 2;
  }
  Wire wire(arguments[0], arguments[1], arguments[2]);
  Random random(std::stoull(arguments[3]));
  std::vector<Line> lines;
  std::vector<uint16_t> order;  // of the lines, one entry for each go
  for (std::string text; std::getline(std::cin, text);) {
    lines.push_back(ReadLine(text));
    const uint64_t goes = lines.back().packets / (lines.back().kind == "fragments" ? 2 : 1);
    order.insert(order.end(), goes, static_cast<uint16_t>(lines.size() - 1));
  }
  std::ranges::shuffle(order, random);
  uint64_t sent = 0;
  std::vector<Bytes> frames;
  for (const uint16_t index : order) {
    Add(lines[index], random, frames);
    if (frames.size() < kBatch) continue;
    wire.Send(frames);
    sent += frames.size();
    frames.clear();
  }
  wire.Send(frames);
  fmt::print("{}\n", sent + frames.size());
  return 0;
}

}  // namespace
}  // namespace portmatrix

int main(int count, char** values) {
  try {
    return portmatrix::Run({values + 1, values + count});
  } catch (const std::exception& error) {
    fmt::print(stderr, "flood_sender: {}\n", error.what());
    return 1;
  }
}
