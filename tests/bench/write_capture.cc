// SPDX-License-Identifier: Apache-2.0
// Writes a capture of packets aimed at the rules of one interface, with answers, errors, fragments
// and damaged ones among them: what tests/bench/replay hands to `portmatrix replay`.
//
//   write_capture FILE.pcap PACKETS NODE INTERFACE PATH...
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include "agent/policy/frame.h"
#include "agent/policy/packet.h"
#include "agent/policy/policy.h"
#include "agent/policy/protocol.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/policy/tuple.h"
#include "tests/support/capture_file.h"
#include "tests/support/random_frame.h"
#include "agent/policy_files.h"

namespace portmatrix {
namespace {

constexpr uint64_t kSeed = 1;
constexpr size_t kEthernetBytes = 14;

int Fail(const std::string& why) {
  fmt::print(stderr, "write_capture: {}\n", why);
  return 1;
}

// Does replay find the direction that was meant, and is the source not one of the interface's own?
// Edges of the policy make more packets from local to local than any network has.
bool IsPlausible(const GeneratedFrame& frame, const AddressSet& local) {
  const auto link = DecodeLink(frame.bytes);
  if (!link) return true;
  const bool ipv4 = link->ethertype == ethertype::kIpv4;
  if (!ipv4 && link->ethertype != ethertype::kIpv6) return true;
  const auto packet = DecodePacket(ipv4 ? Family::kIpv4 : Family::kIpv6, link->payload);
  if (!packet) return true;
  const bool sent = frame.direction == Direction::kOut;
  return local.Contains(TupleSource(packet->tuple)) == sent &&
         local.Contains(TupleDestination(packet->tuple)) != sent;
}

int Main(const std::string& path, size_t packets, const std::string& node_name,
         const std::string& interface, const std::vector<std::string>& paths) {
  const PolicyFiles files = ReadPolicyFiles(paths);
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(files.sources, diagnostics);
  auto node = ResolveNode(policy, files.sources, node_name, std::time(nullptr), diagnostics);
  if (!node || diagnostics.has_errors()) return Fail(Render(files.sources, diagnostics));
  std::erase_if(node->interfaces, [&](const Interface& other) { return other.name != interface; });
  if (node->interfaces.empty()) return Fail("no interface " + interface);

  FrameGenerator generator(*node, kSeed);
  std::vector<CaptureRecord> records;
  while (records.size() < packets) {
    GeneratedFrame frame = generator.Next();
    if (frame.segmented || frame.bytes.size() < kEthernetBytes) continue;
    if (!IsPlausible(frame, node->interfaces[0].local)) continue;
    records.push_back({frame.time, std::move(frame.bytes), {}});
  }
  const wire::Bytes bytes = PcapFile(records);
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  return file.flush() ? 0 : Fail("cannot write " + path);
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  if (argc < 6) return portmatrix::Fail("usage: write_capture FILE PACKETS NODE INTERFACE PATH...");
  return portmatrix::Main(argv[1], std::strtoull(argv[2], nullptr, 10), argv[3], argv[4],
                          {argv + 5, argv + argc});
}
