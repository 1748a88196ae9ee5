// SPDX-License-Identifier: Apache-2.0
// Diagnostics as text: place, line, caret.
#include "agent/policy/diagnostic.h"

#include <gtest/gtest.h>

#include <string>

namespace portmatrix {
namespace {

Sources Text(std::string text) {
  Sources sources;
  sources.documents.push_back({"p/edge.yaml", "p", std::move(text)});
  sources.lists.push_back({"p/list.txt", "p", "10.0.0.1\n"});
  return sources;
}

struct Row {
  const char* name;
  const char* text;
  Span span;
  const char* rendered;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kRows[] = {
    {"UnderlinesTheSpan",
     "a: b\nname: Edge\n",
     {0, 2, 7, 4},
     "p/edge.yaml:2:7: error: why [n]\n  name: Edge\n        ^~~~\n"},
    {"PutsACaretBehindTheLine",
     "a: b\n",
     {0, 1, 5, 1},
     "p/edge.yaml:1:5: error: why [n]\n  a: b\n      ^\n"},
    {"CutsASpanAtTheLinesEnd",
     "a: b\nc: d\n",
     {0, 1, 4, 99},
     "p/edge.yaml:1:4: error: why [n]\n  a: b\n     ^\n"},
    {"CountsBytesButDrawsCharacters",
     "\xc3\xa9: \xc3\xa9\xc3\xa9\n",
     {0, 1, 5, 4},
     "p/edge.yaml:1:5: error: why [n]\n  \xc3\xa9: \xc3\xa9\xc3\xa9\n     ^~\n"},
    {"KeepsTabsBeforeTheCaret",
     "\ta\tb\n",
     {0, 1, 4, 1},
     "p/edge.yaml:1:4: error: why [n]\n  \ta\tb\n  \t \t^\n"},
    {"LeavesWindowsLineEndsOut",
     "a: b\r\n",
     {0, 1, 4, 1},
     "p/edge.yaml:1:4: error: why [n]\n  a: b\n     ^\n"},
    {"LeavesAByteOrderMarkOut",
     "\xef\xbb\xbf"
     "a: b\n",
     {0, 1, 4, 1},
     "p/edge.yaml:1:4: error: why [n]\n  a: b\n     ^\n"},
    {"ShowsNoControlCharacters",
     "a: \x1b[31m\xff\n",
     {0, 1, 4, 1},
     "p/edge.yaml:1:4: error: why [n]\n  a: ?[31m?\n     ^\n"},
    {"ShowsNothingThatTurnsTheText",
     "a: \xe2\x80\xae"
     "b\n",
     {0, 1, 4, 3},
     "p/edge.yaml:1:4: error: why [n]\n  a: ???b\n     ^~~\n"},
    {"ShowsAFileAsAWhole", "a: b\n", {0, 0, 0, 1}, "p/edge.yaml: error: why [n]\n"},
    {"FindsListFilesBehindDocuments",
     "a: b\n",
     {1, 1, 1, 8},
     "p/list.txt:1:1: error: why [n]\n  10.0.0.1\n  ^~~~~~~~\n"},
    {"CallsWhatIsBeyondThePolicy", "a: b\n", {9, 0, 0, 1}, "policy: error: why [n]\n"},
};

class Rendering : public testing::TestWithParam<Row> {};

TEST_P(Rendering, OfOneDiagnostic) {
  Diagnostics diagnostics;
  diagnostics.Error("n", GetParam().span, "why");
  EXPECT_EQ(Render(Text(GetParam().text), diagnostics), GetParam().rendered);
}

INSTANTIATE_TEST_SUITE_P(Spans, Rendering, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

TEST(RenderingOfLongLines, ShowsWhatSurroundsTheColumn) {
  Diagnostics diagnostics;
  diagnostics.Error("n", {0, 1, 301, 2}, "why");
  EXPECT_EQ(Render(Text(std::string(300, 'x') + "yy" + std::string(300, 'z')), diagnostics),
            "p/edge.yaml:1:301: error: why [n]\n  ..." + std::string(60, 'x') + "yy" +
                std::string(98, 'z') + "...\n     " + std::string(60, ' ') + "^~\n");
}

TEST(RenderingOfAll, IsInOrderOfPlacesWithHintsAndNotes) {
  Diagnostics diagnostics;
  diagnostics.Warning("late", {0, 2, 1, 1}, "second", "do this");
  diagnostics.Error("early", {0, 1, 4, 1}, "first").notes.push_back({{0, 2, 1, 1}, "see here"});
  EXPECT_EQ(Render(Text("a: b\nc: d\n"), diagnostics),
            "p/edge.yaml:1:4: error: first [early]\n  a: b\n     ^\n"
            "p/edge.yaml:2:1: note: see here\n  c: d\n  ^\n"
            "p/edge.yaml:2:1: warning: second [late]\n  c: d\n  ^\n  hint: do this\n");
  EXPECT_EQ(diagnostics.errors(), 1u);
  EXPECT_EQ(diagnostics.warnings(), 1u);
}

TEST(RenderingOfAll, TellsARepeatedOneOnce) {
  Diagnostics diagnostics;
  for (int node = 0; node < 2; ++node) {
    diagnostics.Error("n", {0, 1, 1, 1}, "same");
    diagnostics.Error("n", {0, 1, 1, 1}, "other");
  }
  EXPECT_EQ(InOrder(diagnostics).size(), 2u);
}

}  // namespace
}  // namespace portmatrix
