// SPDX-License-Identifier: Apache-2.0
// `portmatrix top`: rules and reasons, live.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <vector>

#include "agent/counter_json.h"
#include "tools/commands.h"
#include "tools/rates.h"
#include "tools/screen.h"
#include "tools/terminal.h"

DECLARE_string(pin_root);
DECLARE_double(interval);

namespace portmatrix {
namespace {

int RunTop(const std::vector<std::string>& arguments);

}  // namespace

const Command kTopCommand = {
    "top",
    "[--interval SECONDS]",
    "rules and reasons, live",
    "Packets a second, totals, the last minute as bars, and the last hit; from the pins alone.\n"
    "Rules that were never hit are dim. Only lines that changed are sent: it is usable over a "
    "slow\n"
    "connection.\n"
    "\n"
    "  s  sort by rate, total, bytes, last hit, name     i d r e  filter by interface, direction,\n"
    "  up and down, or k and j  scroll                            rule, reason (part of the word)\n"
    "  c  clear the filters   space  pause   q  leave\n"
    "\n"
    "exit codes: 0 ok, 1 no terminal, or nothing is pinned here, 4 the pins may not be read",
    {"interval"},
    RunTop,
};

namespace {

constexpr const char* kOrders[] = {"rate", "total", "bytes", "last hit", "name"};

struct View {
  RowFilter filter;
  int order = 0;
  size_t first = 0;
  bool paused = false;
  std::string* asked = nullptr;  // the filter that is being written
  std::string question;
};

// As many characters as fit, each of one column.
std::string Fit(const std::string& text, size_t columns) {
  std::string fit;
  size_t used = 0;
  for (const char c : text) {
    if ((c & 0xc0) != 0x80 && ++used > columns) break;
    fit += c;
  }
  return fit;
}

std::string Ago(const MovingRow& row, int64_t now) {
  if (row.reason != "rule") return "";
  if (!row.last_hit) return "never";
  const int64_t seconds = std::max<int64_t>(0, (now - *row.last_hit) / 1'000'000'000);
  if (seconds < 120) return fmt::format("{}s", seconds);
  if (seconds < 7200) return fmt::format("{}m", seconds / 60);
  if (seconds < 172800) return fmt::format("{}h", seconds / 3600);
  return fmt::format("{}d", seconds / 86400);
}

std::string Painted(const MovingRow& row, const std::string& line) {
  if (row.reason == "rule" && !row.last_hit) return Paint(stdout, Colour::kDim, line);
  if (row.is_dropped && row.packets_a_second > 0) return Paint(stdout, Colour::kRed, line);
  return line;
}

std::vector<std::string> Lines(const CounterSnapshot& counters, const Rates& rates, View& view,
                               size_t rows, size_t columns) {
  const auto chosen = Chosen(rates.rows(), view.filter, static_cast<RowOrder>(view.order));
  std::string head =
      fmt::format("{}Z  generation {}  {} of {} rows, by {}{}",
                  TimeText(counters.time).substr(11, 8), counters.generation.number, chosen.size(),
                  rates.rows().size(), kOrders[view.order], view.paused ? "  PAUSED" : "");
  for (const auto& [key, word] : {std::pair{"interface", &view.filter.interface},
                                  {"direction", &view.filter.direction},
                                  {"rule", &view.filter.rule},
                                  {"reason", &view.filter.reason}})
    if (!word->empty()) head += fmt::format("  {}={}", key, *word);
  std::vector<std::string> lines = {Paint(stdout, Colour::kBold, Fit(head, columns))};
  const bool wide = columns >= 72;
  const size_t name = columns - std::min(columns, size_t{wide ? 51u : 18u});
  lines.push_back(Paint(
      stdout, Colour::kBold,
      Fit(wide ? fmt::format("{:>6} {:>6} {:>6} {:>6}  {:20} {:3} {}", "PKT/s", "B/s", "TOTAL",
                             "LAST", "LAST MINUTE", "DIR", "RULE OR REASON")
               : fmt::format("{:>6} {:>6} {:3} {}", "PKT/s", "TOTAL", "DIR", "RULE OR REASON"),
          columns)));
  const size_t room = rows > 3 ? rows - 3 : 0;
  view.first = std::min(view.first, chosen.size() > room ? chosen.size() - room : 0);
  for (size_t i = view.first; i < chosen.size() && lines.size() < room + 2; ++i) {
    const MovingRow& row = *chosen[i];
    const std::string title = Fit(row.name + (row.in_force ? "" : " (not in force)"), name);
    const std::string line =
        wide ? fmt::format("{:>6} {:>6} {:>6} {:>6}  {} {:3} {}", Short(row.packets_a_second),
                           Short(row.bytes_a_second), Short(static_cast<double>(row.packets)),
                           Ago(row, counters.time), Sparkline(row.minute, 20), row.direction, title)
             : fmt::format("{:>6} {:>6} {:3} {}", Short(row.packets_a_second),
                           Short(static_cast<double>(row.packets)), row.direction, title);
    lines.push_back(Painted(row, Fit(line, columns)));
  }
  lines.resize(std::max(rows, size_t{1}) - 1);
  lines.push_back(Fit(view.asked != nullptr
                          ? fmt::format("{}: {}_", view.question, *view.asked)
                          : "q leave  s sort  i d r e filter  c clear  j k scroll  space pause",
                      columns));
  return lines;
}

void Ask(View& view, std::string* filter, const char* question) {
  filter->clear();
  view.asked = filter;
  view.question = question;
}

// False: leave.
bool Press(int key, View& view) {
  if (view.asked != nullptr) {
    if (key == '\n' || key == '\r' || key == 27)
      view.asked = nullptr;
    else if ((key == 127 || key == 8) && !view.asked->empty())
      view.asked->pop_back();
    else if (key > ' ' && key < 127)
      *view.asked += static_cast<char>(key);
    return true;
  }
  switch (key) {
    case 'q':
      return false;
    case 's':
      view.order = (view.order + 1) % static_cast<int>(std::size(kOrders));
      break;
    case 'i':
      Ask(view, &view.filter.interface, "interface");
      break;
    case 'd':
      Ask(view, &view.filter.direction, "direction (in, out)");
      break;
    case 'r':
      Ask(view, &view.filter.rule, "rule");
      break;
    case 'e':
      Ask(view, &view.filter.reason, "reason");
      break;
    case 'c':
      view.filter = {};
      break;
    case ' ':
      view.paused = !view.paused;
      break;
    case 'j':
    case 'B':  // the last byte of an arrow's sequence
      ++view.first;
      break;
    case 'k':
    case 'A':
      if (view.first > 0) --view.first;
      break;
    default:
      break;
  }
  return true;
}

int Fail(const Error& error) {
  fmt::print(stderr, "portmatrix top: {}\n", error.Text());
  return error.code == EACCES || error.code == EPERM ? kExitNotPermitted : kExitFailure;
}

int RunTop(const std::vector<std::string>& arguments) {
  using std::chrono::steady_clock;
  if (!arguments.empty()) return UsageError(kTopCommand, "takes no arguments");
  if (!(FLAGS_interval >= 0.1 && FLAGS_interval <= 3600))
    return UsageError(kTopCommand, "--interval is from 0.1 to 3600 seconds");
  auto reader = PinnedReader::Open(FLAGS_pin_root);
  if (!reader) return Fail(reader.error());
  auto counters = (*reader)->ReadCounters();
  if (!counters) return Fail(counters.error());
  if (!Terminal::IsThere()) {
    fmt::print(stderr,
               "portmatrix top: no terminal here (`portmatrix counters --follow` needs none)\n");
    return kExitFailure;
  }
  const auto interval = std::chrono::milliseconds(static_cast<int64_t>(FLAGS_interval * 1e3));
  Rates rates;
  rates.Take(*counters);
  View view;
  std::optional<Error> failure;
  {
    Terminal terminal;
    auto next = steady_clock::now() + interval;
    while (terminal.Draw(Lines(*counters, rates, view, terminal.rows(), terminal.columns()))) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(next - steady_clock::now()).count();
      const int key = terminal.Key(static_cast<int>(std::max<int64_t>(left, 0)));
      if (key < 0 || (key > 0 && !Press(key, view))) break;
      if (steady_clock::now() < next) continue;
      next = steady_clock::now() + interval;
      if (view.paused) continue;
      counters = (*reader)->ReadCounters();
      if (!counters) {
        failure = counters.error();
        break;
      }
      rates.Take(*counters);
    }
  }
  return failure ? Fail(*failure) : kExitOk;
}

}  // namespace
}  // namespace portmatrix
