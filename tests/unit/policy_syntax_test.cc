// SPDX-License-Identifier: Apache-2.0
// What is no YAML, or YAML that a policy may not use.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"UnclosedQuote",
     R"(
matrix: "m
rules: []
)",
     R"(
p.yaml:1:9: error: this quote is never closed [syntax]
  matrix: "m
          ^~
  hint: close it where the value ends
)"},
    {"UnclosedSingleQuote",
     R"(
matrix: 'it''s
rules: []
)",
     R"(
p.yaml:1:9: error: this quote is never closed [syntax]
  matrix: 'it''s
          ^~~~~~
  hint: close it where the value ends
)"},
    {"TabIndents",
     R"(
matrix: m
rules:
	- a
)",
     R"(
p.yaml:3:2: error: a tab may not indent [syntax]
  	- a
  	^~~
  hint: indent with spaces
)"},
    {"DuplicateKey",
     R"(
matrix: m
rules: []
matrix: n
)",
     R"(
p.yaml:3:1: error: key `matrix` stands here twice [duplicate-key]
  matrix: n
  ^~~~~~
  hint: remove one of them
p.yaml:1:1: note: the first one
  matrix: m
  ^~~~~~
)"},
    {"Anchor",
     R"(
matrix: &a m
rules: []
)",
     R"(
p.yaml:1:9: error: anchors are not supported [unsupported-yaml]
  matrix: &a m
          ^
  hint: remove it; name what you share as a set
)"},
    {"Alias",
     R"(
matrix: &a m
rules: *a
)",
     R"(
p.yaml:1:9: error: anchors are not supported [unsupported-yaml]
  matrix: &a m
          ^
  hint: remove it; name what you share as a set
p.yaml:2:8: error: aliases are not supported [unsupported-yaml]
  rules: *a
         ^~
  hint: write the value out, or name it as a set
p.yaml:2:8: error: rules should be a list, here is text [wrong-type]
  rules: *a
         ^~
)"},
    {"UndefinedAlias",
     R"(
matrix: *a
)",
     R"(
p.yaml:1:9: error: aliases are not supported [syntax]
  matrix: *a
          ^~
  hint: put it in quotes if it is text
)"},
    {"Tag",
     R"(
matrix: !!str m
rules: []
)",
     R"(
p.yaml:1:9: error: tags are not supported [unsupported-yaml]
  matrix: !!str m
          ^
  hint: remove it; values get their type from the policy's schema
)"},
    {"TagOnMap",
     R"(
matrix: m
rules: !foo {}
)",
     R"(
p.yaml:2:8: error: tags are not supported [unsupported-yaml]
  rules: !foo {}
         ^
  hint: remove it; values get their type from the policy's schema
p.yaml:2:8: error: rules should be a list, here is a map [wrong-type]
  rules: !foo {}
         ^
)"},
    {"TooDeep",
     R"(
a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
)",
     R"(
p.yaml:1:67: error: more than 64 lists and maps inside each other [too-deep]
  a: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
                                                                    ^~~~~~~~~~~~~~
  hint: no policy needs that; is a bracket missing?
)"},
    {"DocumentWithoutMarker",
     R"(
- a
b: c
)",
     R"(
p.yaml:1:1: error: this document is neither a matrix, a node nor sets [unknown-document]
  - a
  ^~~
  hint: begin it with `matrix: NAME`, `node: NAME` or `sets:`
p.yaml:2:1: error: this does not belong to what stands above it [syntax]
  b: c
  ^
  hint: indent it like its neighbours, or begin a new document with `---`
)"},
    {"LessIndentedBegin",
     R"(
  matrix: m
rules: []
)",
     R"(
p.yaml:1:3: error: matrix has no `rules` [missing-key]
    matrix: m
    ^~~~~~
  hint: add `rules:` and a list of rules
p.yaml:2:1: error: this does not belong to what stands above it [syntax]
  rules: []
  ^~~~~
  hint: indent it like its neighbours, or begin a new document with `---`
)"},
    {"UnclosedMap",
     R"(
matrix: {a: b
)",
     R"(
p.yaml:1:9: error: this `{` list is not closed [syntax]
  matrix: {a: b
          ^
  hint: add the `}` or a `,` that is missing
)"},
    {"UnclosedList",
     R"(
matrix: [a,
rules: []
)",
     R"(
p.yaml:1:9: error: this `[` list is not closed [syntax]
  matrix: [a,
          ^
  hint: add the `]` or a `,` that is missing
)"},
    {"ColonInText",
     R"(
matrix: a: b
)",
     R"(
p.yaml:1:10: error: a `:` may not stand here [syntax]
  matrix: a: b
           ^
  hint: put quotes around text that has `: ` in it; check the indentation
)"},
    {"TextBehindQuote",
     R"(
matrix: "m" n
rules: []
)",
     R"(
p.yaml:1:13: error: this does not fit into the map above it [syntax]
  matrix: "m" n
              ^
  hint: check the indentation; quoted text must end its line
)"},
    {"UnopenedBracket",
     R"(
matrix: m]
}
)",
     R"(
p.yaml:2:1: error: this bracket was never opened [syntax]
  }
  ^
  hint: remove it, or add the opening one
)"},
    {"ListInLine",
     R"(
matrix: - m
)",
     R"(
p.yaml:1:9: error: a `- ` may not stand here [syntax]
  matrix: - m
          ^~~
  hint: begin the list on a line of its own
)"},
    {"OddFirstByte",
     R"(
matrix: @m
)",
     R"(
p.yaml:1:9: error: no value can begin like this [syntax]
  matrix: @m
          ^~
  hint: put it in quotes
)"},
    {"KeyThatIsNoWord",
     R"(
? [a, b]
: c
)",
     R"(
p.yaml:1:1: error: this document is neither a matrix, a node nor sets [unknown-document]
  ? [a, b]
  ^~~~~~~~
  hint: begin it with `matrix: NAME`, `node: NAME` or `sets:`
p.yaml:1:3: error: a key must be a word [unsupported-yaml]
  ? [a, b]
    ^~~~~~
)"},
    {"WrongIndentOfListItem",
     R"(
rules:
  - a
 - b
)",
     R"(
p.yaml:3:2: error: this does not fit into the map above it [syntax]
   - b
   ^~~
  hint: check the indentation; quoted text must end its line
)"},
};

class PolicySyntax : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicySyntax, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Broken, PolicySyntax, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
