// SPDX-License-Identifier: Apache-2.0
// YAML as maps, lists and text with places.
#include "agent/policy/yaml_tree.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "agent/policy/limits.h"

namespace portmatrix {
namespace {

// A node in one line: text as 'text', "text" if it was quoted, with its place behind: 'a'@1:5+1.
std::string Dump(const YamlNode& node) {
  std::string text;
  switch (node.kind) {
    case YamlNode::Kind::kAbsent:
      text = "nothing";
      break;
    case YamlNode::Kind::kText:
      text = node.quoted ? '"' + node.text + '"' : "'" + node.text + "'";
      break;
    case YamlNode::Kind::kList:
      for (const YamlNode& item : node.items) text += (text.empty() ? "" : ", ") + Dump(item);
      return "[" + text + "]";
    case YamlNode::Kind::kMap:
      for (size_t i = 0; i < node.keys.size(); ++i) {
        text += (text.empty() ? "" : ", ") + Dump(node.keys[i]) + ": " + Dump(node.items[i]);
      }
      return "{" + text + "}";
  }
  return fmt::format("{}@{}:{}+{}", text, node.span.line, node.span.column, node.span.length);
}

std::string DumpAll(const std::string& text) {
  Diagnostics diagnostics;
  const YamlFile file = ParseYaml(text, 0, diagnostics);
  std::string dump = file.whole ? "" : "broken: ";
  for (const YamlNode& document : file.documents) {
    dump += (dump.empty() ? "" : " --- ") + Dump(document);
  }
  if (diagnostics.has_errors()) dump += " [" + diagnostics.all()[0].name + "]";
  return dump;
}

struct Row {
  const char* name;
  const char* text;
  const char* tree;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kRows[] = {
    {"PlainWordsStayText", "a: no\nb: 0777\nc: 1e3\n",
     "{'a'@1:1+1: 'no'@1:4+2, 'b'@2:1+1: '0777'@2:4+4, 'c'@3:1+1: '1e3'@3:4+3}"},
    {"NullWordsStayText", "a: ~\nb: null\nc: [Null, NULL]\n",
     "{'a'@1:1+1: '~'@1:4+1, 'b'@2:1+1: 'null'@2:4+4, 'c'@3:1+1: ['Null'@3:5+4, 'NULL'@3:11+4]}"},
    {"NullMayBeAKey", "null: 1\n", "{'null'@1:1+4: '1'@1:7+1}"},
    {"NothingIsNotTheKeyBelow", "a:\nnull: 1\n",
     "{'a'@1:1+1: nothing@1:1+1, 'null'@2:1+4: '1'@2:7+1}"},
    {"NothingBehindTheLastKey", "a:\n", "{'a'@1:1+1: nothing@1:1+1}"},
    {"NothingBetweenCommas", "[a, , b]\n", "['a'@1:2+1, nothing@1:5+1, 'b'@1:7+1]"},
    {"QuotesAreKnown", "a: 'it''s'\nb: \"x\\ty\"\n",
     "{'a'@1:1+1: \"it's\"@1:4+7, 'b'@2:1+1: \"x\ty\"@2:4+6}"},
    {"QuotedNullIsText", "a: 'null'\n", "{'a'@1:1+1: \"null\"@1:4+6}"},
    {"BlocksAreText", "a: |\n  x\n  y\n", "{'a'@1:1+1: \"x\ny\n\"@1:4+1}"},
    {"ColumnsCountBytes", "{\xc3\xa9: \xc3\xa9, b: c}\n",
     "{'\xc3\xa9'@1:2+2: '\xc3\xa9'@1:6+2, 'b'@1:10+1: 'c'@1:13+1}"},
    {"CommentsEndPlainText", "a: b c # d\n", "{'a'@1:1+1: 'b c'@1:4+3}"},
    {"ColonsInsideWordsAreText", "a: 2001:db8::1\n", "{'a'@1:1+1: '2001:db8::1'@1:4+11}"},
    {"ColonsInsideFlowWordsAreText", "[2001:db8::/32, ::1]\n",
     "['2001:db8::/32'@1:2+13, '::1'@1:17+3]"},
    {"WindowsLineEndsCount", "a: b\r\nc: d\r\n", "{'a'@1:1+1: 'b'@1:4+1, 'c'@2:1+1: 'd'@2:4+1}"},
    {"AByteOrderMarkIsNoColumn",
     "\xef\xbb\xbf"
     "a: b\n",
     "{'a'@1:1+1: 'b'@1:4+1}"},
    {"DocumentsGoOnCountingLines", "a: b\n---\nc: d\n",
     "{'a'@1:1+1: 'b'@1:4+1} --- {'c'@3:1+1: 'd'@3:4+1}"},
    {"EmptyDocumentsAreLeftOut", "---\n---\na: b\n---\n# only this\n", "{'a'@3:1+1: 'b'@3:4+1}"},
    {"AnEmptyFileHasNone", "", ""},
    {"ADuplicateKeyKeepsTheFirst", "a: b\na: c\n", "{'a'@1:1+1: 'b'@1:4+1} [duplicate-key]"},
    {"WhatStandsBeforeBrokenTextIsKept", "a: b\n---\n]\n",
     "broken:  --- {'a'@1:1+1: 'b'@1:4+1} [syntax]"},
    {"AnAnchorIsNotIgnored", "a: &x b\n", "{'a'@1:1+1: 'b'@1:4+1} [unsupported-yaml]"},
    {"AnotherEncodingIsRefused", "a: \xe9\n", "broken:  [encoding]"},
    {"OverlongUtf8IsRefused", "a: \xc0\xaf\n", "broken:  [encoding]"},
    {"ASurrogateIsRefused", "a: \xed\xa0\x80\n", "broken:  [encoding]"},
    {"ALoneCarriageReturnIsRefused", "a: b\rc: d\n", "broken:  [encoding]"},
};

class YamlTree : public testing::TestWithParam<Row> {};

TEST_P(YamlTree, KeepsTextAndPlace) { EXPECT_EQ(DumpAll(GetParam().text), GetParam().tree); }

INSTANTIATE_TEST_SUITE_P(Texts, YamlTree, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(YamlTreeLimits, AllowSixtyFourLevelsAndNoMore) {
  const auto nested = [](size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']') + "\n";
  };
  EXPECT_EQ(DumpAll(nested(kMaxYamlDepth)).find("too-deep"), std::string::npos);
  EXPECT_EQ(DumpAll(nested(kMaxYamlDepth + 1)), "broken:  [too-deep]");
  EXPECT_EQ(DumpAll(nested(100'000)), "broken:  [too-deep]");
}

TEST(YamlTreeLimits, RefuseAFileOverOneMebibyte) {
  const std::string comment(kMaxDocumentBytes - 1, '#');
  EXPECT_EQ(DumpAll(comment + "\n"), "");
  EXPECT_EQ(DumpAll(comment + "#\n"), "broken:  [too-large]");
}

TEST(YamlTreeLimits, ReadAWideFileInOneGo) {
  std::string text = "[";
  while (text.size() < kMaxDocumentBytes - 16) text += "a,{b: ~},";
  text += "]\n";
  Diagnostics diagnostics;
  const YamlFile file = ParseYaml(text, 0, diagnostics);
  ASSERT_EQ(file.documents.size(), 1u);
  EXPECT_GT(file.documents[0].items.size(), 200'000u);
}

}  // namespace
}  // namespace portmatrix
