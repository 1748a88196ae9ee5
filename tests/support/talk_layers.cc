// SPDX-License-Identifier: Apache-2.0
#include "tests/support/talk_layers.h"

#include "agent/policy/protocol.h"
#include "agent/policy/tuple.h"

namespace portmatrix {
namespace {

wire::Bytes RandomOptions(Random& random) {
  wire::Bytes options;
  for (size_t count = 1 + random.Below(4); count > 0 && options.size() < 32; --count) {
    const size_t kind = random.Below(100);
    if (kind < 40) {
      options.push_back(1);
    } else if (kind < 80) {  // record route, time stamp, router alert
      const auto length = static_cast<uint8_t>(2 + random.Below(7));
      options.push_back(random.Pick<uint8_t>({7, 68, 148, 130}));
      options.push_back(length);
      options.resize(options.size() + length - 2u, 0x05);
    } else if (kind < 88) {  // source routes
      options.insert(options.end(), {random.Pick<uint8_t>({131, 137}), 7, 4, 10, 0, 0, 1});
    } else if (kind < 94) {
      options.push_back(0);
    } else {  // a length that is none
      options.insert(options.end(), {68, random.Pick<uint8_t>({0, 1, 40, 255})});
    }
  }
  return options;
}

wire::Stack RandomExtension(Random& random) {
  const size_t kind = random.Below(100);
  if (kind < 15) {
    const bool odd = random.Percent(15);
    return wire::Routing{.type = odd ? uint8_t{0} : random.Pick<uint8_t>({2, 3, 4}),
                         .segments_left = random.Percent(10) ? uint8_t{1} : uint8_t{0},
                         .content_bytes = random.Pick<size_t>({4, 12, 20})};
  }
  if (kind < 28) return wire::Authentication{.icv_bytes = random.Pick<size_t>({0, 4, 12, 20})};
  if (kind < 31) return wire::FragmentHeader{.identification = 7};
  return wire::Extension{
      .kind = random.Pick({protocol::kHopByHop, protocol::kDestinationOptions, protocol::kMobility,
                           protocol::kHostIdentity, protocol::kShim6}),
      // Seldom so long that what follows lies in another buffer.
      .content = wire::Bytes(random.Percent(3) ? random.Below(2040) : random.Below(20), 0)};
}

wire::Stack RandomExtensions(Random& random) {
  size_t count = 0;
  if (random.Percent(20)) count = 1 + random.Below(3);
  if (random.Percent(3)) count = 6 + random.Below(5);
  wire::Stack extensions;
  for (; count > 0; --count) extensions.Add(RandomExtension(random));
  return extensions;
}

size_t PayloadBytes(Random& random) {
  if (random.Percent(1)) return 1000 + random.Below(random.Percent(70) ? 300 : 7000);
  return random.Below(40);
}

}  // namespace

wire::Stack LinkLayers(Random& random, const Talk& talk) {
  wire::Stack link = wire::Ethernet{};
  for (const uint16_t tag : talk.tags) {
    link.Add(wire::Vlan{
        .id = tag,
        .tpid = random.Percent(70) ? ethertype::kVlan : ethertype::kServiceVlan,
        .priority = static_cast<uint8_t>(random.Below(8)),
    });
  }
  return link;
}

wire::Stack NetworkLayers(Random& random, const pm_tuple& tuple,
                          const std::optional<Fragmenting>& fragmenting) {
  const auto hop_limit = random.Pick<uint8_t>({1, 2, 64, 64, 64, 254, 255});
  const Fragmenting part = fragmenting.value_or(Fragmenting{});
  if (tuple.family == 4) {
    return wire::Ipv4{.source = TupleSource(tuple),
                      .destination = TupleDestination(tuple),
                      .hop_limit = hop_limit,
                      .identification = static_cast<uint16_t>(part.identification),
                      .more_fragments = part.more,
                      .fragment_offset = part.offset,
                      .reserved_flag = random.Percent(2),
                      .dont_fragment = random.Percent(30),
                      .options = random.Percent(8) ? RandomOptions(random) : wire::Bytes(),
                      .protocol = tuple.protocol};
  }
  wire::Stack network = wire::Ipv6{
      .source = TupleSource(tuple), .destination = TupleDestination(tuple), .hop_limit = hop_limit};
  network.Add(RandomExtensions(random));
  if (fragmenting || random.Percent(4)) {
    network.Add(wire::FragmentHeader{
        .identification = part.identification, .offset = part.offset, .more = part.more});
    if (part.offset == 0) network.Add(RandomExtensions(random));
  }
  return network;
}

wire::Stack TransportLayers(Random& random, const pm_tuple& tuple, uint8_t tcp_flags) {
  const size_t payload = PayloadBytes(random);
  const auto type = static_cast<uint8_t>(tuple.destination_port >> 8);
  const auto code = static_cast<uint8_t>(tuple.destination_port);
  switch (tuple.protocol) {
    case protocol::kTcp:
      return wire::Tcp{.source_port = tuple.source_port,
                       .destination_port = tuple.destination_port,
                       .flags = tcp_flags,
                       .options = wire::Bytes(random.Percent(30) ? random.Below(41) : 0, 1)} /
             wire::Zeros(payload);
    case protocol::kUdp:
      return wire::Udp{.source_port = tuple.source_port,
                       .destination_port = tuple.destination_port} /
             wire::Zeros(payload);
    case protocol::kSctp: {
      const std::optional<uint8_t> chunk =
          random.Percent(90) ? std::optional(random.Pick<uint8_t>({0, 1, 1, 2, 3, 14}))
                             : std::nullopt;
      return wire::Sctp{.source_port = tuple.source_port,
                        .destination_port = tuple.destination_port,
                        .chunk = chunk} /
             wire::Zeros(payload);
    }
    case protocol::kIcmp:
      return wire::Icmp{.type = type, .code = code, .identifier = tuple.source_port} /
             wire::Zeros(payload);
    case protocol::kIcmpv6:
      return wire::Icmpv6{.type = type, .code = code, .identifier = tuple.source_port} /
             wire::Zeros(payload);
    default:
      return wire::Zeros(payload, tuple.protocol);
  }
}

wire::Payload FragmentPadding(const wire::Stack& transport) {
  return wire::Zeros((8 - transport.Build().size() % 8) % 8);
}

}  // namespace portmatrix
