// SPDX-License-Identifier: Apache-2.0
// What a packet costs: nanoseconds through the whole filter by BPF_PROG_TEST_RUN, net of a program
// that does nothing, with packets drawn at random over all rules of a policy (root).
//
//   packet_cost [--json] [--threads N] [--rounds N] [--alone] NODE PATH...
//
// With --alone nothing else runs meanwhile: real-time threads measure, and hold the other
// processors idle, for two of them may be one core's.
//
// Each run gets another of 4096 frames (draw.bpf.c), so neither tables nor branches are warm by
// repetition. One line for each interface, family and kind of packet; a round is the quickest of
// several short runs, and of the rounds the median and the spread are given. First of all how long
// reading and compiling took, and the bytes of the image.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <set>
#include <thread>
#include <vector>

#include "agent/compile/compile.h"
#include "agent/datapath/device_numbers.h"
#include "agent/datapath/filter_object.h"
#include "agent/datapath/image_maps.h"
#include "agent/policy/policy.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/policy_files.h"
#include "tests/bench/frames.h"
#include "tests/bench/processors.h"

namespace portmatrix {
namespace {

constexpr uint32_t kRepeat = 50'000;  // some milliseconds: most runs are over before the next tick
constexpr int kRunsARound = 10;
constexpr uint32_t kLoopback = 1;  // the device of a test run
constexpr size_t kFewest = 8;      // frames of a kind, or it is left out

struct Options {
  bool json = false;
  bool alone = false;
  int threads = 1;
  int rounds = 7;
  std::string node;
  std::vector<std::string> paths;
};

struct Figures {
  double median = 0, least = 0, most = 0;
};

Figures Summary(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return {values[values.size() / 2], values.front(), values.back()};
}

class Bench {
 public:
  Bench(const Options& options, const Node& node, const Numbering& numbering)
      : options_(options), node_(node), numbering_(numbering) {}
  ~Bench() { bpf_object__close(draw_); }

  std::string Load(const Image& image) {
    auto object = FilterObject::Load(FilterObject::Purpose::kHooks, {.rules = kCounterSlots},
                                     [](const std::string&) { return -1; });
    if (!object) return object.error().Text();
    filter_ = std::move(*object);
    auto done = PublishImage(image, 1, filter_->map("fronts"), filter_->map("tables"));
    if (!done) return done.error().Text();
    const uint32_t zero = 0;
    const uint64_t control = PM_CONTROL(1, 0, PM_CONTROL_SETTLED, 0, 0);
    bpf_map_update_elem(filter_->map("control"), &zero, &control, BPF_ANY);
    auto numbers = DeviceNumbers::Map(filter_->map("devices"));
    if (!numbers) return numbers.error().Text();
    numbers_ = std::move(*numbers);
    draw_ = bpf_object__open_file(BENCH_DRAW_OBJECT, nullptr);
    if (draw_ == nullptr || bpf_object__load(draw_) != 0)
      return fmt::format("load {}: {}", BENCH_DRAW_OBJECT, std::strerror(errno));
    return "";
  }

  void Run() {
    for (const Interface& interface : node_.interfaces) {
      for (const std::string& device : interface.devices) {
        const uint32_t number = numbering_.devices.at(device);
        (void)numbers_.Put(kLoopback, number);  // there is no other
        for (const Family family : {Family::kIpv4, Family::kIpv6}) RunFamily(interface, family);
        break;
      }
    }
  }

  static constexpr uint32_t kCounterSlots = 262'144;

 private:
  using Frames = std::vector<bench_frame>;

  int Program(const char* name) const {
    return bpf_program__fd(bpf_object__find_program_by_name(draw_, name));
  }
  int Map(const char* name) const { return bpf_map__fd(bpf_object__find_map_by_name(draw_, name)); }

  // Return code of one frame.
  uint32_t Judge(int program, const bench_frame& frame, bool send) const {
    __sk_buff buffer{};
    LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof frame);
    if (send) {
      run.ctx_in = &buffer;
      run.ctx_size_in = sizeof buffer;
    }
    return bpf_prog_test_run_opts(program, &run) == 0 ? run.retval : ~0u;
  }

  bool Passes(const bench_frame& frame, bool send) const {
    const uint32_t code = Judge(send ? filter_->tc_program() : filter_->xdp_program(), frame, send);
    return send ? code == ~0u : code == 2;
  }

  void RunFamily(const Interface& interface, Family family) {
    std::mt19937_64 random(1);
    for (const Direction direction : {Direction::kIn, Direction::kOut}) {
      const bool send = direction == Direction::kOut;
      std::vector<const Rule*> rules;
      for (const Rule& rule : interface.rules)
        if (rule.direction == direction && rule.state == RuleState::kActive) rules.push_back(&rule);
      if (rules.empty()) continue;
      Frames allowed, refused, answers;
      for (int tries = 0; tries < 20 * BENCH_FRAMES; ++tries) {
        const auto frame = DrawFrame(*rules[random() % rules.size()], interface, family, random);
        if (!frame) continue;
        const bool passes = Passes(*frame, send);
        Frames& list = passes ? allowed : refused;
        if (list.size() < BENCH_FRAMES) list.push_back(*frame);
        if (passes && send && answers.size() < BENCH_FRAMES && Passes(AnswerTo(*frame), false))
          answers.push_back(AnswerTo(*frame));
        if (allowed.size() == BENCH_FRAMES && refused.size() == BENCH_FRAMES) break;
      }
      const char* to = send ? "out" : "in";
      Measure(interface, family, fmt::format("{} allowed", to), allowed, send);
      Measure(interface, family, fmt::format("{} refused", to), refused, send);
      if (send) Measure(interface, family, "reply", answers, false);
      if (send) Measure(interface, family, "out, each opens", allowed, send, true);
    }
    Measure(interface, family, "unknown", Unknown(interface, family, random), false, true);
  }

  // Frames for anybody that no rule and no conversation knows.
  Frames Unknown(const Interface& interface, Family family, std::mt19937_64& random) const {
    Frames unknown;
    const Rule anything{
        .direction = Direction::kIn,
        .match = {.from = AddressSet::Any(), .to = AddressSet::Any(), .any_protocol = true}};
    for (int i = 0; i < BENCH_FRAMES; ++i)
      if (const auto frame = DrawFrame(anything, interface, family, random))
        if (!Passes(*frame, false)) unknown.push_back(*frame);
    return unknown;
  }

  // Mean nanoseconds a run on each of the threads.
  double Cost(int target, bool send) const {
    const uint32_t zero = 0;
    bpf_map_update_elem(Map(send ? "tc_target" : "xdp_target"), &zero, &target, BPF_ANY);
    const int program = Program(send ? "draw_tc" : "draw_xdp");
    std::vector<double> costs(static_cast<size_t>(options_.threads));
    std::optional<HeldProcessors> held;
    if (options_.alone) held.emplace(costs.size());
    std::vector<std::thread> threads;
    for (size_t i = 0; i < costs.size(); ++i)
      threads.emplace_back([&, i] {
        RunOn(i, options_.alone);
        bench_frame frame{};
        __sk_buff buffer{};
        LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = &frame, .data_size_in = sizeof frame,
                    .repeat = kRepeat);
        if (send) {
          run.ctx_in = &buffer;
          run.ctx_size_in = sizeof buffer;
        }
        costs[i] = bpf_prog_test_run_opts(program, &run) == 0 ? run.duration : 0;
      });
    for (std::thread& thread : threads) thread.join();
    held.reset();
    LetOthersRun();
    double sum = 0;
    for (const double cost : costs) sum += cost;
    return sum / static_cast<double>(costs.size());
  }

  // One round: the quickest of its runs counts, because whatever else the machine does only adds.
  double NetCost(bool send) const {
    const int empty = Program(send ? "empty_tc" : "empty_xdp");
    const int filter = send ? filter_->tc_program() : filter_->xdp_program();
    double bare = HUGE_VAL, full = HUGE_VAL;
    for (int run = 0; run < kRunsARound; ++run) {
      bare = std::min(bare, Cost(empty, send));
      full = std::min(full, Cost(filter, send));
    }
    return full - bare;
  }

  void Measure(const Interface& interface, Family family, const std::string& kind,
               const Frames& frames, bool send, bool fresh = false) const {
    if (frames.size() < kFewest) return;
    for (uint32_t i = 0; i < BENCH_FRAMES; ++i)
      bpf_map_update_elem(Map("frames"), &i, &frames[i % frames.size()], BPF_ANY);
    const uint32_t zero = 0, port_at = family == Family::kIpv4 ? 34 : 54;
    bpf_map_update_elem(Map("fresh"), &zero, fresh ? &port_at : &zero, BPF_ANY);
    std::vector<double> net;
    for (int round = 0; round < options_.rounds; ++round) net.push_back(NetCost(send));
    const Figures figures = Summary(net);
    const int v = family == Family::kIpv4 ? 4 : 6;
    fmt::print(
        fmt::runtime(options_.json
                         ? "{{\"interface\":\"{}\",\"family\":{},\"kind\":\"{}\",\"frames\":{},"
                           "\"threads\":{},\"net_ns\":{},\"least\":{},\"most\":{}}}\n"
                         : "{:<12} IPv{} {:<16}{:>6} frames, {} at once: {:>6.1f} ns net "
                           "({:.1f} to {:.1f})\n"),
        interface.name, v, kind, frames.size(), options_.threads, figures.median, figures.least,
        figures.most);
    std::fflush(stdout);
  }

  const Options& options_;
  const Node& node_;
  const Numbering& numbering_;
  std::unique_ptr<FilterObject> filter_;
  DeviceNumbers numbers_;
  bpf_object* draw_ = nullptr;
};

int Fail(const std::string& why) {
  fmt::print(stderr, "packet_cost: {}\n", why);
  return 1;
}

double MillisecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

int Main(const Options& options) {
  auto start = std::chrono::steady_clock::now();
  const PolicyFiles files = ReadPolicyFiles(options.paths);
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(files.sources, diagnostics);
  const auto node =
      ResolveNode(policy, files.sources, options.node, std::time(nullptr), diagnostics);
  if (!node || diagnostics.has_errors()) return Fail(Render(files.sources, diagnostics));
  const double read = MillisecondsSince(start);
  Numbering numbering;
  std::string what;
  if (!NumberNode(*node, {.rules = Bench::kCounterSlots}, &numbering, &what)) return Fail(what);
  start = std::chrono::steady_clock::now();
  const auto compiled = Compile(*node, numbering, 1, &what);
  if (!compiled) return Fail(what);
  const double compile = MillisecondsSince(start);
  size_t blocks = 0;
  for (const auto& table : compiled->image.tables) blocks += table.size();
  fmt::print(
      fmt::runtime(options.json ? "{{\"rules\":{},\"read_ms\":{},\"compile_ms\":{},\"bytes\":{}}}\n"
                                : "{} rules: read in {:.1f} ms, compiled in {:.1f} ms, {} bytes\n"),
      compiled->rules.size(), read, compile, blocks * sizeof(pm_block));
  std::fflush(stdout);
  Bench bench(options, *node, numbering);
  if (const std::string failed = bench.Load(compiled->image); !failed.empty()) return Fail(failed);
  bench.Run();
  return 0;
}

}  // namespace
}  // namespace portmatrix

int main(int argc, char** argv) {
  portmatrix::Options options;
  int next = 1;
  for (; next < argc && argv[next][0] == '-'; ++next) {
    const std::string flag = argv[next];
    if (flag == "--json") {
      options.json = true;
    } else if (flag == "--alone") {
      options.alone = true;
    } else if ((flag == "--threads" || flag == "--rounds") && next + 1 < argc) {
      (flag == "--threads" ? options.threads : options.rounds) =
          std::max(1, std::atoi(argv[++next]));
    } else {
      return portmatrix::Fail("unknown flag " + flag);
    }
  }
  if (argc - next < 2)
    return portmatrix::Fail(
        "usage: packet_cost [--json] [--threads N] [--rounds N] [--alone] NODE PATH...");
  options.node = argv[next];
  options.paths.assign(argv + next + 1, argv + argc);
  return portmatrix::Main(options);
}
