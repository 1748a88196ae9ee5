// SPDX-License-Identifier: Apache-2.0
#include "maps/hash_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

namespace portmatrix {
namespace {

using testing::Eq;
using testing::Optional;

// A set of words over the index, each of which hashes as `hash_of` says.
class Words {
 public:
  explicit Words(size_t (*hash_of)(const std::string&)) : hash_of_(hash_of) {}

  uint32_t Add(const std::string& word) {
    const auto next = static_cast<uint32_t>(words_.size());
    const uint32_t number = index_.FindOrAdd(hash_of_(word), next, Is(word));
    if (number == next) words_.push_back(word);
    return number;
  }
  std::optional<uint32_t> Find(const std::string& word) const {
    return index_.Find(hash_of_(word), Is(word));
  }
  void Reserve(size_t words) { index_.Reserve(words); }

 private:
  std::function<bool(uint32_t)> Is(const std::string& word) const {
    return [&](uint32_t number) { return words_.at(number) == word; };
  }

  size_t (*hash_of_)(const std::string&);
  std::vector<std::string> words_;
  HashIndex index_;
};

size_t Good(const std::string& word) { return std::hash<std::string>()(word); }
size_t Constant(const std::string&) { return 7; }
size_t HighBitsOnly(const std::string& word) { return Good(word) << 40; }

TEST(HashIndex, OfNothingFindsNothing) {
  EXPECT_THAT(Words(Good).Find("a"), Eq(std::nullopt));
  Words reserved(Good);
  reserved.Reserve(1000);
  EXPECT_THAT(reserved.Find("a"), Eq(std::nullopt));
}

TEST(HashIndex, FindsEachElementWhateverTheHashIs) {
  for (const auto& [name, hash_of, count] :
       {std::tuple("good", &Good, 5000), std::tuple("the same for all", &Constant, 300),
        std::tuple("high bits only", &HighBitsOnly, 5000)})
    for (const size_t room : {size_t{0}, size_t{100}, size_t{10'000}}) {
      SCOPED_TRACE(std::string(name) + ", room for " + std::to_string(room));
      Words words(hash_of);
      words.Reserve(room);
      for (int i = 0; i < count; ++i)
        ASSERT_EQ(words.Add(std::to_string(i)), static_cast<uint32_t>(i));
      for (int i = 0; i < count; ++i) {
        ASSERT_EQ(words.Add(std::to_string(i)), static_cast<uint32_t>(i)) << "the first stays";
        ASSERT_THAT(words.Find(std::to_string(i)), Optional(static_cast<uint32_t>(i)));
      }
      ASSERT_THAT(words.Find(std::to_string(count)), Eq(std::nullopt));
    }
}

}  // namespace
}  // namespace portmatrix
