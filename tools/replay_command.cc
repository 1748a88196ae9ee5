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
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/datapath/flow_table.h"
#include "agent/datapath/live_set_table.h"
#include "agent/datapath/pinned_image.h"
#include "agent/policy/model.h"
#include "tools/capture.h"
#include "tools/commands.h"
#include "tools/policy_choice.h"
#include "tools/policy_in_force.h"
#include "tools/replay_summary.h"
#include "tools/simulation.h"

DECLARE_bool(json);
DECLARE_string(node);
DECLARE_string(pin_root);
DECLARE_string(policy);
DEFINE_bool(progress, false, "report progress on stderr, also where that is no terminal");
DEFINE_bool(written_at, false, "with --json: also the file and line of each packet's rule");

namespace portmatrix {
namespace {

using Clock = std::chrono::steady_clock;

int RunReplay(const std::vector<std::string>& arguments);

}  // namespace

const Command kReplayCommand = {
    "replay",
    "FILE.pcap [--policy PATH[,PATH...] [--node NAME]] [--interface NAME] [--direction in|out]",
    "judge every packet of a capture by a policy, in the real kernel program",
    "Loads the kernel program a second time, with the policy and with counters, conversations and\n"
    "control word of its own, and hands it the packets one by one: nothing that is in force is\n"
    "touched. With --policy it is the policy in those files, and neither device nor agent is "
    "needed;\n"
    "without, the tables of the generation in force, but none of its conversations. FILE is pcap "
    "or\n"
    "pcapng (`-`: standard input) with Ethernet or raw IP packets. Each is judged as it would be "
    "on\n"
    "the interface's first device. Needs root.\n"
    "\n"
    "Packets whose destination is local to the interface travel `in`, else those whose source is\n"
    "travel `out`, the rest `in`; --direction says it for all. The capture's time stamps are the\n"
    "program's clock: conversations and fragments live from packet to packet, and time out. What\n"
    "cannot be known from a capture is not asked: sockets of this host.\n"
    "\n"
    "Prints a table by verdict, reason and rule, with the rule's file and line; with --json one "
    "line\n"
    "a packet:\n"
    "  "
    "{\"packet\":1,\"direction\":\"in\",\"verdict\":\"allow\",\"reason\":\"rule\",\"rule\":\"a/b/"
    "c\"}\n"
    "where `rule` is null unless the reason is rule or reply. \"audit\":true stands at a drop that "
    "the\n"
    "interface's audit mode would pass; \"truncated\":true at a packet that was captured short and "
    "is\n"
    "judged with zeros up to its wire length. --written_at adds \"file\" and \"line\" of the "
    "rule, or\n"
    "null. Remarks go to stderr. Dynamic sets hold all the time what they hold now; with --policy "
    "they are\n"
    "empty.\n"
    "\n"
    "  portmatrix replay edge.pcap --policy policies/lync-2013-edge --node edge1 --interface "
    "external\n"
    "  tcpdump -i eth0 -w - | portmatrix --json replay - --policy common,profiles/full --node "
    "edge1 "
    "--interface external\n"
    "\n"
    "exit codes: 0 all packets were judged, 1 a file cannot be read or is cut off, or nothing is "
    "in\n"
    "            force, 2 usage, 3 the policy has errors, 4 not permitted to load BPF programs",
    {"policy", "node", "interface", "direction", "progress", "state_dir", "written_at"},
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

// `,"file":"edge.yaml","line":7` by rule.
using Places = std::map<const Rule*, std::string>;

Places PlacesOf(const PolicyChoice& choice) {
  const auto text = [](const nlohmann::ordered_json& file, const nlohmann::ordered_json& line) {
    return fmt::format(R"(,"file":{},"line":{})",
                       file.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace),
                       line.dump());
  };
  Places places = {{nullptr, text(nullptr, nullptr)}};
  for (const Interface& interface : choice.node->interfaces) {
    for (const Rule& rule : interface.rules)
      places.emplace(&rule, text(FileOf(choice.loaded->sources(), rule.span).path, rule.span.line));
  }
  return places;
}

// Rule keys need no escapes: names are [a-z0-9_-].
void AppendLine(uint64_t packet, Direction direction, const CapturedFrame& frame,
                const Ruling& ruling, const Places* places, fmt::memory_buffer* lines) {
  auto to = std::back_inserter(*lines);
  fmt::format_to(to, R"({{"packet":{},"direction":"{}","verdict":"{}","reason":"{}","rule":)",
                 packet, ToString(direction), ruling.allowed ? "allow" : "drop",
                 ReasonWord(ruling.reason));
  if (ruling.rule != nullptr)
    fmt::format_to(to, R"("{}")", ruling.rule->key);
  else
    fmt::format_to(to, "null");
  if (places != nullptr) fmt::format_to(to, "{}", places->at(ruling.rule));
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
                       const Places* places, ReplaySummary* summary) {
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
    if (FLAGS_json) AppendLine(summary->packets(), direction, captured, *ruling, places, &lines);
    if (lines.size() > kWriteBytes && !Write(&lines))
      return Error{"write to", "standard output", errno, ""};
    progress.After(summary->packets(), capture);
  }
  if (!Write(&lines)) return Error{"write to", "standard output", errno, ""};
  return outcome;
}

// The policy to judge by, loaded into a program of its own.
struct Judge {
  PolicyChoice choice;
  std::unique_ptr<Simulation> simulation;
};

int MakeByFiles(Judge* judge) {
  if (const int code = ChoosePolicy(kReplayCommand, &judge->choice); code != kExitOk) return code;
  auto simulation = Simulation::Make(*judge->choice.node, judge->choice.index);
  if (!simulation) return Fail(simulation.error());
  judge->simulation = std::move(*simulation);
  return kExitOk;
}

int MakeByPins(Judge* judge) {
  if (!FLAGS_node.empty())
    return UsageError(kReplayCommand,
                      "--node goes with --policy; the policy in force has one node");
  PinnedImage pinned;
  if (const int code = ChoosePolicyInForce(kReplayCommand, &judge->choice, &pinned);
      code != kExitOk)
    return code;
  auto simulation =
      Simulation::Make(*judge->choice.node, judge->choice.index, pinned.image, NumberingOf(pinned));
  if (!simulation) return Fail(simulation.error());
  judge->simulation = std::move(*simulation);
  const auto live_sets = ReadPinnedLiveSets(FLAGS_pin_root, ProgramClock());
  if (!live_sets) return Fail(live_sets.error());
  if (auto filled = judge->simulation->FillLiveSets(*live_sets); !filled)
    return Fail(filled.error());
  return kExitOk;
}

int RunReplay(const std::vector<std::string>& arguments) {
  if (arguments.size() != 1) return UsageError(kReplayCommand, "name one capture FILE");
  if (FLAGS_written_at && !FLAGS_json)
    return UsageError(kReplayCommand, "--written_at goes with --json; the table says it anyway");
  std::optional<Direction> direction;
  if (!ChooseDirection(kReplayCommand, &direction)) return kExitUsage;
  auto capture = Capture::Open(arguments[0]);
  if (!capture) return Fail(capture.error());
  Judge judge;
  if (const int code = FLAGS_policy.empty() ? MakeByPins(&judge) : MakeByFiles(&judge);
      code != kExitOk)
    return code;

  const PolicyChoice& choice = judge.choice;
  const Places places = PlacesOf(choice);
  ReplaySummary summary;
  const Result<void> outcome = ReplayAll(*capture, *judge.simulation, direction,
                                         FLAGS_written_at ? &places : nullptr, &summary);
  if (!FLAGS_json) {
    fmt::print("{} on {} of {}, by {}\n{}\n", arguments[0], choice.interface().name,
               choice.node->name, choice.loaded->paths, summary.Total());
    if (summary.packets() > 0)
      fmt::print("\n{}", summary.Table(*choice.node, choice.loaded->sources()));
  }
  std::fflush(stdout);
  for (const std::string& remark : summary.Remarks()) fmt::print(stderr, "replay: {}\n", remark);
  return outcome ? kExitOk : Fail(outcome.error());
}

}  // namespace
}  // namespace portmatrix
