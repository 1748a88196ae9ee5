// SPDX-License-Identifier: Apache-2.0
// A seeded source of choices: the same seed gives the same choices on every machine and standard
// library.
#ifndef PORTMATRIX_TESTS_SUPPORT_RANDOM_H_
#define PORTMATRIX_TESTS_SUPPORT_RANDOM_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <random>

namespace portmatrix {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}

  uint64_t Next() { return engine_(); }
  // 0 .. bound - 1; zero for a bound of zero.
  size_t Below(size_t bound) { return bound == 0 ? 0 : static_cast<size_t>(Next() % bound); }
  // first .. last, both included.
  uint64_t Between(uint64_t first, uint64_t last) { return first + Next() % (last - first + 1); }
  bool Percent(unsigned chance) { return Next() % 100 < chance; }
  uint8_t Byte() { return static_cast<uint8_t>(Next()); }
  uint16_t Port() { return static_cast<uint16_t>(Next()); }

  template <typename T>
  T Pick(std::initializer_list<T> choices) {
    return choices.begin()[Below(choices.size())];
  }
  template <typename Container>
  const auto& From(const Container& container) {
    return container[Below(container.size())];
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_RANDOM_H_
