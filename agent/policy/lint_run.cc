// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/lint_run.h"

#include <fmt/format.h>

#include <algorithm>

namespace portmatrix {
namespace {

// Ten seconds of work or less on any machine of today. A policy of 16,000 rules that rarely overlap
// needs a fourth; of one whose ten thousand overlap all over some is left undecided.
constexpr size_t kStepsOfNode = 150'000'000;
constexpr size_t kStepsOfQuestion = 5'000'000;
constexpr size_t kMaxNotes = 5;

}  // namespace

LintRun::LintRun(const Node& node, Diagnostics& diagnostics)
    : node_(node), diagnostics_(diagnostics), budget_(kStepsOfNode) {}

LintRun::Share::Share(LintRun& run)
    : run_(run), granted_(std::min(kStepsOfQuestion, run.budget_.left())), budget_(granted_) {}

LintRun::Share::~Share() { run_.budget_.Spend(granted_ - budget_.left()); }

Diagnostic& LintRun::Warn(std::string_view lint, const Rule& rule, std::string message,
                          std::string hint) {
  return diagnostics_.Warning(std::string(lint), rule.span, std::move(message), std::move(hint));
}

void LintRun::AddNotes(Diagnostic& diagnostic, const std::vector<Note>& notes) {
  const size_t shown = std::min(kMaxNotes, notes.size());
  diagnostic.notes.insert(diagnostic.notes.end(), notes.begin(),
                          notes.begin() + static_cast<ptrdiff_t>(shown));
  if (shown < notes.size()) {
    diagnostic.notes.back().message += fmt::format(", and {} more", notes.size() - shown);
  }
}

void LintRun::Undecided(std::string_view lint, const Rule& rule) {
  Open& open = undecided_[lint];
  if (open.count++ == 0) open.first = &rule;
}

void LintRun::ReportUndecided() {
  for (const auto& [lint, open] : undecided_) {
    diagnostics_.Warning(
        "lint-undecided", open.first->span,
        fmt::format("`{}` was not decided for {} rule{} of node `{}`, `{}` the first", lint,
                    open.count, open.count == 1 ? "" : "s", node_.name, open.first->key),
        "too many rules overlap here; the policy works all the same");
  }
}

bool IsIgnored(const Rule& rule, std::string_view lint) {
  return rule.text().ignore.contains(std::string(lint));
}

}  // namespace portmatrix
