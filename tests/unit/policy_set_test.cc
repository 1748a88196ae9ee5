// SPDX-License-Identifier: Apache-2.0
// Sets as they are written.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"ReservedNames",
     R"(
sets:
  any: 10.0.0.1
  none: 10.0.0.1
)",
     R"(
p.yaml:2:3: error: a set may not be called `any` [reserved-name]
    any: 10.0.0.1
    ^~~
  hint: `any` and `none` are reserved; choose another name
p.yaml:3:3: error: a set may not be called `none` [reserved-name]
    none: 10.0.0.1
    ^~~~
  hint: `any` and `none` are reserved; choose another name
)"},
    {"BadName",
     R"(
sets:
  Big.List: 10.0.0.1
)",
     R"(
p.yaml:2:3: error: `Big.List` is no name for a set [bad-name]
    Big.List: 10.0.0.1
    ^~~~~~~~
  hint: write `big-list`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"DefinedTwice",
     R"(
sets:
  a: 10.0.0.1
---
sets:
  a: 10.0.0.2
)",
     R"(
p.yaml:5:3: error: set `a` is defined twice [duplicate-set]
    a: 10.0.0.2
    ^
  hint: rename one, or join them
p.yaml:2:3: note: the first one
    a: 10.0.0.1
    ^
)"},
    {"Dynamic",
     R"(
sets:
  a: {dynamic: true}
)",
     R"(
p.yaml:2:16: error: dynamic sets are not supported by this version [unsupported-set]
    a: {dynamic: true}
                 ^~~~
  hint: name prefixes, or a list file with `file: PATH`
)"},
    {"UnknownKey",
     R"(
sets:
  a: {path: x.txt}
)",
     R"(
p.yaml:2:6: error: set has no `file` [missing-key]
    a: {path: x.txt}
       ^~~~~~~~~~~~~
  hint: write `file: PATH`, or a list of prefixes
p.yaml:2:7: error: set has no key `path` [unknown-key]
    a: {path: x.txt}
        ^~~~
  hint: known here: file
)"},
    {"AbsolutePath",
     R"(
sets:
  a: {file: /etc/passwd}
)",
     R"(
p.yaml:2:13: error: `/etc/passwd` does not lead to a file inside the policy's tree [bad-path]
    a: {file: /etc/passwd}
              ^~~~~~~~~~~
  hint: write a path relative to this file's folder
)"},
    {"PathThatLeavesTheTree",
     R"(
sets:
  a: {file: lists/../../x.txt}
)",
     R"(
p.yaml:2:13: error: `lists/../../x.txt` does not lead to a file inside the policy's tree [bad-path]
    a: {file: lists/../../x.txt}
              ^~~~~~~~~~~~~~~~~
  hint: write a path relative to this file's folder
)"},
    {"NoSuchFile",
     R"(
sets:
  a: {file: lists/none.txt}
)",
     R"(
p.yaml:2:13: error: there is no file lists/none.txt [missing-file]
    a: {file: lists/none.txt}
              ^~~~~~~~~~~~~~
  hint: paths are relative to this file's folder
)"},
    {"BadPrefixInList",
     R"(
sets:
  a: [10.0.0.1, 10.0.0.1/8, x]
)",
     R"(
p.yaml:2:17: error: `10.0.0.1/8` has bits set behind its first 8 [bad-prefix]
    a: [10.0.0.1, 10.0.0.1/8, x]
                  ^~~~~~~~~~
  hint: write 10.0.0.0/8 for the whole prefix, or 10.0.0.1 for the one address
)"},
};

class PolicySet : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicySet, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicySet, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
