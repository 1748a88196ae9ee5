// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/policy_reading.h"

#include <algorithm>
#include <cstddef>

#include "agent/compile/compile.h"
#include "agent/policy/expect.h"
#include "agent/policy/lint.h"
#include "agent/policy/plain_yaml.h"
#include "agent/policy/reader.h"
#include "agent/policy/resolve.h"
#include "agent/policy/yaml_tree.h"

namespace portmatrix {
namespace {

constexpr int64_t kNow = 1'800'000'000;  // 2027

Sources SourcesOf(std::string_view text) {
  const size_t end = std::min(text.find('\0'), text.size());
  Sources sources;
  sources.documents.push_back({"fuzz/policy.yaml", "fuzz", std::string(text.substr(0, end))});
  const std::string list(text.substr(std::min(end + 1, text.size())));
  for (const ListFile& file : ListFilesNamedIn(sources))
    sources.lists.push_back({file.path, file.root, list});
  return sources;
}

size_t LinesOf(const std::string& text) {
  return 1 + static_cast<size_t>(std::ranges::count(text, '\n'));
}

// Is the place inside the sources? A file number beyond them means the policy as a whole.
bool IsPlace(const Sources& sources, const Span& span) {
  const size_t files = sources.documents.size() + sources.lists.size();
  if (span.file >= files) return true;
  const std::string& text = FileOf(sources, span).text;
  return span.line <= LinesOf(text) && span.length >= 1 && (span.line == 0 || span.column >= 1) &&
         span.column <= text.size() + 1;
}

std::string Examine(const Sources& sources, const Diagnostics& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.message.empty() || diagnostic.name.empty()) return "a diagnostic without words";
    if (!IsPlace(sources, diagnostic.span)) return "no such place: " + diagnostic.message;
    for (const Note& note : diagnostic.notes) {
      if (!IsPlace(sources, note.span)) return "no such place in a note: " + note.message;
    }
  }
  if (diagnostics.has_errors() && Render(sources, diagnostics).empty())
    return "errors without text";
  return "";
}

bool Same(const YamlNode& a, const YamlNode& b) {
  return a.kind == b.kind && a.quoted == b.quoted && a.text == b.text &&
         a.span.line == b.span.line && a.span.column == b.span.column &&
         a.span.length == b.span.length && std::ranges::equal(a.keys, b.keys, Same) &&
         std::ranges::equal(a.items, b.items, Same);
}

// Do the quick reading of plain YAML and the library make the same tree?
bool ReadsAlike(const std::string& text) {
  Diagnostics ignored, said;
  const YamlFile quick = ParseYaml(text, 0, ignored);
  const YamlFile whole = ParseYamlByLibrary(text, 0, said);
  return quick.whole == whole.whole && ignored.errors() == said.errors() &&
         std::ranges::equal(quick.documents, whole.documents, Same);
}

std::string CompileNode(const Node& node) {
  Numbering numbering;
  std::string what;
  if (!NumberNode(node, {.rules = 32768}, &numbering, &what))
    return what.empty() ? "numbering fails without a word" : "";
  if (!Compile(node, numbering, 1, &what) && what.empty()) return "compiling fails without a word";
  return "";
}

}  // namespace

std::string PolicyProblem(std::string_view text) {
  const Sources sources = SourcesOf(text);
  if (!ReadsAlike(sources.documents.front().text)) return "the library reads another tree";
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(sources, diagnostics);
  const bool readable = !diagnostics.has_errors();
  for (const WrittenNode& written : policy.nodes) {
    const size_t errors = diagnostics.errors();
    const auto node = ResolveNode(policy, sources, written.name, kNow, diagnostics);
    if (!node && readable && diagnostics.errors() == errors)
      return "node " + written.name + " is refused without an error";
    if (!node || !readable) continue;
    LintNode(*node, diagnostics);
    RunExpectations(policy, *node, diagnostics);
    if (std::string problem = CompileNode(*node); !problem.empty()) return problem;
  }
  LintPolicy(policy, diagnostics);
  return Examine(sources, diagnostics);
}

}  // namespace portmatrix
