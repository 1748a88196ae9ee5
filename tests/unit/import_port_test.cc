// SPDX-License-Identifier: Apache-2.0
// Ports as people write them in tables.
#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tools/import/plain_text.h"
#include "tools/import/port_text.h"

namespace portmatrix {
namespace {

struct Row {
  const char* name;
  const char* text;
  const char* ports;
  const char* problem = "";

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

constexpr Row kRows[] = {
    {"OnePort", "443", "443"},
    {"AllPortsAreAnEmptyList", "Any", ""},
    {"AStarIsAllPorts", "*", ""},
    {"ThousandsInARange", "50,000-59,999", "50000-59999"},
    {"ThousandsOnOneSideOnly", "50,000-59999", "50000-59999"},
    {"EnDash", "50000–59999", "50000-59999"},
    {"FullWidthFormsAndAWave", "５００００～５９９９９", "50000-59999"},
    {"BlanksAroundTheDash", "1024 - 65535", "1024-65535"},
    {"WordsForTheDash", "1024 to 65535", "1024-65535"},
    {"NoBreakBlankBetweenThousands", "50\u00a0000-59\u00a0999", "50000-59999"},
    {"DotsBetweenThousands", "50.000-59.999", "50000-59999"},
    {"ApostrophesBetweenThousands", "50’000", "50000"},
    {"ListWithBlanks", "80, 443", "80, 443"},
    {"ListWithoutBlanks", "443,5061", "443, 5061"},
    {"ListThatIsNoNumberOfThousands", "80,443", "80, 443"},
    {"ListOfWords", "80 and 443 or 5061", "80, 443, 5061"},
    {"IdeographicComma", "80、443", "80, 443"},
    {"LinesAreAList", "80\n443", "80, 443"},
    {"NeighboursMerge", "443, 444", "443-444"},
    {"RangesInAList", "80, 1000-2000", "80, 1000-2000"},
    {"CommaThatMayBeBoth", "53,443", "", "`53,443` may be `53, 443` or `53443`"},
    {"BlankThatMayBeBoth", "53 443", "", "`53 443` may be `53, 443` or `53443`"},
    {"BeyondTheLastPort", "65536", "", "`65536` is no list of ports"},
    {"RangeThatEndsBeforeItBegins", "59999-50000", "", "`59999-50000` is no list of ports"},
    {"RangeWithoutEnd", "1024-", "", "`1024-` is no list of ports"},
    {"RangeOfThree", "1-2-3", "", "`1-2-3` is no list of ports"},
    {"WordThatIsNoPort", "ephemeral", "", "`ephemeral` is no list of ports"},
    {"Comparison", ">1023", "", "`>1023` is no list of ports"},
    {"LeadingZeros", "0443", "", "`0443` is no list of ports"},
    {"Nothing", "", "", "`` is no list of ports"},
    {"TooManyWaysToRead", "1,100,100,100,100,100,100,100,100,100,100,100,100", "",
     "too many commas that may separate ports or thousands"},
};

class ImportedPorts : public testing::TestWithParam<Row> {};

TEST_P(ImportedPorts, AreReadOrRefused) {
  const PortsRead read = ReadPortText(PlainText(GetParam().text));
  EXPECT_EQ(PortsText(read.ports), GetParam().ports);
  EXPECT_EQ(read.problem, GetParam().problem);
}

INSTANTIATE_TEST_SUITE_P(Table, ImportedPorts, testing::ValuesIn(kRows),
                         [](const auto& row) { return std::string(row.param.name); });

}  // namespace
}  // namespace portmatrix
