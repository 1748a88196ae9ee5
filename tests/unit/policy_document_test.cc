// SPDX-License-Identifier: Apache-2.0
// Documents and matrices as wholes: what they are, and what they may hold.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnknownDocument",
     R"(
matrics: m
rules: []
)",
     R"(
p.yaml:1:1: error: this document is neither a matrix, a node nor sets [unknown-document]
  matrics: m
  ^~~~~~~
  hint: did you mean `matrix`, not `matrics`?
)"},
    {"DocumentThatIsAList",
     R"(
- a
- b
)",
     R"(
p.yaml:1:1: error: this document is neither a matrix, a node nor sets [unknown-document]
  - a
  ^~~
  hint: begin it with `matrix: NAME`, `node: NAME` or `sets:`
)"},
    {"DocumentThatIsText",
     R"(
hello
)",
     R"(
p.yaml:1:1: error: this document is neither a matrix, a node nor sets [unknown-document]
  hello
  ^~~~~
  hint: begin it with `matrix: NAME`, `node: NAME` or `sets:`
)"},
    {"SetsBesideOtherKeys",
     R"(
sets: {a: 10.0.0.1}
description: x
)",
     R"(
p.yaml:2:1: error: a document of shared sets has no key `description` [unknown-key]
  description: x
  ^~~~~~~~~~~
  hint: known here: sets
)"},
    {"UnknownKeyOfMatrix",
     R"(
matrix: m
rule: []
rules: []
)",
     R"(
p.yaml:2:1: error: matrix has no key `rule` [unknown-key]
  rule: []
  ^~~~
  hint: did you mean `rules`?
)"},
    {"MatrixWithoutRules",
     R"(
matrix: m
)",
     R"(
p.yaml:1:1: error: matrix has no `rules` [missing-key]
  matrix: m
  ^~~~~~
  hint: add `rules:` and a list of rules
)"},
    {"MatrixWithSets",
     R"(
matrix: m
rules: []
sets: {}
)",
     R"(
p.yaml:3:1: error: matrix has no key `sets` [unknown-key]
  sets: {}
  ^~~~
  hint: known here: matrix, description, rules
)"},
    {"BadMatrixName",
     R"(
matrix: Edge Matrix
rules: []
)",
     R"(
p.yaml:1:9: error: `Edge Matrix` is no name for a matrix [bad-name]
  matrix: Edge Matrix
          ^~~~~~~~~~~
  hint: write `edge-matrix`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"NameTooLong",
     R"(
matrix: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
rules: []
)",
     R"(
p.yaml:1:9: error: `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa` is no name for a matrix [bad-name]
  matrix: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
          ^~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~
  hint: write `aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"NameBeginsWithDash",
     R"(
matrix: -x
rules: []
)",
     R"(
p.yaml:1:9: error: `-x` is no name for a matrix [bad-name]
  matrix: -x
          ^~
  hint: names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"MatrixTwice",
     R"(
matrix: m
rules: []
---
matrix: m
rules: []
)",
     R"(
p.yaml:4:9: error: matrix `m` is defined twice [duplicate-matrix]
  matrix: m
          ^
  hint: rename one
p.yaml:1:9: note: the first one
  matrix: m
          ^
)"},
    {"NodeTwice",
     R"(
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
---
node: n
failsafe: none
interfaces:
  a: {device: eth0, local: 10.0.0.1, matrices: []}
)",
     R"(
p.yaml:6:7: error: node `n` is defined twice [duplicate-node]
  node: n
        ^
  hint: rename one
p.yaml:1:7: note: the first one
  node: n
        ^
)"},
    {"EmptyDescription",
     R"(
matrix: m
description: ''
rules: []
)",
     R"(
p.yaml:2:14: error: description is empty [wrong-type]
  description: ''
               ^~
  hint: write something, or remove the key
)"},
    {"RulesThatAreAMap",
     R"(
matrix: m
rules: {a: b}
)",
     R"(
p.yaml:2:8: error: rules should be a list, here is a map [wrong-type]
  rules: {a: b}
         ^~~~~~
)"},
};

class PolicyDocument : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyDocument, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyDocument, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
