// SPDX-License-Identifier: Apache-2.0
#include "tools/events/event_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "agent/policy/suggestion.h"
#include "tools/events/filter_term.h"

namespace portmatrix {
namespace {

// Deeper nesting is refused, for it is read by recursion.
constexpr int kMostNesting = 64;

struct Token {
  size_t at = 0;
  std::string text;  // empty: the end
  bool is_word = false;
};

// Words, and the signs between them.
std::vector<Token> Tokens(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n", kSigns = "()=!,&|";
  std::vector<Token> tokens;
  for (size_t at = 0; (at = text.find_first_not_of(kBlanks, at)) != std::string_view::npos;) {
    const bool is_sign = kSigns.find(text[at]) != std::string_view::npos;
    size_t end = at + 1;
    if (!is_sign)
      end =
          std::min(text.find_first_of(std::string(kBlanks) + std::string(kSigns), at), text.size());
    else if (const std::string_view two = text.substr(at, 2);
             two == "==" || two == "!=" || two == "&&" || two == "||")
      end = at + 2;
    tokens.push_back({at, std::string(text.substr(at, end - at)), !is_sign});
    at = end;
  }
  tokens.push_back({text.size(), "", false});
  return tokens;
}

class Parser {
 public:
  explicit Parser(std::string_view text) : tokens_(Tokens(text)) {}

  std::variant<EventFilter, FilterError> Parse() {
    if (Next().text.empty()) return EventFilter([](const EventLine&) { return true; });
    auto filter = ReadOr(0);
    if (filter && !Next().text.empty())
      Fail(Next(), Next().text == ")" ? "this `)` closes nothing"
                                      : fmt::format("`{}` is not expected here", Next().text));
    if (error_) return *error_;
    return std::move(*filter);
  }

 private:
  using Filter = std::optional<EventFilter>;

  const Token& Next() const { return tokens_[next_]; }
  bool Take(std::string_view word, std::string_view sign) {
    if (Next().text.empty() || (Next().text != word && Next().text != sign)) return false;
    ++next_;
    return true;
  }
  Filter Fail(const Token& token, std::string message, std::string hint = "") {
    if (!error_)
      error_ = {token.at, std::max<size_t>(token.text.size(), 1), std::move(message),
                std::move(hint)};
    return std::nullopt;
  }

  Filter ReadOr(int depth) {
    Filter left = ReadAnd(depth);
    while (left && Take("or", "||")) {
      Filter right = ReadAnd(depth);
      if (!right) return right;
      left = [a = std::move(*left), b = std::move(*right)](const EventLine& line) {
        return a(line) || b(line);
      };
    }
    return left;
  }

  // A word, `(` or `!` begins another condition: `and` between them may be left out.
  bool MoreFollows() {
    if (Take("and", "&&")) return true;
    const Token& next = Next();
    return next.text != "or" && (next.is_word || next.text == "(" || next.text == "!");
  }

  Filter ReadAnd(int depth) {
    Filter left = ReadNot(depth);
    while (left && MoreFollows()) {
      Filter right = ReadNot(depth);
      if (!right) return right;
      left = [a = std::move(*left), b = std::move(*right)](const EventLine& line) {
        return a(line) && b(line);
      };
    }
    return left;
  }

  Filter ReadNot(int depth) {
    const Token& token = Next();
    if (depth > kMostNesting) return Fail(token, "this is nested too deeply");
    if (Take("not", "!")) {
      Filter inner = ReadNot(depth + 1);
      if (!inner) return inner;
      return [a = std::move(*inner)](const EventLine& line) { return !a(line); };
    }
    if (!Take("(", "(")) return ReadTerm();
    Filter inner = ReadOr(depth + 1);
    if (inner && !Take(")", ")")) return Fail(token, "this `(` is not closed");
    return inner;
  }

  Filter ReadTerm() {
    const Token key = Next();
    if (!key.is_word || key.text == "and" || key.text == "or")
      return Fail(key,
                  key.text.empty() ? "a condition is missing here"
                                   : fmt::format("a condition is missing before `{}`", key.text),
                  "such as `port 443` or `reason default`");
    if (const auto& keys = FilterKeys(); std::ranges::find(keys, key.text) == keys.end()) {
      const std::string nearest = Nearest(key.text, keys);
      return Fail(key, fmt::format("there is no key `{}`", key.text),
                  nearest.empty() ? fmt::format("keys: {}", fmt::join(keys, ", "))
                                  : fmt::format("did you mean `{}`?", nearest));
    }
    ++next_;
    const bool negated = Take("!=", "!=");
    if (!negated) (void)Take("=", "==");
    std::vector<EventFilter> values;
    do {
      const Token value = Next();
      if (!value.is_word) return Fail(value, fmt::format("`{}` needs a value here", key.text));
      auto made = MakeTerm(key.text, value.text);
      if (auto* problem = std::get_if<ValueProblem>(&made))
        return Fail(value, std::move(problem->message), std::move(problem->hint));
      values.push_back(std::get<EventFilter>(std::move(made)));
      ++next_;
    } while (Take(",", ","));
    return [values = std::move(values), negated](const EventLine& line) {
      return std::ranges::any_of(values, [&](const EventFilter& is) { return is(line); }) !=
             negated;
    };
  }

  std::vector<Token> tokens_;
  size_t next_ = 0;
  std::optional<FilterError> error_;
};

}  // namespace

std::variant<EventFilter, FilterError> ParseEventFilter(std::string_view expression) {
  return Parser(expression).Parse();
}

std::string Render(std::string_view expression, const FilterError& error) {
  // One line, byte for byte, whatever the expression holds.
  std::string shown(expression);
  for (char& c : shown)
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  std::string text = fmt::format("{}\n  {}\n  {:{}}^{:~<{}}\n", error.message, shown, "", error.at,
                                 "", error.length - 1);
  if (!error.hint.empty()) text += fmt::format("  {}\n", error.hint);
  return text;
}

}  // namespace portmatrix
