// SPDX-License-Identifier: Apache-2.0
// Libraries that are loaded when a command needs them: found, not found, and without what is asked.
#include "tools/late_library.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace portmatrix {
namespace {

using testing::HasSubstr;

TEST(LateLibrary, FindsFunctions) {
  Result<LateLibrary> library = LateLibrary::Load("libm.so.6");
  ASSERT_TRUE(library) << library.error().Text();
  double (*cosine)(double) = nullptr;
  library->Find("cos", &cosine);
  ASSERT_FALSE(library->missing());
  EXPECT_EQ(cosine(0), 1);
}

TEST(LateLibrary, SaysWhichLibraryIsNotThere) {
  const Result<LateLibrary> library = LateLibrary::Load("libportmatrix-nowhere.so.1");
  ASSERT_FALSE(library);
  EXPECT_EQ(library.error().Text(),
            "load a library: libportmatrix-nowhere.so.1: cannot open shared object file: No such "
            "file or directory");
}

TEST(LateLibrary, SaysWhatItLacksFirst) {
  Result<LateLibrary> library = LateLibrary::Load("libm.so.6");
  ASSERT_TRUE(library) << library.error().Text();
  double (*none)(double) = nullptr;
  library->Find("portmatrix_first", &none);
  library->Find("portmatrix_second", &none);
  library->Find("cos", &none);
  ASSERT_TRUE(library->missing());
  EXPECT_THAT(library->missing()->Text(), HasSubstr("portmatrix_first"));
}

}  // namespace
}  // namespace portmatrix
