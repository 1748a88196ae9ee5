// SPDX-License-Identifier: Apache-2.0
// `portmatrix replay`: every packet of a capture through the real program.
#include <fmt/format.h>
#include <gflags/gflags.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "agent/policy/model.h"
#include "tools/capture.h"
#include "tools/commands.h"
#include "tools/policy_choice.h"
#include "tools/replay_summary.h"
#include "tools/simulation.h"

DECLARE_bool(json);
DECLARE_string(policy);
DEFINE_bool(progress, false, "report progress on stderr, also where that is no terminal");

namespace portmatrix {
namespace {

using Clock = std::chrono::steady_clock;

int RunReplay(const std::vector<std::string>& arguments);

}  // namespace

const Command kReplayCommand = {
    "replay",
    "FILE.pcap --policy PATH[,PATH...] [--node NAME] [--interface NAME] [--direction in|out]",
    "judge every packet of a capture by a policy, in the real kernel program",
    "Loads the kernel program a second time, with the policy and with counters, conversations and\n"
    "control word of its own, and hands it the packets one by one: nothing that is in force is\n"
    "touched, no device is needed. FILE is pcap or pcapng (`-`: standard input) with Ethernet or "
    "raw\n"
    "IP packets. Each is judged as it would be on the interface's first device. Needs root.\n"
    "\n"
    "Packets whose destination is local to the interface travel `in`, else those whose source is\n"
    "travel `out`, the rest `in`; --direction says it for all. The capture's time stamps are the\n"
    "program's clock: conversations and fragments live from packet to packet, and time out. What\n"
    "cannot be known from a capture is not asked: sockets of this host.\n"
    "\n"
    "Prints a table by verdict, reason and rule; with --json one line a packet:\n"
    "  "
    "{\"packet\":1,\"direction\":\"in\",\"verdict\":\"allow\",\"reason\":\"rule\",\"rule\":\"a/b/"
    "c\"}\n"
    "where `rule` is null unless the reason is rule or reply. \"audit\":true stands at a drop that "
    "the\n"
    "interface's audit mode would pass; \"truncated\":true at a packet that was captured short and "
    "is\n"
    "judged with zeros up to its wire length. Remarks go to stderr.\n"
    "\n"
    "  portmatrix replay edge.pcap --policy policies/lync-2013-edge --node edge1 --interface "
    "external\n"
    "  tcpdump -i eth0 -w - | portmatrix --json replay - --policy common,profiles/full --node "
    "edge1 "
    "--interface external\n"
    "\n"
    "exit codes: 0 all packets were judged, 1 a file cannot be read or is cut off, 2 usage,\n"
    "            3 the policy has errors, 4 not permitted to load BPF programs",
    {"policy", "node", "interface", "direction", "progress"},
    RunReplay,
};

namespace {

int Fail(const Error& error) {
  std::fflush(stdout);
  fmt::print(stderr, "portmatrix replay: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

// Says once a second how far it is.
class Progress {
 public:
  explicit Progress(bool wanted) : wanted_(wanted), begin_(Clock::now()), said_(begin_) {}
  ~Progress() {
    if (spoke_ && in_place_) fmt::print(stderr, "\r\033[K");
  }
  void After(uint64_t packets, const Capture& capture) {
    // Asking for the time costs, too.
    if (!wanted_ || packets % 4096 != 0) return;
    const Clock::time_point now = Clock::now();
    if (now - said_ < std::chrono::seconds(1)) return;
    said_ = now;
    spoke_ = true;
    const double seconds = std::chrono::duration<double>(now - begin_).count();
    std::string line = fmt::format("replay: {} packets, {:.0f} a second", packets,
                                   static_cast<double>(packets) / seconds);
    if (const auto part = capture.Progress())
      line += fmt::format(", {:.0f} % of the file", *part * 100);
    if (in_place_)
      fmt::print(stderr, "\r\033[K{}", line);
    else
      fmt::print(stderr, "{}\n", line);
  }

 private:
  const bool wanted_;
  const bool in_place_ = isatty(STDERR_FILENO) != 0;
  const Clock::time_point begin_;
  Clock::time_point said_;
  bool spoke_ = false;
};

// Rule keys need no escapes: names are [a-z0-9_-].
void AppendLine(uint64_t packet, Direction direction, const CapturedFrame& frame,
                const Ruling& ruling, fmt::memory_buffer* lines) {
  auto to = std::back_inserter(*lines);
  fmt::format_to(to, R"({{"packet":{},"direction":"{}","verdict":"{}","reason":"{}","rule":)",
                 packet, ToString(direction), ruling.allowed ? "allow" : "drop",
                 ReasonWord(ruling.reason));
  if (ruling.rule != nullptr)
    fmt::format_to(to, R"("{}")", ruling.rule->key);
  else
    fmt::format_to(to, "null");
  if (ruling.audited) fmt::format_to(to, R"(,"audit":true)");
  if (frame.truncated) fmt::format_to(to, R"(,"truncated":true)");
  fmt::format_to(to, "}}\n");
}

bool Write(fmt::memory_buffer* lines) {
  const bool whole = std::fwrite(lines->data(), 1, lines->size(), stdout) == lines->size();
  lines->clear();
  return whole;
}

// Judges packet after packet until the end or an error.
Result<void> ReplayAll(Capture& capture, Simulation& simulation, std::optional<Direction> fixed,
                       ReplaySummary* summary) {
  constexpr size_t kWriteBytes = 1 << 16;
  Progress progress(FLAGS_progress || isatty(STDERR_FILENO) != 0);
  fmt::memory_buffer lines;
  Result<void> outcome;
  uint64_t now = 0;
  for (;;) {
    auto frame = capture.Next();
    if (!frame) {
      outcome = frame.error();
      break;
    }
    if (!*frame) break;
    const CapturedFrame& captured = **frame;
    now = std::max(now, captured.time);
    const Direction direction = fixed ? *fixed : simulation.DirectionOf(captured.bytes);
    auto ruling = simulation.Judge(direction, captured.bytes, now);
    if (!ruling) {
      outcome = ruling.error();
      break;
    }
    summary->Add(direction, captured, *ruling);
    if (FLAGS_json) AppendLine(summary->packets(), direction, captured, *ruling, &lines);
    if (lines.size() > kWriteBytes && !Write(&lines))
      return Error{"write to", "standard output", errno, ""};
    progress.After(summary->packets(), capture);
  }
  if (!Write(&lines)) return Error{"write to", "standard output", errno, ""};
  return outcome;
}

int RunReplay(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return UsageError(kReplayCommand, "name one capture FILE");
  if (FLAGS_policy.empty())
    return UsageError(kReplayCommand, "name the policy to judge by with --policy");
  std::optional<Direction> direction;
  if (!ChooseDirection(kReplayCommand, &direction)) return kExitUsage;
  PolicyChoice choice;
  if (const int code = ChoosePolicy(kReplayCommand, &choice); code != kExitOk) return code;
  auto capture = Capture::Open(arguments[0]);
  if (!capture) return Fail(capture.error());
  auto simulation = Simulation::Make(*choice.node, choice.index);
  if (!simulation) return Fail(simulation.error());

  ReplaySummary summary;
  const Result<void> outcome = ReplayAll(*capture, **simulation, direction, &summary);
  if (!FLAGS_json) {
    fmt::print("{} on {} of {}, by {}\n{}\n", arguments[0], choice.interface().name,
               choice.node->name, choice.loaded->paths, summary.Total());
    if (summary.packets() > 0) fmt::print("\n{}", summary.Table(*choice.node));
  }
  std::fflush(stdout);
  for (const std::string& remark : summary.Remarks()) fmt::print(stderr, "replay: {}\n", remark);
  return outcome ? kExitOk : Fail(outcome.error());
}

}  // namespace
}  // namespace portmatrix
