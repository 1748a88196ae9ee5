// SPDX-License-Identifier: Apache-2.0
// Sends frames drawn over all rules of a policy out of a veth device as fast as the kernel takes
// them (live frames of BPF_PROG_TEST_RUN), and says how long that took. Root, in the device's
// network namespace.
//
//   live_frames DEVICE PACKETS NODE PATH...
//
// What the peer does with a frame happens on the same processor before the next batch goes out, so
// the time holds both. What a call of the kernel takes by itself is left out.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <thread>

#include "agent/policy/policy.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/policy_files.h"
#include "tests/bench/frames.h"
#include "tests/bench/processors.h"

namespace portmatrix {
namespace {

constexpr uint32_t kBatch = 64;
constexpr double kSliceSeconds = 0.5;
constexpr int kBareCalls = 3;

int Fail(const std::string& why) {
  fmt::print(stderr, "live_frames: {}\n", why);
  return 1;
}

int Main(const std::string& device, uint32_t packets, const std::string& node_name,
         const std::vector<std::string>& paths) {
  const PolicyFiles files = ReadPolicyFiles(paths);
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(files.sources, diagnostics);
  const auto node = ResolveNode(policy, files.sources, node_name, std::time(nullptr), diagnostics);
  if (!node || diagnostics.has_errors()) return Fail(Render(files.sources, diagnostics));
  bpf_object* draw = bpf_object__open_file(BENCH_DRAW_OBJECT, nullptr);
  if (draw == nullptr || bpf_object__load(draw) != 0)
    return Fail(fmt::format("load {}: {}", BENCH_DRAW_OBJECT, std::strerror(errno)));

  const int frames = bpf_map__fd(bpf_object__find_map_by_name(draw, "frames"));
  const Interface& interface = node->interfaces.front();
  std::mt19937_64 random(1);
  for (uint32_t i = 0; i < BENCH_FRAMES;) {
    const Rule& rule = interface.rules[random() % interface.rules.size()];
    for (const Family family : {Family::kIpv4, Family::kIpv6}) {
      const auto frame = DrawFrame(rule, interface, family, random);
      if (!frame) continue;
      bpf_map_update_elem(frames, &i, &*frame, BPF_ANY);
      if (++i == BENCH_FRAMES) break;
    }
  }
  bench_frame frame{};
  xdp_md context{};
  context.ingress_ifindex = if_nametoindex(device.c_str());
  context.data_end = sizeof frame;
  const int program = bpf_program__fd(bpf_object__find_program_by_name(draw, "send_xdp"));
  int failed = 0;
  // Not before all other threads: what is received may be left to the kernel's own thread of this
  // processor.
  const auto send = [&](uint32_t count) {
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof frame,
                .ctx_in = &context, .ctx_size_in = sizeof context,
                .repeat = static_cast<int>(count), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                .batch_size = kBatch);
    double took = 0;
    std::jthread([&] {
      RunOn(0, false);
      const auto start = std::chrono::steady_clock::now();
      failed = bpf_prog_test_run_opts(program, &run);
      took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }).join();
    return took;
  };
  // A call waits for a grace period beside what it sends, some 25 ms on an idle machine.
  double bare = HUGE_VAL;
  for (int i = 0; i < kBareCalls; ++i) bare = std::min(bare, send(1));
  double seconds = 0;
  // Slices double until one takes so long that its beginning does not matter.
  uint32_t slice = 16 * kBatch, sent = 0;
  while (failed == 0 && sent < packets) {
    slice = std::min(slice, packets - sent);
    const double took = std::max(send(slice) - bare, 0.0);
    seconds += took;
    sent += slice;
    if (took < kSliceSeconds / 2) slice *= 2;
  }
  if (failed != 0) return Fail(fmt::format("send through {}: {}", device, std::strerror(errno)));
  fmt::print("{{\"packets\":{},\"seconds\":{:.6f}}}\n", packets, seconds);
  bpf_object__close(draw);
  return 0;
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  if (argc < 5) return portmatrix::Fail("usage: live_frames DEVICE PACKETS NODE PATH...");
  return portmatrix::Main(argv[1], static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10)),
                          argv[3], {argv + 4, argv + argc});
}
