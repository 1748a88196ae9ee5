// SPDX-License-Identifier: Apache-2.0
// What a packet costs: nanoseconds through BPF_PROG_TEST_RUN under a policy from files, beside a
// program that does nothing.
//
//   packet_cost NODE PATH...      (root; the Lync policy: edge1 policies/lync-2013-edge/common
//   .../profiles/full)
//
// Frames are those of the node's own expectations, so that every rule and every kind of refusal has
// its share.
#include <bpf/bpf.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/filter_object.h"
#include "agent/datapath/image_maps.h"
#include "agent/policy/policy.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "tools/policy_files.h"

namespace portmatrix {
namespace {

constexpr int kRounds = 7;
constexpr uint32_t kRepeat = 200000;
constexpr uint32_t kLoopback = 1;

// The expectation's packet: an Ethernet frame with an opening segment or a datagram of 26 bytes.
std::vector<uint8_t> FrameOf(const Expectation& expectation) {
  const bool v6 = expectation.from.family == Family::kIpv6;
  const bool tcp = expectation.protocol == 6;
  const size_t header = v6 ? 40 : 20, transport = tcp ? 20 : 34;
  std::vector<uint8_t> frame(14 + header + transport);
  frame[12] = v6 ? 0x86 : 0x08;
  frame[13] = v6 ? 0xdd : 0x00;
  uint8_t* ip = &frame[14];
  if (v6) {
    ip[0] = 0x60;
    ip[5] = static_cast<uint8_t>(transport);
    ip[6] = expectation.protocol;
    ip[7] = 64;
    std::copy_n(expectation.from.bytes.begin(), 16, ip + 8);
    std::copy_n(expectation.to.bytes.begin(), 16, ip + 24);
  } else {
    ip[0] = 0x45;
    ip[3] = static_cast<uint8_t>(header + transport);
    ip[8] = 64;
    ip[9] = expectation.protocol;
    std::copy_n(expectation.from.bytes.begin(), 4, ip + 12);
    std::copy_n(expectation.to.bytes.begin(), 4, ip + 16);
  }
  uint8_t* l4 = ip + header;
  l4[0] = 20000 >> 8;
  l4[1] = 20000 & 0xff;
  l4[2] = static_cast<uint8_t>(expectation.port.value_or(0) >> 8);
  l4[3] = static_cast<uint8_t>(expectation.port.value_or(0));
  if (tcp) {
    l4[12] = 0x50;
    l4[13] = PM_TCP_SYN;
  } else {
    l4[5] = static_cast<uint8_t>(transport);
  }
  return frame;
}

// Mean nanoseconds a run of `program` over `frame`.
uint32_t Cost(int program, const std::vector<uint8_t>& frame, bool send, uint32_t repeat) {
  __sk_buff buffer{};
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
              .data_size_in = static_cast<uint32_t>(frame.size()),
              .repeat = static_cast<int>(repeat));
  if (send) {
    options.ctx_in = &buffer;
    options.ctx_size_in = sizeof buffer;
  }
  return bpf_prog_test_run_opts(program, &options) == 0 ? options.duration : 0;
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

int EmptyProgram(bpf_prog_type type, int verdict) {
  const bpf_insn instructions[] = {
      {.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = verdict},
      {.code = BPF_JMP | BPF_EXIT, .dst_reg = 0, .src_reg = 0, .off = 0, .imm = 0}};
  LIBBPF_OPTS(bpf_prog_load_opts, options);
  return bpf_prog_load(type, "empty", "GPL", instructions, 2, &options);
}

int Fail(const std::string& why) {
  fmt::print(stderr, "packet_cost: {}\n", why);
  return 1;
}

int Main(const std::string& node_name, const std::vector<std::string>& paths) {
  const PolicyFiles files = ReadPolicyFiles(paths);
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(files.sources, diagnostics);
  const auto node = ResolveNode(policy, files.sources, node_name, std::time(nullptr), diagnostics);
  if (!node || diagnostics.has_errors()) return Fail(Render(files.sources, diagnostics));
  Numbering numbering;
  std::string what;
  if (!NumberNode(*node, {.rules = 32768}, &numbering, &what)) return Fail(what);
  const auto compiled = Compile(*node, numbering, 1, &what);
  if (!compiled) return Fail(what);
  auto object =
      FilterObject::Load(FilterObject::Purpose::kHooks, {}, [](const std::string&) { return -1; });
  if (!object) return Fail(object.error().Text());
  auto maps = MakeImageMaps(compiled->image);
  if (!maps) return Fail(maps.error().Text());
  const auto map = [&](const char* name) { return (*object)->map(name); };
  if (auto done = Publish(*maps, 1, map("tables")); !done)
    return Fail(done.error().Text());
  const uint32_t zero = 0;
  const uint64_t control = PM_CONTROL(1, 0, PM_CONTROL_SETTLED, 0, 0);
  bpf_map_update_elem(map("control"), &zero, &control, BPF_ANY);

  struct Kind {
    const char* name;
    Family family;
    Direction direction;
    Verdict verdict;
  };
  fmt::print("{:<22}{:>8}{:>14}{:>14}{:>12}\n", "packets", "frames", "empty, ns", "filter, ns",
             "net, ns");
  for (const Kind& kind :
       {Kind{"IPv4 in, allowed", Family::kIpv4, Direction::kIn, Verdict::kPass},
        Kind{"IPv4 in, refused", Family::kIpv4, Direction::kIn, Verdict::kDrop},
        Kind{"IPv4 out, allowed", Family::kIpv4, Direction::kOut, Verdict::kPass},
        Kind{"IPv6 in, allowed", Family::kIpv6, Direction::kIn, Verdict::kPass},
        Kind{"IPv6 in, refused", Family::kIpv6, Direction::kIn, Verdict::kDrop},
        Kind{"IPv6 out, allowed", Family::kIpv6, Direction::kOut, Verdict::kPass}}) {
    const bool send = kind.direction == Direction::kOut;
    const int program = send ? (*object)->tc_program() : (*object)->xdp_program();
    const int empty =
        send ? EmptyProgram(BPF_PROG_TYPE_SCHED_CLS, -1) : EmptyProgram(BPF_PROG_TYPE_XDP, 2);
    std::vector<std::pair<uint32_t, std::vector<uint8_t>>> frames;
    for (const Expectation& expectation : node->expectations)
      for (const Interface& interface : node->interfaces)
        if (interface.name == expectation.interface && expectation.from.family == kind.family &&
            expectation.verdict == kind.verdict && interface.local.Contains(expectation.to) != send)
          frames.emplace_back(numbering.devices.at(interface.devices.front()),
                              FrameOf(expectation));
    if (frames.empty()) continue;
    const uint32_t repeat =
        std::max<uint32_t>(1000, kRepeat / static_cast<uint32_t>(frames.size()));
    std::vector<double> bare, full;
    for (int round = 0; round < kRounds; ++round) {
      double bare_sum = 0, full_sum = 0;
      for (const auto& [device, frame] : frames) {
        bpf_map_update_elem(map("devices"), &kLoopback, &device, BPF_ANY);
        bare_sum += Cost(empty, frame, send, repeat);
        full_sum += Cost(program, frame, send, repeat);
      }
      bare.push_back(bare_sum / static_cast<double>(frames.size()));
      full.push_back(full_sum / static_cast<double>(frames.size()));
    }
    fmt::print("{:<22}{:>8}{:>14.1f}{:>14.1f}{:>12.1f}\n", kind.name, frames.size(), Median(bare),
               Median(full), Median(full) - Median(bare));
  }
  return 0;
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  if (argc < 3) return portmatrix::Fail("usage: packet_cost NODE PATH...");
  return portmatrix::Main(argv[1], {argv + 2, argv + argc});
}
