// SPDX-License-Identifier: Apache-2.0
// The addresses of a rule.
#include "tests/unit/policy_text.h"

namespace portmatrix {
namespace {

constexpr PolicyRow kRows[] = {
    {"EmptyFrom",
     R"(
matrix: m
rules:
- {id: r, from: [], to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: from is an empty list [empty-list]
  - {id: r, from: [], to: any, protocol: tcp}
                  ^~
  hint: name at least one, or remove the key
)"},
    {"NothingBehindFrom",
     R"(
matrix: m
rules:
- id: r
  from:
  to: any
  protocol: tcp
)",
     R"(
p.yaml:4:3: error: from should be text or a list, here is nothing [wrong-type]
    from:
    ^~~~
)"},
    {"NoneAsAddress",
     R"(
matrix: m
rules:
- {id: r, from: none, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `none` names no addresses [reserved-name]
  - {id: r, from: none, to: any, protocol: tcp}
                  ^~~~
  hint: write `any`, a set or a prefix
)"},
    {"MapAsAddress",
     R"(
matrix: m
rules:
- {id: r, from: {a: b}, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: from should be text or a list, here is a map [wrong-type]
  - {id: r, from: {a: b}, to: any, protocol: tcp}
                  ^~~~~~
)"},
    {"ListInList",
     R"(
matrix: m
rules:
- {id: r, from: [[a]], to: any, protocol: tcp}
)",
     R"(
p.yaml:3:18: error: an entry of from should be text, here is a list [wrong-type]
  - {id: r, from: [[a]], to: any, protocol: tcp}
                   ^~~
)"},
    {"BadSetName",
     R"(
matrix: m
rules:
- {id: r, from: Partners, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `Partners` is no name for a set [bad-name]
  - {id: r, from: Partners, to: any, protocol: tcp}
                  ^~~~~~~~
  hint: write `partners`; names are a-z, 0-9, `_` and `-`, begin with a letter or digit, and have at most 63 bytes
)"},
    {"HostBits",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.7/24, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.7/24` has bits set behind its first 24 [bad-prefix]
  - {id: r, from: 192.0.2.7/24, to: any, protocol: tcp}
                  ^~~~~~~~~~~~
  hint: write 192.0.2.0/24 for the whole prefix, or 192.0.2.7 for the one address
)"},
    {"HostBitsIpv6",
     R"(
matrix: m
rules:
- {id: r, from: '2001:db8::1/64', to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `2001:db8::1/64` has bits set behind its first 64 [bad-prefix]
  - {id: r, from: '2001:db8::1/64', to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~~
  hint: write 2001:db8::/64 for the whole prefix, or 2001:db8::1 for the one address
)"},
    {"Mapped",
     R"(
matrix: m
rules:
- {id: r, from: '::ffff:192.0.2.7', to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `::ffff:192.0.2.7` is an IPv4 address in IPv6 clothes, which no packet carries [bad-prefix]
  - {id: r, from: '::ffff:192.0.2.7', to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~~~~
  hint: write 192.0.2.7
)"},
    {"MappedPrefix",
     R"(
matrix: m
rules:
- {id: r, from: '::ffff:192.0.2.0/120', to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `::ffff:192.0.2.0/120` is an IPv4 address in IPv6 clothes, which no packet carries [bad-prefix]
  - {id: r, from: '::ffff:192.0.2.0/120', to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~~~~~~~~
  hint: write 192.0.2.0/24
)"},
    {"LeadingZero",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.02.7, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.02.7` is no address [bad-prefix]
  - {id: r, from: 192.0.02.7, to: any, protocol: tcp}
                  ^~~~~~~~~~
  hint: write 192.0.2.7 (a leading zero means octal to some programs)
)"},
    {"FiveNumbers",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.7.1, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.7.1` is no address [bad-prefix]
  - {id: r, from: 192.0.2.7.1, to: any, protocol: tcp}
                  ^~~~~~~~~~~
  hint: an IPv4 address has four numbers from 0 to 255
)"},
    {"NumberOver255",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.256, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.256` is no address [bad-prefix]
  - {id: r, from: 192.0.2.256, to: any, protocol: tcp}
                  ^~~~~~~~~~~
  hint: an IPv4 address has four numbers from 0 to 255
)"},
    {"BadIpv6",
     R"(
matrix: m
rules:
- {id: r, from: '2001::db8::1', to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `2001::db8::1` is no address [bad-prefix]
  - {id: r, from: '2001::db8::1', to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~
  hint: an IPv6 address has eight groups of hex digits, `::` at most once
)"},
    {"Zone",
     R"(
matrix: m
rules:
- {id: r, from: 'fe80::1%eth0', to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `fe80::1%eth0` is no address [bad-prefix]
  - {id: r, from: 'fe80::1%eth0', to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~
  hint: leave out the zone (`%...`); the interface says where it holds
)"},
    {"HostName",
     R"(
matrix: m
rules:
- {id: r, from: www.example.com, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `www.example.com` is no address [bad-prefix]
  - {id: r, from: www.example.com, to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~
  hint: host names are not supported; write addresses
)"},
    {"AddressRange",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.1-192.0.2.9, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.1-192.0.2.9` is no address [bad-prefix]
  - {id: r, from: 192.0.2.1-192.0.2.9, to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~~~~~
  hint: address ranges are not supported; write prefixes
)"},
    {"Netmask",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.0/255.255.255.0, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.0/255.255.255.0` has no prefix length from 0 to 32 [bad-prefix]
  - {id: r, from: 192.0.2.0/255.255.255.0, to: any, protocol: tcp}
                  ^~~~~~~~~~~~~~~~~~~~~~~
  hint: write 192.0.2.0/24
)"},
    {"LengthTooLong",
     R"(
matrix: m
rules:
- {id: r, from: 192.0.2.0/33, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `192.0.2.0/33` has no prefix length from 0 to 32 [bad-prefix]
  - {id: r, from: 192.0.2.0/33, to: any, protocol: tcp}
                  ^~~~~~~~~~~~
  hint: write 192.0.2.0 for the one address
)"},
    {"LengthWithLeadingZero",
     R"(
matrix: m
rules:
- {id: r, from: 10.0.0.0/08, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `10.0.0.0/08` has no prefix length from 0 to 32 [bad-prefix]
  - {id: r, from: 10.0.0.0/08, to: any, protocol: tcp}
                  ^~~~~~~~~~~
  hint: write 10.0.0.0/8, without leading zeros
)"},
    {"NoLength",
     R"(
matrix: m
rules:
- {id: r, from: 10.0.0.0/, to: any, protocol: tcp}
)",
     R"(
p.yaml:3:17: error: `10.0.0.0/` has no prefix length from 0 to 32 [bad-prefix]
  - {id: r, from: 10.0.0.0/, to: any, protocol: tcp}
                  ^~~~~~~~~
  hint: write 10.0.0.0 for the one address
)"},
};

class PolicyAddress : public testing::TestWithParam<PolicyRow> {};

TEST_P(PolicyAddress, IsReportedWithPlaceAndHint) { ExpectSaid(GetParam()); }

INSTANTIATE_TEST_SUITE_P(Wrong, PolicyAddress, testing::ValuesIn(kRows), NameOf);

}  // namespace
}  // namespace portmatrix
