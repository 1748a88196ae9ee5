// SPDX-License-Identifier: Apache-2.0
// Sends frames drawn over all rules of a policy out of a veth device as fast as the kernel takes
// them (live frames of BPF_PROG_TEST_RUN), and says how long that took. Root, in the device's
// network namespace.
//
//   live_frames DEVICE PACKETS NODE PATH...
//
// What the peer does with a frame happens on the same processor before the next batch goes out, so
// the time holds both. They are sent in slices of some milliseconds, between which the rest of the
// machine is let run; meanwhile it is held still (processors.h).
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <optional>
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
constexpr double kSliceSeconds = 0.04;

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
  double seconds = 0;
  // Slices double until one takes long enough for its beginning not to matter.
  uint32_t slice = 16 * kBatch;
  for (uint32_t sent = 0; sent < packets;) {
    slice = std::min(slice, packets - sent);
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof frame,
                .ctx_in = &context, .ctx_size_in = sizeof context,
                .repeat = static_cast<int>(slice), .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
                .batch_size = kBatch);
    int failed = 0;
    double took = 0;
    std::optional<HeldProcessors> held(1);
    std::jthread([&] {
      RunOn(0, true);
      const auto start = std::chrono::steady_clock::now();
      failed = bpf_prog_test_run_opts(program, &run);
      took = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }).join();
    held.reset();
    if (failed != 0) return Fail(fmt::format("send through {}: {}", device, std::strerror(errno)));
    seconds += took;
    sent += slice;
    if (took < kSliceSeconds / 2) slice *= 2;
    LetOthersRun();
  }
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
