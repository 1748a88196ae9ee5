// SPDX-License-Identifier: Apache-2.0
// The quick reading of plain YAML against the library's: what it takes, what it leaves to the
// library, and that both make the same tree, to the last column, of whatever it takes.
#include "agent/policy/plain_yaml.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/policy/utf8.h"
#include "agent/policy/yaml_tree.h"
#include "tests/support/random.h"
#include "tests/support/source_tree.h"

namespace portmatrix {
namespace {

// Everything that a node holds.
std::string Dump(const YamlNode& node) {
  std::string text = fmt::format("{}@{}:{}+{}", node.quoted ? "quoted" : "", node.span.line,
                                 node.span.column, node.span.length);
  switch (node.kind) {
    case YamlNode::Kind::kAbsent:
      return text + " nothing";
    case YamlNode::Kind::kText:
      return text + " `" + node.text + "`";
    case YamlNode::Kind::kList:
      text += " [";
      for (const YamlNode& item : node.items) text += Dump(item) + ", ";
      return text + "]";
    case YamlNode::Kind::kMap:
      text += " {";
      for (size_t i = 0; i < node.keys.size(); ++i)
        text += Dump(node.keys[i]) + ": " + Dump(node.items[i]) + ", ";
      return text + "}";
  }
  return text;
}

std::string DumpAll(const std::vector<YamlNode>& documents) {
  std::string text;
  for (const YamlNode& document : documents) text += Dump(document) + "\n";
  return text;
}

std::string ByLibrary(std::string_view text) {
  Diagnostics diagnostics;
  const YamlFile file = ParseYamlByLibrary(text, 0, diagnostics);
  std::string dump = DumpAll(file.documents);
  if (!file.whole) dump += "broken\n";
  for (const Diagnostic& diagnostic : diagnostics.all()) dump += diagnostic.message + "\n";
  return dump;
}

struct Row {
  const char* name;
  const char* text;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kTaken[] = {
    {"RulesOnALine",
     "matrix: m\nrules:\n  - {id: a, from: any, to: [x, 10.0.0.0/8], protocol: tcp, ports: 443}\n"},
    {"RulesInBlocks",
     "matrix: m\nrules:\n  - id: a\n    from: any\n    to:\n      - x\n      - 2001:db8::/32\n"
     "    description: what it is for, (and why)\n  - id: b\n    ignore: [{shadowed-rule: old}]\n"},
    {"ListsUnderTheirKey", "rules:\n- id: a\n- id: b\nother: c\n"},
    {"AddressesThatBeginWithColons", "a: ::1\nb: [::1, ::/0]\n"},
    {"CommentsEverywhere",
     "# first\n\na: b # behind\n  # indented\nc: # before a list\n  - d\n# low\n  - e\n"},
    {"ListsOverLines", "a: [b,   # one\n    c,\n    d\n  ]\n"},
    {"QuotesOnALine", "a: 'b: c'\nd: \"e # f\"\ng: [\"h, i\", '']\n"},
    {"Documents", "# head\n---\na: b\n--- # next\n---\nc: d\n"},
    {"NothingBehindAKey", "a:\nb:   # nothing\nc:\n"},
    {"NullWords", "a: null\nb: ~\nc: [Null, NULL]\n"},
    {"EmptyLists", "a: []\nb: {}\nc: [ ]\n"},
    {"Umlauts", "a: \xc3\xa4 \xc3\xb6\n\xc3\xa9: [\xc3\xbc]\n"},
    {"NoLineEndAtTheEnd", "a: b"},
    {"NothingAtAll", ""},
    {"OnlyComments", "# nothing\n\n"},
    {"ManyKeys",
     "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nl: 1\nm: 1\nn: 1\no: 1\n"
     "p: 1\nq: 1\n"},
};

class PlainYamlTakes : public testing::TestWithParam<Row> {};

TEST_P(PlainYamlTakes, AndReadsAsTheLibrary) {
  const std::string text = GetParam().text;
  const auto documents = ReadPlainYaml(text, 0);
  ASSERT_TRUE(documents);
  EXPECT_EQ(DumpAll(*documents), ByLibrary(text));
}

INSTANTIATE_TEST_SUITE_P(Texts, PlainYamlTakes, testing::ValuesIn(kTaken),
                         [](const auto& row) { return row.param.name; });

constexpr Row kLeft[] = {
    {"Tabs", "a:\tb\n"},
    {"WindowsLineEnds", "a: b\r\n"},
    {"Anchors", "a: &x b\n"},
    {"Aliases", "a: *x\n"},
    {"Tags", "a: !t b\n"},
    {"Blocks", "a: |\n  b\n"},
    {"Escapes", "a: \"b\\n\"\n"},
    {"DoubledQuotes", "a: 'b''c'\n"},
    {"TextOverLines", "a: b\n  c\n"},
    {"QuotesOverLines", "a: 'b\n  c'\n"},
    {"TwinKeys", "a: b\na: c\n"},
    {"TwinKeysInBraces", "{a: b, a: c}\n"},
    {"TwinKeysAmongMany",
     "a: 1\nb: 1\nc: 1\nd: 1\ne: 1\nf: 1\ng: 1\nh: 1\ni: 1\nj: 1\nk: 1\nl: 1\nm: 1\nn: 1\no: 1\n"
     "p: 1\nb: 1\n"},
    {"QuotedKeys", "'a': b\n"},
    {"AskedKeys", "? a\n: b\n"},
    {"PairsInLists", "a: [b: c]\n"},
    {"NothingBetweenCommas", "a: [b, , c]\n"},
    {"OpenLists", "a: [b\n"},
    {"OpenQuotes", "a: 'b\n"},
    {"MissingBlank", "a:b\n"},
    {"StrangeIndents", "a: b\n  c: d\n"},
    {"Directives", "%YAML 1.2\n---\na: b\n"},
    {"DocumentEnds", "a: b\n...\n"},
    {"ListsOfLists", "a:\n  - - b\n"},
    {"DashesWithoutText", "a:\n  -\n"},
    {"RootsThatAreNoMap", "- a\n"},
    {"MarksInAList", "a: [\n---\n]\n"},
};

class PlainYamlLeaves : public testing::TestWithParam<Row> {};

TEST_P(PlainYamlLeaves, ToTheLibrary) { EXPECT_FALSE(ReadPlainYaml(GetParam().text, 0)); }

INSTANTIATE_TEST_SUITE_P(Texts, PlainYamlLeaves, testing::ValuesIn(kLeft),
                         [](const auto& row) { return row.param.name; });

TEST(PlainYamlLimits, LeaveDepthToTheLibrary) {
  for (const size_t depth : {31U, 32U, 33U, 64U, 65U}) {
    const std::string text = "a: " + std::string(depth, '[') + std::string(depth, ']') + "\n";
    const auto documents = ReadPlainYaml(text, 0);
    if (!documents) continue;
    EXPECT_EQ(DumpAll(*documents), ByLibrary(text)) << depth;
  }
  EXPECT_FALSE(ReadPlainYaml("a: " + std::string(100'000, '['), 0));
}

TEST(PlainYamlLimits, LeaveLongTextsToTheLibrary) {
  for (const size_t length : {900U, 1000U, 1001U, 1030U}) {
    const std::string word(length, 'x');
    for (const std::string& text :
         {"a: " + word + "\n", "a: [" + word + "]\n", word + ": a\n", "a: '" + word + "'\n"}) {
      const auto documents = ReadPlainYaml(text, 0);
      if (!documents) continue;
      EXPECT_EQ(DumpAll(*documents), ByLibrary(text)) << length;
    }
  }
}

std::vector<std::string> PoliciesOfTheTree() {
  std::vector<std::string> texts;
  for (const char* folder : {"policies", "tests/fuzz/corpus/policy"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(SourceTree() / folder)) {
      if (!entry.is_regular_file() || entry.file_size() > 100'000) continue;
      if (folder == std::string_view("policies") && entry.path().extension() != ".yaml") continue;
      std::ifstream file(entry.path());
      texts.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
    }
  }
  for (const Row& row : kTaken) texts.emplace_back(row.text);
  return texts;
}

// Every shipped policy is as plain as its readers wish.
TEST(PlainYaml, TakesTheShippedPolicies) {
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(SourceTree() / "policies")) {
    if (entry.path().extension() != ".yaml") continue;
    std::ifstream file(entry.path());
    const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    EXPECT_TRUE(ReadPlainYaml(text, 0)) << entry.path();
  }
}

// Text with a few of the marks that mean something to YAML put in, taken out, or moved.
class Spoiler {
 public:
  std::string Spoiled(std::string text) {
    if (text.size() > 1200) {
      const size_t begin = text.rfind('\n', Below(text.size() - 1000)) + 1;
      text = (Below(3) == 0 ? "" : "matrix: m\nrules:\n") + text.substr(begin, 200 + Below(800));
    }
    for (size_t left = 1 + Below(4); left > 0 && !text.empty(); --left) {
      const size_t at = Below(text.size());
      switch (Below(4)) {
        case 0:
          text.erase(at, 1 + Below(3));
          break;
        case 1:
          text.insert(at, kMarks[Below(std::size(kMarks))]);
          break;
        case 2:
          text.replace(at, 1, kMarks[Below(std::size(kMarks))]);
          break;
        default:
          text.insert(at, std::string(text, Below(text.size()), Below(30)));
      }
    }
    return text;
  }

  size_t Below(size_t bound) { return random_.Below(bound); }

 private:
  static constexpr const char* kMarks[] = {" ",
                                           "  ",
                                           "\n",
                                           "\n  ",
                                           "\n    ",
                                           "\n- ",
                                           ":",
                                           ": ",
                                           ":a",
                                           "-",
                                           "- ",
                                           "---",
                                           "\n---\n",
                                           "...",
                                           "#",
                                           " #",
                                           "\n#x\n",
                                           ",",
                                           ", ",
                                           "[",
                                           "]",
                                           "{",
                                           "}",
                                           "'",
                                           "\"",
                                           "''",
                                           "'a'",
                                           "\"b\"",
                                           "?",
                                           "? ",
                                           "&a ",
                                           "*a",
                                           "!t ",
                                           "|",
                                           ">",
                                           "%",
                                           "@",
                                           "`",
                                           "\\",
                                           "~",
                                           "null",
                                           "::1",
                                           "a: b",
                                           "\xc3\xa9",
                                           "\xc2\x85",
                                           "\xc2\xa0",
                                           "\xe2\x80\xa8",
                                           "\xef\xbb\xbf",
                                           "/",
                                           ".",
                                           "=",
                                           "<<",
                                           "a:"};

  Random random_{20'261};
};

TEST(PlainYaml, ReadsSpoiledTextAsTheLibraryOrNotAtAll) {
  const std::vector<std::string> texts = PoliciesOfTheTree();
  Spoiler spoiler;
  size_t taken = 0;
  for (int round = 0; round < 30'000; ++round) {
    const std::string text = spoiler.Spoiled(texts[spoiler.Below(texts.size())]);
    Diagnostics ignored;
    if (!CheckText(text, 0, ignored) || text.starts_with(kByteOrderMark)) continue;
    const auto documents = ReadPlainYaml(text, 0);
    if (!documents) continue;
    ++taken;
    ASSERT_EQ(DumpAll(*documents), ByLibrary(text)) << text;
  }
  EXPECT_GT(taken, 1'000u);
}

}  // namespace
}  // namespace portmatrix
