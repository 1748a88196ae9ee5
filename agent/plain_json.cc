// SPDX-License-Identifier: Apache-2.0
#include "agent/plain_json.h"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "agent/json_text.h"
#include "agent/policy/utf8.h"

namespace portmatrix {
namespace {

using nlohmann::json;

// Beyond it the library reads, which needs no stack for what is nested.
constexpr int kMostNested = 16;
// Any number of so many digits fits 64 bits.
constexpr size_t kMostDigits = 18;

// Each function reads what begins at `at_`, or returns false: then it is not plain, or no JSON.
class PlainReader {
 public:
  explicit PlainReader(std::string_view text) : text_(text) {}

  bool Document(json* value) {
    if (!Value(0, value)) return false;
    SkipBlanks();
    return at_ == text_.size();
  }

 private:
  bool Value(int nested, json* value) {
    SkipBlanks();
    switch (Next()) {
      case '{':
        return nested < kMostNested && Object(nested + 1, value);
      case '[':
        return nested < kMostNested && Array(nested + 1, value);
      case '"':
        *value = std::string();
        return Text(value->get_ptr<std::string*>());
      case 't':
        *value = true;
        return Take("true");
      case 'f':
        *value = false;
        return Take("false");
      case 'n':
        *value = nullptr;
        return Take("null");
      default:
        return Number(value);
    }
  }

  bool Object(int nested, json* value) {
    *value = json::object();
    auto& members = *value->get_ptr<json::object_t*>();
    if (!Take("{")) return false;
    SkipBlanks();
    if (Take("}")) return true;
    do {
      std::string key;
      json member;
      SkipBlanks();
      if (!Text(&key)) return false;
      SkipBlanks();
      if (!Take(":") || !Value(nested, &member)) return false;
      if (!members.emplace(std::move(key), std::move(member)).second) return false;
      SkipBlanks();
    } while (Take(","));
    return Take("}");
  }

  bool Array(int nested, json* value) {
    *value = json::array();
    if (!Take("[")) return false;
    SkipBlanks();
    if (Take("]")) return true;
    do {
      value->emplace_back();
      if (!Value(nested, &value->back())) return false;
      SkipBlanks();
    } while (Take(","));
    return Take("]");
  }

  bool Text(std::string* text) {
    if (!Take("\"")) return false;
    while (true) {
      const size_t end = PlainEnd(text_, at_);
      text->append(text_, at_, end - at_);
      at_ = end;
      if (Take("\"")) return true;
      if (Next() == '\\' ? !Escape(text) : !Sequence(text)) return false;
    }
  }

  bool Escape(std::string* text) {
    const char letter = at_ + 1 < text_.size() ? text_[at_ + 1] : '\0';
    constexpr std::string_view kLetters = "nt\"\\/rbf", kMeanings = "\n\t\"\\/\r\b\f";
    const size_t known = letter == '\0' ? std::string_view::npos : kLetters.find(letter);
    if (known == std::string_view::npos) return false;
    *text += kMeanings[known];
    at_ += 2;
    return true;
  }

  // A character beyond ASCII; control characters are none of a text.
  bool Sequence(std::string* text) {
    const size_t length = SequenceLength(text_, at_);
    if (length < 2) return false;
    text->append(text_, at_, length);
    at_ += length;
    return true;
  }

  bool Number(json* value) {
    uint64_t number = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), number);
    const auto digits = static_cast<size_t>(end - begin);
    if (error != std::errc() || digits > kMostDigits || (digits > 1 && *begin == '0')) return false;
    at_ += digits;
    const char next = Next();
    if (next == '.' || next == 'e' || next == 'E') return false;
    *value = number;
    return true;
  }

  char Next() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool Take(std::string_view word) {
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }

  void SkipBlanks() {
    while (at_ < text_.size() &&
           std::string_view(" \n\t\r").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }

  std::string_view text_;
  size_t at_ = 0;
};

}  // namespace

std::optional<json> ReadPlainJson(std::string_view text) {
  json value;
  if (!PlainReader(text).Document(&value)) return std::nullopt;
  return value;
}

json ParseJson(std::string_view text) {
  std::optional<json> plain = ReadPlainJson(text);
  return plain ? std::move(*plain) : json::parse(text, nullptr, false);
}

}  // namespace portmatrix
