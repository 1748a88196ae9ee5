// SPDX-License-Identifier: Apache-2.0
// JSON that is read and written without the library, against what the library makes of it.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "agent/json_text.h"
#include "agent/plain_json.h"
#include "agent/sources_json.h"
#include "tests/support/random.h"

namespace portmatrix {
namespace {

using nlohmann::json;
using namespace std::string_literals;

// Equal, and of the same types: to `==` a 1 is a 1.0.
bool Same(const json& a, const json& b) {
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (!a.is_structured()) return a.is_discarded() || a == b;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y)
    if (!Same(*x, *y) || (a.is_object() && x.key() != y.key())) return false;
  return true;
}

struct ReadingRow {
  const char* name;
  std::string text;
  bool plain;  // read by the pass, not by the library
};
std::ostream& operator<<(std::ostream& out, const ReadingRow& row) { return out << row.name; }

class PlainJson : public testing::TestWithParam<ReadingRow> {};

TEST_P(PlainJson, MeansWhatTheLibrarySays) {
  const ReadingRow& row = GetParam();
  EXPECT_EQ(ReadPlainJson(row.text).has_value(), row.plain) << row.text;
  EXPECT_TRUE(Same(ParseJson(row.text), json::parse(row.text, nullptr, false))) << row.text;
}

const ReadingRow kReading[] = {
    {"Order", R"({"files":{"documents":[{"path":"a","root":"","text":"x: \"y\"\n"}],"lists":[]}})",
     true},
    {"Blanks", " {\t\"a\" :\r\n[ 1 , true,false ,null ] } \n", true},
    {"EmptyOnes", R"([{},[],"",0])", true},
    {"EscapesOfOneLetter", R"("\n\t\"\\\/\r\b\f")", true},
    {"BeyondAscii", "\"caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x94\xa5\"", true},
    {"Delete", "\"\x7f\"", true},
    {"EighteenDigits", "999999999999999999", true},
    {"NineteenDigits", "9999999999999999999", false},
    {"MoreThanSixtyFourBits", "99999999999999999999", false},
    {"Negative", "[-1]", false},
    {"Fraction", "[1.5]", false},
    {"Power", "[1e3]", false},
    {"LeadingZero", "[01]", false},
    {"CharactersAsNumbers", R"("\u00e9\ud83d\udd25")", false},
    {"HalfACharacter", R"("\ud83d")", false},
    {"KeyThatComesTwice", R"({"a":1,"a":2})", false},
    {"Deep", std::string(17, '[') + std::string(17, ']'), false},
    {"AsDeepAsMayBe", std::string(16, '[') + std::string(16, ']'), true},
    {"VeryDeep", std::string(100000, '['), false},
    {"ByteOrderMark", "\xef\xbb\xbf{}", false},
    {"Nothing", "", false},
    {"TextWithoutEnd", "\"abc", false},
    {"BackslashAtTheEnd", "\"abc\\", false},
    {"UnknownEscape", R"("\x")", false},
    {"LineEndInAText", "\"a\nb\"", false},
    {"Zero", "\"a\0b\""s, false},
    {"ZeroBehindABackslash", "\"\\\0\""s, false},
    {"NotUtf8", "\"caf\xe9\"", false},
    {"OverlongUtf8", "\"\xc0\xaf\"", false},
    {"Surrogate", "\"\xed\xa0\x80\"", false},
    {"CommaAtTheEnd", "[1,]", false},
    {"KeyWithoutValue", R"({"a"})", false},
    {"KeyThatIsNoText", "{1:2}", false},
    {"MoreBehindIt", "{} {}", false},
    {"WrongEnd", "[1}", false},
    {"HalfAWord", "[tru]", false},
    {"NumberWithAWord", "[1true]", false},
};
INSTANTIATE_TEST_SUITE_P(Rows, PlainJson, testing::ValuesIn(kReading),
                         [](const auto& test) { return std::string(test.param.name); });

// Valid documents of every kind, and the same with a byte that is another.
TEST(PlainJsonTest, ReadsWhateverTheLibraryReads) {
  Random random(20261129);
  constexpr std::string_view kBytes = "{}[]\":,\\ntu0129-.e \n\xc3\xa9";
  size_t plain = 0, broken = 0;
  for (int round = 0; round < 20000; ++round) {
    std::string text = "{\"k\":";
    for (size_t i = random.Below(6); i > 0; --i) {
      text += random.Pick<const char*>({"[1,", "{\"a\":true,\"b\":", "[\"\\n\\u0041\",", "[ 12 ,"});
    }
    text += random.Pick<const char*>({"null", "\"x\\\"y\"", "0", "-7", "[{}]", "\"\xc3\xa9\""});
    // What is open is closed from the inside out.
    std::vector<char> open;
    bool quoted = false;
    for (size_t i = 0; i < text.size(); ++i) {
      if (quoted && text[i] == '\\') {
        ++i;
      } else if (text[i] == '"') {
        quoted = !quoted;
      } else if (!quoted && (text[i] == '{' || text[i] == '[')) {
        open.push_back(text[i] == '{' ? '}' : ']');
      } else if (!quoted && (text[i] == '}' || text[i] == ']')) {
        open.pop_back();
      }
    }
    while (!open.empty()) {
      text += open.back();
      open.pop_back();
    }
    if (random.Percent(50)) text[random.Below(text.size())] = random.From(kBytes);
    const json expected = json::parse(text, nullptr, false);
    plain += ReadPlainJson(text) ? 1 : 0;
    broken += expected.is_discarded() ? 1 : 0;
    ASSERT_TRUE(Same(ParseJson(text), expected)) << text;
  }
  EXPECT_GT(plain, 1000U);
  EXPECT_GT(broken, 1000U);
}

TEST(JsonTextTest, WritesWhatTheLibraryWrites) {
  Random random(7);
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (size_t i = random.Below(12); i > 0; --i)
      text += random.Percent(30) ? static_cast<char>(random.Byte())
                                 : random.Pick({'a', '\n', '"', '\\', '\t', '\x7f', '\x1f', '/'});
    if (random.Percent(30)) text += "\xe2\x82\xac";
    const json whole = text;
    EXPECT_EQ(JsonText(text), whole.dump(-1, ' ', false, json::error_handler_t::replace));
    std::optional<std::string> expected;
    try {
      expected = whole.dump();
    } catch (const json::type_error&) {
    }
    std::string strict = "before";
    ASSERT_EQ(AppendStrictJsonText(text, &strict), expected.has_value()) << text;
    if (expected) {
      EXPECT_EQ(strict, "before" + *expected);
    }
  }
}

TEST(SourcesJsonTest, WritesWhatTheLibraryWrites) {
  const Sources sources = {{{"p/a.yaml", "p", "a: \"b\"\n\tc\n"}, {"caf\xc3\xa9", "", ""}},
                           {{"list.txt", ".", "192.0.2.1\r\n"}}};
  std::string text = "before";
  EXPECT_TRUE(AppendJson(sources, &text));
  EXPECT_EQ(text, "before" + ToJson(sources).dump());
  text.clear();
  EXPECT_TRUE(AppendJson({}, &text));
  EXPECT_EQ(text, ToJson({}).dump());
}

TEST(SourcesJsonTest, WritesNothingThatIsNotUtf8) {
  std::string text;
  EXPECT_FALSE(AppendJson({{{"a", "a", "caf\xe9"}}, {}}, &text));
  EXPECT_FALSE(AppendJson({{}, {{"caf\xe9", "a", ""}}}, &text));
}

}  // namespace
}  // namespace portmatrix
