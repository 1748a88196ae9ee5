// SPDX-License-Identifier: Apache-2.0
// How long a conversation lives: each row of the table in bpf/README.md, "Conversations", at its
// last millisecond and the next. Told to every judge.
#ifndef PORTMATRIX_TESTS_SUPPORT_TIMEOUT_STORIES_H_
#define PORTMATRIX_TESTS_SUPPORT_TIMEOUT_STORIES_H_

#include <vector>

#include "tests/support/story.h"

namespace portmatrix {

// Under EdgeNode(), in both families. The first step is the host's; the last one, an answer, passes
// in the conversation of the first or comes too late for it.
std::vector<Story> TcpTimeoutStories();
std::vector<Story> OtherTimeoutStories();

}  // namespace portmatrix

#endif  // PORTMATRIX_TESTS_SUPPORT_TIMEOUT_STORIES_H_
