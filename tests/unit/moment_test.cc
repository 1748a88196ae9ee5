// SPDX-License-Identifier: Apache-2.0
// Moments as text.
#include "agent/policy/moment.h"

#include <gtest/gtest.h>

#include <ostream>

namespace portmatrix {
namespace {

struct Row {
  const char* name;
  const char* text;
  std::optional<int64_t> seconds;
  const char* meant;
};

void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }

constexpr Row kRows[] = {
    {"TheEpoch", "1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"},
    {"BeforeTheEpoch", "1969-12-31T23:59:59Z", -1, "1969-12-31T23:59:59Z"},
    {"ALeapDay", "2028-02-29T12:34:56Z", 1'835'440'496, "2028-02-29T12:34:56Z"},
    {"TheLastSecond", "9999-12-31T23:59:59Z", 253'402'300'799, "9999-12-31T23:59:59Z"},
    {"NoLeapDay", "2027-02-29T00:00:00Z", {}, ""},
    {"NoThirteenthMonth", "2027-13-01T00:00:00Z", {}, ""},
    {"NoLeapSecond", "2027-01-01T23:59:60Z", {}, ""},
    {"NoTwentyFifthHour", "2027-01-01T24:00:00Z", {}, ""},
    {"SmallLetters", "2027-01-01t00:00:00z", {}, "2027-01-01T00:00:00Z"},
    {"AnOffset", "2027-01-01T00:30:00+01:00", {}, "2026-12-31T23:30:00Z"},
    {"ANegativeOffset", "2027-01-01T00:30:00-0100", {}, "2027-01-01T01:30:00Z"},
    {"Fractions", "2027-01-01T00:00:00.5Z", {}, "2027-01-01T00:00:00Z"},
    {"ADateAlone", "2027-01-01", {}, "2027-01-01T00:00:00Z"},
    {"ABlankForT", "2027-01-01 08:00", {}, "2027-01-01T08:00:00Z"},
    {"Nonsense", "soon", {}, ""},
    {"Nothing", "", {}, ""},
};

class Moment : public testing::TestWithParam<Row> {};

TEST_P(Moment, IsReadStrictlyAndGuessedKindly) {
  EXPECT_EQ(ParseMoment(GetParam().text), GetParam().seconds);
  EXPECT_EQ(MomentMeant(GetParam().text), GetParam().meant);
  if (GetParam().seconds) {
    EXPECT_EQ(MomentText(*GetParam().seconds), GetParam().text);
  }
}

INSTANTIATE_TEST_SUITE_P(Texts, Moment, testing::ValuesIn(kRows),
                         [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace portmatrix
