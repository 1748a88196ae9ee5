// SPDX-License-Identifier: Apache-2.0
#include "agent/fingerprint.h"

#include <nettle/sha2.h>

#include <vector>

namespace portmatrix {
namespace {

class Digest {
 public:
  Digest() { sha256_init(&context_); }

  // Lengths go before texts, so that no two lists of texts give the same bytes.
  void Add(std::string_view text) {
    AddNumber(text.size());
    sha256_update(&context_, text.size(), reinterpret_cast<const uint8_t*>(text.data()));
  }

  void AddNumber(uint64_t number) {
    std::array<uint8_t, 8> bytes{};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(number >> (8 * i));
    sha256_update(&context_, bytes.size(), bytes.data());
  }

  Fingerprint Finish() {
    Fingerprint result{};
    sha256_digest(&context_, result.size(), result.data());
    return result;
  }

 private:
  sha256_ctx context_{};
};

// The path without its root; of a file that was itself named, its name.
std::string_view PathInRoot(const SourceFile& file) {
  std::string_view path = file.path;
  if (path.size() > file.root.size() && path.starts_with(file.root)) {
    path.remove_prefix(file.root.size());
    while (path.starts_with('/')) path.remove_prefix(1);
    return path;
  }
  return path.substr(path.rfind('/') + 1);
}

void AddFiles(Digest& digest, const std::vector<SourceFile>& files) {
  digest.AddNumber(files.size());
  for (const SourceFile& file : files) {
    digest.Add(PathInRoot(file));
    digest.Add(file.text);
  }
}

int FromHexDigit(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

Fingerprint FingerprintOf(const Sources& sources, std::string_view node) {
  Digest digest;
  digest.Add(node);
  AddFiles(digest, sources.documents);
  AddFiles(digest, sources.lists);
  return digest.Finish();
}

std::string ToHex(const Fingerprint& fingerprint) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint8_t byte : fingerprint) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<Fingerprint> FingerprintFromHex(std::string_view text) {
  Fingerprint result{};
  if (text.size() != 2 * result.size()) return std::nullopt;
  for (size_t i = 0; i < result.size(); ++i) {
    const int high = FromHexDigit(text[2 * i]);
    const int low = FromHexDigit(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    result[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return result;
}

}  // namespace portmatrix
