// SPDX-License-Identifier: Apache-2.0
// JSON as programs write it, read in one pass: long texts are taken whole, where the library looks
// at each of their bytes several times. Everything else is the library's, and so is every refusal.
#ifndef PORTMATRIX_AGENT_PLAIN_JSON_H_
#define PORTMATRIX_AGENT_PLAIN_JSON_H_

#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

namespace portmatrix {

// What `nlohmann::json::parse(text, nullptr, false)` gives: a discarded value where it is no JSON.
nlohmann::json ParseJson(std::string_view text);

// The pass itself; nothing where the library is to read: objects and arrays nested deep, keys that
// come twice, numbers but natural ones of 18 digits, characters as \u…, and what is no JSON.
std::optional<nlohmann::json> ReadPlainJson(std::string_view text);

}  // namespace portmatrix

#endif  // PORTMATRIX_AGENT_PLAIN_JSON_H_
