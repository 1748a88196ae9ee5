// SPDX-License-Identifier: Apache-2.0
// `portmatrix history`: which policies were in force, who brought them, and what became of them.
#include <fmt/format.h>
#include <gflags/gflags.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/agent_client.h"
#include "tools/commands.h"
#include "tools/difference/difference_json.h"
#include "tools/difference/difference_text.h"
#include "tools/generation_policy.h"
#include "tools/loaded_policy.h"
#include "tools/table.h"

DECLARE_bool(json);
DECLARE_bool(by_rule);
DECLARE_bool(answers);
DECLARE_uint64(limit);

namespace portmatrix {
namespace {

int RunHistory(const std::vector<std::string>& arguments);

}  // namespace

const Command kHistoryCommand = {
    "history",
    "[N] [--by-rule] [--answers] [--limit N]",
    "the generations of late: when, who, why, what they changed, and what became of them",
    "Lists what the agent keeps (the last 32 generations), oldest first. `rollback N` installs one "
    "again.\n"
    "A star marks the one that judges now. RULES counts what it added (+), removed (-) and changed "
    "(~) against\n"
    "the one that judged before it; PACKETS counts the lines of packets that pass (+) and drop (-) "
    "now, against\n"
    "the last one that was confirmed before it, `>` where there may be more, `?` where the files "
    "of "
    "one of the\n"
    "two are not known, or where large policies leave no time for it: a number N tells it then.\n"
    "\n"
    "With a number N: what that generation changed, as `diff` says it (`portmatrix help diff` "
    "explains the\n"
    "lines). Both policies are read from the files that the agent keeps of them.\n"
    "\n"
    "  portmatrix history\n"
    "  portmatrix history 12\n"
    "\n"
    "exit codes: 0 ok, 1 runtime failure, 2 usage, 4 not permitted, 5 agent unreachable",
    {"by_rule", "answers", "limit"},
    RunHistory,
};

namespace {

// "+1 -0 ~2": rules added, removed, changed.
std::string ChangesText(const nlohmann::json& generation) {
  const nlohmann::json changes = generation.value("changes", nlohmann::json::object());
  return fmt::format("+{} -{} ~{}{}", changes.value("added", 0), changes.value("removed", 0),
                     changes.value("changed", 0),
                     changes.value("reordered", false) ? " order" : "");
}

// The files that the changed rules stand in; all files, where no rule changed.
std::string FilesText(const nlohmann::json& generation) {
  std::set<std::string> files;
  const nlohmann::json changes = generation.value("changes", nlohmann::json::object());
  for (const nlohmann::json& rule : changes.value("rules", nlohmann::json::array())) {
    const std::string place = rule.value("place", "");
    files.insert(place.substr(0, place.rfind(':')));
  }
  if (files.empty())
    for (const nlohmann::json& file : generation.value("files", nlohmann::json::array()))
      files.insert(file.get<std::string>());
  constexpr size_t kShown = 2;
  std::string text;
  size_t shown = 0;
  for (const std::string& file : files) {
    if (shown++ == kShown) return text + fmt::format(" and {} more", files.size() - kShown);
    text += (text.empty() ? "" : " ") + file;
  }
  return text;
}

// What generations changed, read again from the files that the agent keeps.
class KeptGenerations {
 public:
  explicit KeptGenerations(const nlohmann::json& generations) : generations_(generations) {}

  // The one that a generation is compared with: the last that was confirmed before it, or where
  // rules of one expired, that one. None for the first.
  std::optional<uint64_t> Before(const nlohmann::json& generation) const {
    const std::string note = generation.value("note", "");
    uint64_t expired = 0;
    if (std::sscanf(note.c_str(), "rules of generation %" SCNu64 " expired", &expired) == 1)
      return expired;
    std::optional<uint64_t> before;
    for (const nlohmann::json& other : generations_) {
      const uint64_t number = other.value("number", uint64_t{0});
      if (number >= generation.value("number", uint64_t{0})) break;
      if (other.value("outcome", "") == "confirmed") before = number;
    }
    return before;
  }

  // Without an answer the reason is in `*why`.
  std::optional<PolicyDifference> ChangesOf(const nlohmann::json& generation,
                                            const FateQuestion& question, WorkBudget budget,
                                            std::string* why) {
    const GenerationPolicy* after = Fetch(generation.value("number", uint64_t{0}), why);
    if (after == nullptr) return std::nullopt;
    DifferenceSide before;
    if (const auto number = Before(generation)) {
      const GenerationPolicy* judged = Fetch(*number, why);
      if (judged == nullptr) return std::nullopt;
      before = judged->side();
    }
    return ComparePolicies(before, after->side(), question, budget);
  }

 private:
  const GenerationPolicy* Fetch(uint64_t number, std::string* why) {
    const auto [known, added] = fetched_.try_emplace(number);
    if (added) {
      std::string reason;
      known->second.policy = FetchGeneration(number, &reason);
      known->second.why = std::move(reason);
    }
    *why = known->second.why;
    return known->second.policy.get();
  }

  struct Fetched {
    std::unique_ptr<GenerationPolicy> policy;
    std::string why;
  };
  const nlohmann::json& generations_;  // ascending by number
  std::map<uint64_t, Fetched> fetched_;
};

struct PacketCounts {
  size_t pass = 0;
  size_t drop = 0;
  bool complete = true;
};

using AllCounts = std::vector<std::optional<PacketCounts>>;

// Of each generation, the latest first while there is time: reading thirty large policies alone
// takes longer than anybody wants to wait for a list. A single one is told in full by `history N`.
AllCounts CountPackets(const nlohmann::json& generations) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::seconds kTime(2);
  constexpr size_t kStepsOfOne = kDifferenceSteps / 6;
  const Clock::time_point end = Clock::now() + kTime;
  KeptGenerations kept(generations);
  AllCounts counts(generations.size());
  for (size_t i = generations.size(); i-- > 0 && Clock::now() < end;) {
    std::string why;
    const auto difference = kept.ChangesOf(generations[i], {}, WorkBudget(kStepsOfOne), &why);
    if (!difference) continue;
    PacketCounts& of_one = counts[i].emplace();
    of_one.complete = difference->complete();
    for (const PacketLine& line : difference->packets)
      ++(line.becomes.verdict == Verdict::kPass ? of_one.pass : of_one.drop);
  }
  return counts;
}

// "+3 -1", with a `>` where there may be more.
std::string PacketsText(const std::optional<PacketCounts>& counts) {
  if (!counts) return "?";
  return fmt::format("{}+{} -{}", counts->complete ? "" : ">", counts->pass, counts->drop);
}

nlohmann::json PacketsJson(const std::optional<PacketCounts>& counts) {
  if (!counts) return {};
  return {{"pass", counts->pass}, {"drop", counts->drop}, {"complete", counts->complete}};
}

int ShowOne(const nlohmann::json& generations, const std::string& word) {
  const auto found = std::ranges::find_if(generations, [&](const nlohmann::json& generation) {
    return std::to_string(generation.value("number", uint64_t{0})) == word;
  });
  if (found == generations.end())
    return UsageError(kHistoryCommand, fmt::format("`{}` is no generation of the history", word));
  KeptGenerations kept(generations);
  std::string why;
  const auto difference =
      kept.ChangesOf(*found, {.by_rule = FLAGS_by_rule, .all_answers = FLAGS_answers},
                     WorkBudget(kDifferenceSteps), &why);
  if (!difference) {
    AgentAnswer failure;
    failure.code = kExitFailure;
    failure.text = fmt::format("what generation {} changed is not known: {}", word, why);
    return ReportFailure(kHistoryCommand, failure);
  }
  if (FLAGS_json) {
    nlohmann::ordered_json json = *found;
    const auto before = kept.Before(*found);
    json["against"] = before ? nlohmann::ordered_json(*before) : nlohmann::ordered_json();
    json["difference"] = JsonOf(*difference, FLAGS_limit);
    PrintJson(json);
    return kExitOk;
  }
  const auto before = kept.Before(*found);
  fmt::print("generation {} ({}, {}{}) against {}\n", word, found->value("time", ""),
             found->value("outcome", ""),
             found->value("user", "").empty() ? "" : ", " + found->value("user", ""),
             before ? fmt::format("generation {}", *before) : "nothing in force");
  fmt::print("{}", TextOf(*difference, FLAGS_limit));
  return kExitOk;
}

int RunHistory(const std::vector<std::string>& arguments) {
  if (arguments.size() > 1) return UsageError(kHistoryCommand, "takes one generation at most");
  AgentAnswer answer = GetFromAgent("/v1/history");
  if (answer.code != kExitOk) return ReportFailure(kHistoryCommand, answer);
  nlohmann::json& generations = answer.body["generations"];
  if (arguments.size() == 1) return ShowOne(generations, arguments[0]);
  const AllCounts counts = CountPackets(generations);
  if (FLAGS_json) {
    for (size_t i = 0; i < counts.size(); ++i) generations[i]["packets"] = PacketsJson(counts[i]);
    PrintJson(answer.body);
    return kExitOk;
  }
  std::vector<std::vector<std::string>> rows = {
      {"", "N", "TIME", "OUTCOME", "BY", "RULES", "PACKETS", "FILES", "WHY"}};
  for (size_t i = 0; i < counts.size(); ++i) {
    const nlohmann::json& generation = generations[i];
    rows.push_back({generation.value("judging", false) ? "*" : "",
                    std::to_string(generation.value("number", uint64_t{0})),
                    generation.value("time", ""), generation.value("outcome", ""),
                    generation.value("user", ""), ChangesText(generation), PacketsText(counts[i]),
                    FilesText(generation), generation.value("note", "")});
  }
  fmt::print("{}", AlignedTable(rows, {1}));
  return kExitOk;
}

}  // namespace
}  // namespace portmatrix
