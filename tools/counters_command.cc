// SPDX-License-Identifier: Apache-2.0
// `portmatrix counters`: every counter, from the pins alone.
#include <fmt/format.h>
#include <gflags/gflags.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agent/datapath/pinned_reader.h"
#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/counter_text.h"
#include "tools/duration.h"
#include "tools/loaded_policy.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_string(pin_root);
DEFINE_bool(follow, false,
            "one JSON line an interval, until interrupted; a table where somebody looks");
DEFINE_string(unused_since, "", "only rules that were not hit for so long: 30d, 12h");
DEFINE_double(interval, 1.0, "seconds between two lines with --follow, at least 0.1");

namespace portmatrix {
namespace {

constexpr double kLeastInterval = 0.1;
constexpr double kMostInterval = 3600;

int RunCounters(const std::vector<std::string>& arguments);

}  // namespace

const Command kCountersCommand = {
    "counters",
    "[--follow [--interval SECONDS]] [--unused-since TIME]",
    "packets and bytes by rule, by reason and by interface",
    "Reads the pinned maps, so it needs no agent: root, or membership of group `portmatrix`.\n"
    "A rule's packets travelled in its direction; replies are the answers that passed because of "
    "it.\n"
    "What no rule decided counts under its reason. Seen = rules + reasons + retired, to the "
    "packet.\n"
    "\n"
    "With --follow, each line is the object of --json with what came since the line before\n"
    "(delta_..., interval_ns; zero in the first). On a terminal: what moved most, drawn anew.\n"
    "--unused-since asks the agent, whose stamps outlive a boot: rules in force that were not hit "
    "for\n"
    "so long; of a rule that is not known for so long, that is said.\n"
    "\n"
    "  portmatrix counters\n"
    "  portmatrix counters --unused-since 30d\n"
    "  portmatrix counters --follow --interval 0.5 | jq '.rules[] | select(.delta_packets > 0)'\n"
    "\n"
    "exit codes: 0 ok, 1 nothing is pinned here, 2 usage, 4 the pins may not be read",
    {"follow", "interval", "unused_since"},
    RunCounters,
};

namespace {

int Fail(const Error& error) {
  if (error.code == ENOENT) {
    fmt::print(stderr,
               "portmatrix counters: nothing is pinned under {}: no agent ran there, or `detach` "
               "removed it (another place: --pin_root)\n",
               FLAGS_pin_root);
    return kExitFailure;
  }
  fmt::print(stderr, "portmatrix counters: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

// Follows on a terminal: the screen anew, in one write.
bool Redraw(const CounterSnapshot& counters, const CounterSnapshot* before) {
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row == 0) size = {24, 80, 0, 0};
  fmt::print("\033[H\033[J{}", ChangesTable(counters, before, size.ws_row, size.ws_col));
  return std::fflush(stdout) == 0;
}

int Follow(PinnedReader& reader) {
  const bool shows_table = !FLAGS_json && isatty(STDOUT_FILENO);
  const auto interval = std::chrono::microseconds(static_cast<int64_t>(FLAGS_interval * 1e6));
  auto next = std::chrono::steady_clock::now();
  std::optional<CounterSnapshot> before;
  for (;;) {
    auto counters = reader.ReadCounters();
    if (!counters) return Fail(counters.error());
    const CounterSnapshot* base = before ? &*before : nullptr;
    if (shows_table) {
      if (!Redraw(*counters, base)) return kExitFailure;
    } else {
      const std::string line = CountersJson(*counters, base) + "\n";
      if (std::fwrite(line.data(), 1, line.size(), stdout) != line.size() ||
          std::fflush(stdout) != 0)
        return kExitFailure;
    }
    before = std::move(*counters);
    // A moment that was missed is not made up for.
    const auto now = std::chrono::steady_clock::now();
    do next += interval;
    while (next < now);
    std::this_thread::sleep_until(next);
  }
}

// Rules in force that were not hit since then: {"since", "rules":[{"rule","direction","last_hit",
// "known_since","known_long_enough"}]}.
int ShowUnused() {
  const auto seconds = ParseDuration(FLAGS_unused_since);
  if (!seconds || FLAGS_follow)
    return UsageError(kCountersCommand, "--unused-since is a time such as 30d, without --follow");
  const AgentAnswer answer = GetFromAgent("/v1/hits");
  if (answer.code != kExitOk) return ReportFailure(kCountersCommand, answer);
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  // Times of one form compare as texts.
  const std::string since = TimeText(std::chrono::nanoseconds(now).count() -
                                     static_cast<int64_t>(*seconds) * 1'000'000'000);
  nlohmann::ordered_json unused = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> table = {{"RULE", "DIR", "LAST HIT", "KNOWN SINCE"}};
  for (const auto& rule : answer.body.value("rules", nlohmann::json::array())) {
    const bool never = rule.at("last_hit").is_null();
    if (!rule.at("in_force").get<bool>() || (!never && rule.at("last_hit") >= since)) continue;
    const std::string known_since = rule.at("known_since");
    const bool long_enough = known_since < since;
    unused.push_back({{"rule", rule.at("rule")},
                      {"direction", rule.at("direction")},
                      {"last_hit", rule.at("last_hit")},
                      {"known_since", known_since},
                      {"known_long_enough", long_enough}});
    table.push_back({rule.at("rule"), rule.at("direction"),
                     never ? "never" : rule.at("last_hit").get<std::string>().substr(0, 19) + "Z",
                     known_since.substr(0, 19) + "Z" + (long_enough ? "" : " (not so long)")});
  }
  if (FLAGS_json)
    PrintJson({{"since", since}, {"rules", unused}});
  else if (table.size() == 1)
    fmt::print("every rule was hit since {}Z\n", since.substr(0, 19));
  else
    fmt::print("{}", AlignedTable(table, {}));
  return kExitOk;
}

int RunCounters(const std::vector<std::string>& arguments) {
  if (!arguments.empty()) return UsageError(kCountersCommand, "takes no arguments");
  if (!FLAGS_unused_since.empty()) return ShowUnused();
  if (!(FLAGS_interval >= kLeastInterval && FLAGS_interval <= kMostInterval))
    return UsageError(kCountersCommand, "--interval is from 0.1 to 3600 seconds");
  auto reader = PinnedReader::Open(FLAGS_pin_root);
  if (!reader) return Fail(reader.error());
  if (FLAGS_follow) return Follow(**reader);
  const auto counters = (*reader)->ReadCounters();
  if (!counters) return Fail(counters.error());
  fmt::print("{}", FLAGS_json ? CountersJson(*counters) + "\n" : CountersTable(*counters));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
