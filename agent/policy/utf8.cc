// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/utf8.h"

#include <fmt/format.h>

#include <algorithm>

namespace portmatrix {
namespace {

uint8_t ByteAt(std::string_view text, size_t at) {
  return at < text.size() ? static_cast<uint8_t>(text[at]) : 0;
}

bool IsControl(std::string_view text, size_t at) {
  const uint8_t byte = ByteAt(text, at);
  if (byte == '\r') return ByteAt(text, at + 1) != '\n';
  return (byte < 0x20 && byte != '\t' && byte != '\n') || byte == 0x7f;
}

// Most of any text; what is not has to be looked at more closely.
bool IsPlain(char byte) { return (byte >= ' ' && byte < 0x7f) || byte == '\n'; }

Span SpanAt(std::string_view text, size_t at, uint32_t file) {
  const std::string_view before = text.substr(0, at);
  const size_t newline = before.rfind('\n');
  const size_t line_start = newline == std::string_view::npos ? 0 : newline + 1;
  return Span{file, static_cast<uint32_t>(1 + std::ranges::count(before, '\n')),
              static_cast<uint32_t>(at - line_start + 1), 1};
}

// U+0080 to U+009F, of which terminals make commands, and U+202A to U+202E, U+2066 to U+2069.
bool IsTreacherous(std::string_view sequence) {
  return (sequence.size() == 2 && sequence >= "\xc2\x80" && sequence <= "\xc2\x9f") ||
         (sequence.starts_with("\xe2\x80") && ByteAt(sequence, 2) >= 0xaa &&
          ByteAt(sequence, 2) <= 0xae) ||
         (sequence.starts_with("\xe2\x81") && ByteAt(sequence, 2) >= 0xa6 &&
          ByteAt(sequence, 2) <= 0xa9);
}

}  // namespace

size_t SequenceLength(std::string_view text, size_t at) {
  const uint8_t first = ByteAt(text, at), second = ByteAt(text, at + 1);
  const auto tail = [&](size_t offset) { return (ByteAt(text, at + offset) & 0xc0) == 0x80; };
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4 || !tail(1)) return 0;
  if (first < 0xe0) return 2;
  if (!tail(2) || (first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f)) return 0;
  if (first < 0xf0) return 3;
  if (!tail(3) || (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) return 0;
  return 4;
}

std::string Printable(std::string_view text) {
  std::string printable;
  for (size_t at = 0; at < text.size();) {
    const size_t length = SequenceLength(text, at);
    const std::string_view sequence = text.substr(at, std::max<size_t>(length, 1));
    const uint8_t first = ByteAt(text, at);
    const bool control = (first < 0x20 && first != '\t') || first == 0x7f;
    if (length == 0 || control || IsTreacherous(sequence)) {
      printable.append(sequence.size(), '?');
    } else {
      printable += sequence;
    }
    at += sequence.size();
  }
  return printable;
}

bool CheckText(std::string_view text, uint32_t file, Diagnostics& diagnostics) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  for (size_t at = 0; at < text.size();) {
    if (IsPlain(text[at])) {
      ++at;
      continue;
    }
    const size_t length = SequenceLength(text, at);
    if (length == 0) {
      diagnostics.Error("encoding", SpanAt(text, at, file),
                        fmt::format("byte 0x{:02x} is not UTF-8", ByteAt(text, at)),
                        "save the file as UTF-8");
      return false;
    }
    if (length == 1 && IsControl(text, at)) {
      diagnostics.Error("encoding", SpanAt(text, at, file),
                        fmt::format("control character 0x{:02x}", ByteAt(text, at)),
                        "remove it; save the file as UTF-8 with Unix or Windows line ends");
      return false;
    }
    at += length;
  }
  return true;
}

}  // namespace portmatrix
