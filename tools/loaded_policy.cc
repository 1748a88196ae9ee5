// SPDX-License-Identifier: Apache-2.0
#include "tools/loaded_policy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gflags/gflags.h>

#include <chrono>
#include <cstdio>

#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "tools/exit_code.h"
#include "tools/screen.h"

DEFINE_string(node, "", "the node of the policy that is meant");

namespace portmatrix {
namespace {

using nlohmann::ordered_json;

int64_t SecondsNow() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::seconds>(now).count();
}

}  // namespace

int LoadedPolicy::exit_code() const {
  if (!files.errors.empty()) return kExitFailure;
  return diagnostics.has_errors() ? kExitInvalidPolicy : kExitOk;
}

std::unique_ptr<LoadedPolicy> LoadPolicy(const std::vector<std::string>& paths,
                                         const std::string& node) {
  auto loaded = std::make_unique<LoadedPolicy>();
  loaded->paths = fmt::format("{}", fmt::join(SplitPaths(paths), " "));
  loaded->files = ReadPolicyFiles(paths);
  // With files missing, every name in them would seem to be wrong.
  if (!loaded->files.errors.empty()) return loaded;
  loaded->policy = ReadPolicy(loaded->sources(), loaded->diagnostics);
  std::vector<std::string> names;
  if (!node.empty()) names.push_back(node);
  for (const WrittenNode& each : loaded->policy.nodes) {
    if (node.empty()) names.push_back(each.name);
  }
  const int64_t now = SecondsNow();
  for (const std::string& name : names) {
    auto resolved = ResolveNode(loaded->policy, loaded->sources(), name, now, loaded->diagnostics);
    if (resolved) loaded->nodes.push_back(std::move(*resolved));
  }
  return loaded;
}

void PrintProblems(const LoadedPolicy& loaded) {
  for (const std::string& error : loaded.files.errors) {
    fmt::print(stderr, "{}{}\n", Paint(stderr, Colour::kRed, "portmatrix: "), error);
  }
  fmt::print(stderr, "{}", PaintDiagnostics(stderr, Render(loaded.sources(), loaded.diagnostics)));
}

ordered_json PlaceJson(const Sources& sources, const Span& span) {
  ordered_json place;
  place["file"] = FileOf(sources, span).path;
  place["line"] = span.line == 0 ? ordered_json() : ordered_json(span.line);
  place["column"] = span.line == 0 ? ordered_json() : ordered_json(span.column);
  place["length"] = span.line == 0 ? ordered_json() : ordered_json(span.length);
  return place;
}

ordered_json DiagnosticsJson(const Sources& sources, const Diagnostics& diagnostics) {
  ordered_json list = ordered_json::array();
  for (const Diagnostic* diagnostic : InOrder(diagnostics)) {
    ordered_json entry;
    entry["severity"] = diagnostic->severity == Severity::kError ? "error" : "warning";
    entry["name"] = diagnostic->name;
    entry.update(PlaceJson(sources, diagnostic->span));
    entry["message"] = diagnostic->message;
    entry["hint"] = diagnostic->hint.empty() ? ordered_json() : ordered_json(diagnostic->hint);
    entry["notes"] = ordered_json::array();
    for (const Note& note : diagnostic->notes) {
      ordered_json place = PlaceJson(sources, note.span);
      place["message"] = note.message;
      entry["notes"].push_back(std::move(place));
    }
    list.push_back(std::move(entry));
  }
  return list;
}

void PrintJson(const ordered_json& json) {
  fmt::print("{}\n", json.dump(-1, ' ', false, ordered_json::error_handler_t::replace));
}

}  // namespace portmatrix
