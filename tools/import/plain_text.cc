// SPDX-License-Identifier: Apache-2.0
#include "tools/import/plain_text.h"

#include <algorithm>
#include <cctype>
#include <cstdint>

#include "agent/policy/limits.h"
#include "agent/policy/utf8.h"

namespace portmatrix {
namespace {

struct Span32 {
  char32_t first, last;
  constexpr bool Holds(char32_t c) const { return first <= c && c <= last; }
};

constexpr Span32 kBlanks[] = {{'\t', '\t'},     {'\r', '\r'},     {' ', ' '},
                              {0x00a0, 0x00a0}, {0x1680, 0x1680}, {0x2000, 0x200a},
                              {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}};
// Soft hyphens, joiners, marks of writing direction, byte order marks, control characters.
constexpr Span32 kInvisible[] = {{0x00, 0x1f},     {0x7f, 0x9f},     {0x00ad, 0x00ad},
                                 {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},
                                 {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}};
constexpr Span32 kLineEnds[] = {{'\n', '\n'}, {0x85, 0x85}, {0x2028, 0x2029}};
// Hyphens, en and em dashes, minus signs, and the waves that write ranges in Japanese.
constexpr Span32 kDashes[] = {{0x2010, 0x2015}, {0x2043, 0x2043}, {0x2212, 0x2212},
                              {0xfe58, 0xfe58}, {0xfe63, 0xfe63}, {0x301c, 0x301c},
                              {0xff5e, 0xff5e}};
constexpr Span32 kCommas[] = {
    {0x060c, 0x060c}, {0x066c, 0x066c}, {0x3001, 0x3001}, {0xfe50, 0xfe51}, {0xff64, 0xff64}};
constexpr Span32 kSlashes[] = {{0x2044, 0x2044}, {0x2215, 0x2215}, {0x29f8, 0x29f8}};
constexpr Span32 kApostrophes[] = {{0x2018, 0x2019}, {0x02bc, 0x02bc}};
constexpr Span32 kFullWidth = {0xff01, 0xff5e};

template <size_t kCount>
bool IsAmong(char32_t c, const Span32 (&spans)[kCount]) {
  return std::ranges::any_of(spans, [c](const Span32& span) { return span.Holds(c); });
}

char32_t Decode(std::string_view sequence) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(sequence[i]); };
  if (sequence.size() == 1) return byte(0);
  char32_t c = byte(0) & (0xffu >> (sequence.size() + 1));
  for (size_t i = 1; i < sequence.size(); ++i) c = c << 6 | (byte(i) & 0x3fu);
  return c;
}

// The ASCII character that stands for `c`, or zero.
char InAscii(char32_t c) {
  if (IsAmong(c, kDashes)) return '-';
  if (kFullWidth.Holds(c)) return static_cast<char>(c - kFullWidth.first + '!');
  if (IsAmong(c, kCommas)) return ',';
  if (IsAmong(c, kSlashes)) return '/';
  if (IsAmong(c, kApostrophes)) return '\'';
  if (c == 0x3002) return '.';
  return 0;
}

std::string Tidied(std::string_view text, bool in_ascii) {
  std::string result;
  char pending = 0;  // a blank or line end that is written before the next visible character
  for (size_t at = 0; at < text.size();) {
    const size_t length = std::max<size_t>(1, SequenceLength(text, at));
    const std::string_view sequence = text.substr(at, length);
    at += length;
    const char32_t c = Decode(sequence);
    if (IsAmong(c, kLineEnds)) {
      pending = '\n';
    } else if (IsAmong(c, kBlanks)) {
      if (pending == 0) pending = ' ';
    } else if (!IsAmong(c, kInvisible)) {
      if (pending != 0 && !result.empty()) result += pending;
      pending = 0;
      const char ascii = in_ascii ? InAscii(c) : '\0';
      if (ascii != 0) {
        result += ascii;
      } else {
        result += sequence;
      }
    }
  }
  return result;
}

}  // namespace

std::string TidyText(std::string_view text) { return Tidied(text, false); }

std::string PlainText(std::string_view text) { return Tidied(text, true); }

std::string OneLine(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return text;
}

std::string Shortened(const std::string& text, size_t bytes) {
  if (text.size() <= bytes) return text;
  size_t end = bytes;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

std::string NameFrom(std::string_view text) {
  std::string name;
  bool gap = false;
  for (const char c : PlainText(text)) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      if (gap && !name.empty()) name += '-';
      gap = false;
      name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    } else if (c != '\'') {
      gap = true;
    }
  }
  if (name.size() > kMaxNameBytes) {
    const size_t end = name.rfind('-', kMaxNameBytes);
    name.resize(end == std::string::npos || end == 0 ? kMaxNameBytes : end);
  }
  return name;
}

std::string Lowered(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lowered;
}

std::string_view Trimmed(std::string_view text, std::string_view of) {
  const size_t first = text.find_first_not_of(of);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(of) - first + 1);
}

}  // namespace portmatrix
