// SPDX-License-Identifier: Apache-2.0
#include "agent/json_text.h"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>

#include "agent/policy/utf8.h"

namespace portmatrix {
namespace {

std::string Escaped(char byte) {
  constexpr std::string_view kBytes = "\n\t\"\\\r\b\f", kLetters = "nt\"\\rbf";
  const size_t known = kBytes.find(byte);
  return known != std::string_view::npos ? std::string{'\\', kLetters[known]}
                                         : fmt::format("\\u{:04x}", static_cast<int>(byte));
}

}  // namespace

size_t PlainEnd(std::string_view text, size_t at) {
  const auto is_plain = [](char c) {
    const auto byte = static_cast<uint8_t>(c);
    return byte >= 0x20 && byte < 0x80 && c != '"' && c != '\\';
  };
  while (at < text.size() && is_plain(text[at])) ++at;
  return at;
}

bool AppendStrictJsonText(std::string_view text, std::string* to) {
  *to += '"';
  for (size_t at = 0; at < text.size();) {
    const size_t end = PlainEnd(text, at);
    to->append(text, at, end - at);
    at = end;
    if (at == text.size()) break;
    const size_t length = SequenceLength(text, at);
    if (length == 0) return false;
    if (length == 1)
      *to += Escaped(text[at]);
    else
      to->append(text, at, length);
    at += length;
  }
  *to += '"';
  return true;
}

void AppendJsonText(std::string_view text, std::string* to) {
  const size_t before = to->size();
  if (AppendStrictJsonText(text, to)) return;
  to->resize(before);
  const nlohmann::json json = std::string(text);
  *to += json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string JsonText(std::string_view text) {
  std::string json;
  AppendJsonText(text, &json);
  return json;
}

}  // namespace portmatrix
