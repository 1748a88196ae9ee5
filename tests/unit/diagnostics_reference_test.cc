// SPDX-License-Identifier: Apache-2.0
// agent/policy/DIAGNOSTICS.md against the program: each example says what stands below it, and no
// diagnostic is without a section.
//
// PORTMATRIX_WRITE_REFERENCE in the environment writes what is said into the page instead.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "agent/policy/expect.h"
#include "agent/policy/lint.h"
#include "tests/support/source_tree.h"
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

namespace fs = std::filesystem;

const fs::path kTree = SourceTree();
const fs::path kPage = kTree / "agent/policy/DIAGNOSTICS.md";

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A fenced block: ```yaml, ```list PATH or ```text.
struct Block {
  std::string kind;
  std::string argument;
  std::string text;
};

struct Section {
  std::string name;
  std::vector<Block> blocks;

  const Block* Find(const std::string& kind) const {
    for (const Block& block : blocks) {
      if (block.kind == kind) return &block;
    }
    return nullptr;
  }
};

std::vector<Section> ReadPage() {
  std::istringstream page(Content(kPage));
  std::vector<Section> sections;
  std::optional<Block> open;
  for (std::string line; std::getline(page, line);) {
    if (open && line == "```") {
      if (!sections.empty()) sections.back().blocks.push_back(*open);
      open.reset();
    } else if (open) {
      open->text += line + "\n";
    } else if (line.starts_with("```")) {
      const size_t blank = std::min(line.find(' '), line.size());
      open = Block{line.substr(3, blank - 3), line.substr(std::min(blank + 1, line.size())), ""};
    } else if (line.starts_with("## ")) {
      sections.push_back({line.substr(3), {}});
    }
  }
  return sections;
}

// `{{9 * text}}` nine times, `{{byte ff}}` as a byte.
std::string Expanded(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size();) {
    const size_t open = std::min(text.find("{{", at), text.size());
    result += text.substr(at, open - at);
    if (open == text.size()) break;
    const size_t close = text.find("}}", open);
    const std::string inside = text.substr(open + 2, close - open - 2);
    at = close + 2;
    if (inside.starts_with("byte ")) {
      result += static_cast<char>(std::stoi(inside.substr(5), nullptr, 16));
      continue;
    }
    const size_t star = inside.find(" * ");
    const std::string repeated = inside.substr(star + 3);
    const int times = std::stoi(inside.substr(0, star));
    for (int i = 1; i <= times; ++i) {
      for (const char c : repeated) {
        result += c == '@' ? std::to_string(i) : std::string(1, c);
      }
    }
  }
  return result;
}

// What is said of the section's policy under the section's name, from reading to expectations.
std::string Said(const Section& section) {
  Sources sources;
  for (const Block& block : section.blocks) {
    if (block.kind == "yaml")
      sources.documents.push_back({"p/policy.yaml", "p", Expanded(block.text)});
    if (block.kind == "list")
      sources.lists.push_back({"p/" + block.argument, "p", Expanded(block.text)});
  }
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(sources, diagnostics);
  std::vector<std::string> nodes;
  for (const WrittenNode& node : policy.nodes) nodes.push_back(node.name);
  // The one that needs somebody who asks for it.
  if (section.name == "unknown-node") nodes.emplace_back("n");
  std::vector<Node> resolved;
  for (const std::string& name : nodes) {
    auto node = ResolveNode(policy, sources, name, kTestNow, diagnostics);
    if (node) resolved.push_back(std::move(*node));
  }
  if (!diagnostics.has_errors()) {
    LintPolicy(policy, diagnostics);
    for (const Node& node : resolved) {
      LintNode(node, diagnostics);
      RunExpectations(policy, node, diagnostics);
    }
  }
  std::string said;
  for (const Diagnostic* diagnostic : InOrder(diagnostics)) {
    if (diagnostic->name == section.name) said += Render(sources, *diagnostic);
  }
  return said;
}

void WritePage() {
  std::string page = Content(kPage);
  size_t at = 0;
  for (const Section& section : ReadPage()) {
    at = page.find("\n## " + section.name + "\n", at);
    const size_t begin = page.find("\n```text\n", at) + 9;
    page.replace(begin, page.find("```\n", begin) - begin, Said(section));
  }
  std::ofstream(kPage, std::ios::binary) << page;
}

TEST(DiagnosticsReference, EveryExampleSaysWhatStandsBelowIt) {
  if (std::getenv("PORTMATRIX_WRITE_REFERENCE") != nullptr) WritePage();
  const std::vector<Section> sections = ReadPage();
  EXPECT_GT(sections.size(), 50u);
  for (const Section& section : sections) {
    ASSERT_NE(section.Find("yaml"), nullptr) << section.name << " has no example";
    ASSERT_NE(section.Find("text"), nullptr) << section.name << " says nothing";
    const std::string said = Said(section);
    EXPECT_EQ(said, section.Find("text")->text) << section.name;
    EXPECT_NE(said, "") << "the example of " << section.name << " does not trigger it";
  }
}

TEST(DiagnosticsReference, SectionsStandInOrderAndOnce) {
  std::vector<std::string> names;
  for (const Section& section : ReadPage()) names.push_back(section.name);
  std::vector<std::string> sorted = names;
  std::ranges::sort(sorted);
  EXPECT_EQ(names, sorted);
  EXPECT_EQ(std::ranges::adjacent_find(sorted), sorted.end());
}

// Names to where they were seen, "agent/policy/lint.cc".
using Seen = std::map<std::string, std::string>;

void Find(const std::string& text, const std::string& pattern, const std::string& place,
          Seen& seen) {
  const std::regex regex(pattern);
  for (auto each = std::sregex_iterator(text.begin(), text.end(), regex);
       each != std::sregex_iterator(); ++each) {
    seen.emplace((*each)[1], place);
  }
}

// What the source can call a diagnostic: literals where one is made, and constants of that form in
// headers (lints, which a rule's `ignore` names too).
Seen NamesInTheSource() {
  Seen seen;
  for (const fs::directory_entry& entry : fs::directory_iterator(kTree / "agent/policy")) {
    const std::string place = "agent/policy/" + entry.path().filename().string();
    const std::string text = Content(entry.path());
    if (entry.path().extension() == ".cc")
      Find(text, R"re(\b(?:Error|Warning)\(\s*"([a-z]+(?:-[a-z]+)*)")re", place, seen);
    if (entry.path().extension() == ".h")
      Find(text, R"re(\bk[A-Z]\w*(?:\[\])?\s*=\s*"([a-z]+(?:-[a-z]+)+)")re", place, seen);
  }
  // reader.cc makes these of the kind of document.
  seen.emplace("duplicate-matrix", "agent/policy/reader.cc");
  seen.emplace("duplicate-node", "agent/policy/reader.cc");
  return seen;
}

// What unit tests expect to be said.
Seen NamesInUnitTests() {
  Seen seen;
  for (const fs::directory_entry& entry : fs::directory_iterator(kTree / "tests/unit")) {
    // The last one tests rendering, with names of its own.
    if (entry.path().extension() != ".cc" || entry.path().filename() == "diagnostic_test.cc")
      continue;
    Find(Content(entry.path()), R"re(:\d+: (?:error|warning): [^\n]* \[([a-z]+(?:-[a-z]+)*)\])re",
         "tests/unit/" + entry.path().filename().string(), seen);
  }
  return seen;
}

TEST(DiagnosticsReference, NoDiagnosticIsWithoutASection) {
  std::set<std::string> documented;
  for (const Section& section : ReadPage()) documented.insert(section.name);
  Seen seen = NamesInTheSource();
  EXPECT_GT(seen.size(), 40u);
  seen.merge(NamesInUnitTests());
  for (const auto& [name, place] : seen) {
    EXPECT_TRUE(documented.contains(name))
        << place << " has a diagnostic `" << name << "` that agent/policy/DIAGNOSTICS.md does not "
        << "explain: add a section `## " << name << "` with an example, in the order of the "
        << "alphabet, and run PORTMATRIX_WRITE_REFERENCE=1 build/tests/diagnostics_reference_test";
  }
  for (const std::string& name : documented) {
    EXPECT_TRUE(seen.contains(name))
        << "agent/policy/DIAGNOSTICS.md explains `" << name << "`, which nothing says";
  }
}

}  // namespace
}  // namespace portmatrix
