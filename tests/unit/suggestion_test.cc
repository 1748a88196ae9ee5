// SPDX-License-Identifier: Apache-2.0
// "Did you mean".
#include "agent/policy/suggestion.h"

#include <gtest/gtest.h>

namespace portmatrix {
namespace {

TEST(Nearest, TakesASwapForOneStep) { EXPECT_EQ(Nearest("tpc", {"udp", "tcp"}), "tcp"); }

TEST(Nearest, TakesTheFirstOfEquals) { EXPECT_EQ(Nearest("cat", {"bat", "hat"}), "bat"); }

TEST(Nearest, NeedsTwoThirdsOfTheLetters) {
  EXPECT_EQ(Nearest("accses", {"access"}), "access");
  EXPECT_EQ(Nearest("xyz", {"access"}), "");
  EXPECT_EQ(Nearest("a", {"b"}), "");
}

TEST(Nearest, IsNotTheWordItself) { EXPECT_EQ(Nearest("tcp", {"tcp"}), ""); }

TEST(Nearest, DoesNotCompareNovels) {
  EXPECT_EQ(Nearest(std::string(100'000, 'a'), {std::string(100'000, 'b')}), "");
}

TEST(DidYouMean, ListsWhatThereIsIfNothingIsNear) {
  EXPECT_EQ(DidYouMean("acess", {"access"}), "did you mean `access`?");
  EXPECT_EQ(DidYouMean("zzz", {"a", "b"}), "known here: a, b");
  EXPECT_EQ(DidYouMean("zzz", {"a", "b", "c", "d", "e", "f", "g", "h", "i"}),
            "known here: a, b, c, d, e, f, g, h, ...");
  EXPECT_EQ(DidYouMean("zzz", {}), "");
}

}  // namespace
}  // namespace portmatrix
