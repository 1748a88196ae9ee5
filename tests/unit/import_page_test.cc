// SPDX-License-Identifier: Apache-2.0
// Whole files through the import: what comes out as YAML, and what is said about the rest.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "agent/policy/reader.h"
#include "tools/import/import.h"
#include "tools/import/matrix_yaml.h"
#include "tools/import/summary_table.h"

namespace portmatrix {
namespace {

using testing::IsEmpty;

Import FromPage(const std::string& text) { return ImportTables(text, {.name = "file"}); }
Import FromCsv(const std::string& text) {
  return ImportTables(text, {.name = "file", .csv = true});
}

std::string Remarks(const Import& import) {
  std::string text;
  for (const ImportRemark& remark : import.remarks)
    text += fmt::format("{}{} {}\n", remark.problem ? "! " : "", remark.line, remark.message);
  return text;
}

// "matrix/id from -> to protocol ports", one a line, as the policy's reader understands the YAML.
std::string Rules(const Import& import) {
  Sources sources;
  sources.documents.push_back({"i.yaml", "i.yaml", MatrixYaml(import, "file.md")});
  Diagnostics diagnostics;
  const Policy policy = ReadPolicy(sources, diagnostics);
  EXPECT_EQ(Render(sources, diagnostics), "");
  std::string text;
  for (const WrittenMatrix& matrix : policy.matrices) {
    for (const WrittenRule& rule : matrix.rules) {
      text += fmt::format("{}/{} {} -> {}", matrix.name, rule.id, rule.from.text, rule.to.text);
      for (const uint8_t protocol : rule.service.protocols) text += fmt::format(" {}", protocol);
      for (const PortRange& range : rule.service.ports)
        text += fmt::format(" {}-{}", range.first, range.last);
      text += "\n";
    }
  }
  return text;
}

TEST(ImportedPage, IsAPolicyFileWithItsRowsAndSets) {
  const Import import = FromPage(
      "# Ports: the “mail” host\n"
      "\n"
      "| Protocol/Port | From | To | Notes |\n"
      "|---|:-:|---|---|\n"
      "| **SMTP**/TCP/25 | Any | Mail\u00a0host | \"in\" |\n"
      "| DNS/TCP/53,443 | Mail host | Any | |\n"
      "| SMTP/TCP/25 | `Mail host` | [Any](x) | out \\| on |\n");
  EXPECT_EQ(
      MatrixYaml(import, "mail.md"),
      "# Imported from mail.md: 3 rows, 1 not understood.\n"
      "# line 6: mail-host row 2: `53,443` may be `53, 443` or `53443`; not imported\n"
      "---\n"
      "matrix: mail-host\n"
      "description: \"Ports: the “mail” host\"\n"
      "rules:\n"
      "\n"
      "  # row 1 (line 5): SMTP/TCP/25 | Any | Mail host | \"in\"\n"
      "  - id: 01-smtp-tcp\n"
      "    description: \"\\\"in\\\"\"\n"
      "    from: any\n"
      "    to: mail-host\n"
      "    protocol: tcp\n"
      "    ports: 25\n"
      "\n"
      "  # NOT IMPORTED, row 2 (line 6): `53,443` may be `53, 443` or `53443`\n"
      "  #   DNS/TCP/53,443 | Mail host | Any |\n"
      "\n"
      "  # row 3 (line 7): SMTP/TCP/25 | Mail host | Any | out | on\n"
      "  - id: 03-smtp-tcp\n"
      "    description: \"out | on\"\n"
      "    from: mail-host\n"
      "    to: any\n"
      "    protocol: tcp\n"
      "    ports: 25\n"
      "---\n"
      "# Sets to fill in: whoever the tables speak of. An empty set matches nobody. Where two "
      "names mean the same\n"
      "# addresses, one may name the other; what belongs to one node goes into that node's "
      "`sets`.\n"
      "sets:\n"
      "\n"
      "  # Mail host\n"
      "  # mail-host rows 1, 3\n"
      "  mail-host: []\n");
  EXPECT_EQ(Rules(import),
            "mail-host/01-smtp-tcp any -> mail-host 6 25-25\n"
            "mail-host/03-smtp-tcp mail-host -> any 6 25-25\n");
}

struct Row {
  const char* name;
  const char* page;
  const char* rules;
  const char* remarks = "";

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

constexpr Row kPages[] = {
    {"HeadingOfHtml",
     "<h2>Edge <b>ports</b></h2><p>x<table><tr><th>Port<th>Source<th>Destination"
     "<tr><td>TCP/1<td>Any<td>S</table>",
     "edge-ports/01-tcp any -> s 6 1-1\n"},
    {"CaptionBeforeHeading",
     "# A\n<table><caption>B</caption><tr><th>Port<th>Source<th>Destination"
     "<tr><td>TCP/1<td>Any<td>S</table>",
     "b/01-tcp any -> s 6 1-1\n"},
    {"NameOfTheFileWithoutHeading", "Port|Source|Destination\n--|--|--\nTCP/1|Any|S\n",
     "file/01-tcp any -> s 6 1-1\n"},
    {"ColumnsInAnyOrder", "|To|From|Port|Transport|\n|--|--|--|--|\n|S|Any|1|TCP|\n",
     "file/01-tcp any -> s 6 1-1\n"},
    {"CellOverSeveralRows",
     "<table><tr><td>Port<td>Source<td>Destination<tr><td>TCP/1<td rowspan=2>Any<td>S"
     "<tr><td>TCP/2<td>T</table>",
     "file/01-tcp any -> s 6 1-1\nfile/02-tcp any -> t 6 2-2\n"},
    {"CellOverSeveralColumns",
     "<table><tr><td>Port<td>Source<td>Destination<tr><td>TCP/1<td colspan=2>S</table>",
     "file/01-tcp s -> s 6 1-1\n"},
    {"TableInATable",
     "<table><tr><td><table><tr><th>Port<th>Source<th>Destination<tr><td>TCP/1<td>Any<td>S"
     "</table></table>",
     "file/01-tcp any -> s 6 1-1\n",
     "1 table has no columns for ports, source and destination; skipped\n"},
    {"NothingInCommentsScriptsAndFences",
     "<!-- <table><tr><td>Port<td>Source<td>Destination<tr><td>TCP/1<td>Any<td>S</table> -->\n"
     "```\n|Port|Source|Destination|\n|--|--|--|\n|TCP/1|Any|S|\n```\n"
     "<script>\"<table>\"</script>\n",
     ""},
    {"OriginalBesideItsTranslation",
     "<table><tr><th>Port<th>Source<th>Destination<tr><td>TCP/1"
     "<td><span data-ttu-id=\"1\">Irgendwer</span> <span class=\"sxs-lookup\"><span "
     "data-ttu-id=\"1\">Any</span></span><td>S</table>",
     "file/01-tcp any -> s 6 1-1\n"},
    {"TextWithoutOriginalStays",
     "<table><tr><th>Port<th>Source<th>Destination<tr><td>TCP/1"
     "<td><span data-ttu-id=\"1\">Any</span><td>S</table>",
     "file/01-tcp any -> s 6 1-1\n"},
    {"SeveralServicesInACell",
     "<table><tr><th>Port<th>Source<th>Destination<tr><td>SIP/TCP/443<br>UDP/3478<td>Any<td>S"
     "</table>",
     "file/01-sip-tcp any -> s 6 443-443\nfile/01-sip-udp any -> s 17 3478-3478\n"},
    {"TwoTablesOfOneName",
     "# A\n|Port|Source|Destination|\n|--|--|--|\n|TCP/1|Any|S|\n\n"
     "|Port|Source|Destination|\n|--|--|--|\n|TCP/2|Any|S|\n",
     "a/01-tcp any -> s 6 1-1\na-2/01-tcp any -> s 6 2-2\n"},
    {"EntitiesAreText",
     "<table><tr><th>Port<th>Source<th>Destination<tr><td>TCP&#47;1<td>Any<td>R&amp;D&nbsp;host"
     "</table>",
     "file/01-tcp any -> r-d-host 6 1-1\n"},
    {"AnyToAnyNeedsADirection", "|Port|Source|Destination|\n|--|--|--|\n|TCP/1|Any|Any|\n", "",
     "! 3 file row 1: from any to any, and nothing says in which direction; not imported\n"},
    {"DirectionFromItsColumn",
     "|Port|Source|Destination|Direction|\n|--|--|--|--|\n|TCP/1|Any|Any|Inbound|\n",
     "file/01-tcp any -> any 6 1-1\n"},
    {"DirectionThatIsNone",
     "|Port|Source|Destination|Direction|\n|--|--|--|--|\n|TCP/1|Any|S|sideways|\n", "",
     "! 3 file row 1: `sideways` is no direction; not imported\n"},
    {"SourcePorts",
     "|Destination port|Source port|Source|Destination|Protocol|\n|--|--|--|--|--|\n"
     "|1|>1023|Any|S|TCP|\n",
     "", "! 3 file row 1: source ports: `>1023` is no list of ports; not imported\n"},
    {"TooFewCells", "|Port|Source|Destination|\n|--|--|--|\n|TCP/1|Any|\n", "",
     "! 3 file row 1: 2 cells, too few; not imported\n"},
    {"ColumnMissing", "|Port|Source|\n|--|--|\n|TCP/1|Any|\n", "",
     "! 1 table: no column for the destination; not imported\n"},
    {"ColumnTwice", "|Port|Source|From|Destination|\n|--|--|--|--|\n|TCP/1|Any|S|T|\n", "",
     "! 1 table: columns `Source` and `From` seem to say the same; not imported\n"},
    {"ColumnsThatMeanNothingHereAreNamed",
     "|Port|Source|Destination|VLAN|Owner|\n|--|--|--|--|--|\n|TCP/1|Any|S|7|me|\n",
     "file/01-tcp any -> s 6 1-1\n", "1 file: columns that are not read: VLAN, Owner\n"},
    {"RowThatIsNotInForce",
     "|Port|Source|Destination|State|\n|--|--|--|--|\n|TCP/1|Any|S|retired|\n", "",
     "! 3 file row 1: it is `retired`; not imported\n"},
    {"ActionThatIsNone", "|Port|Source|Destination|Action|\n|--|--|--|--|\n|TCP/1|Any|S|perhaps|\n",
     "", "! 3 file row 1: `perhaps` is no action; not imported\n"},
    {"TableWithoutEnd", "<table><tr><td>Port<td>Source<td>Destination<tr><td>TCP/1<td>Any<td>S",
     "file/01-tcp any -> s 6 1-1\n"},
    {"LinesAfterATableAreCounted", "<table>\n<tr><td>a\n</table>\n\n|Port|Source|\n|--|--|\n", "",
     "1 table has no columns for ports, source and destination; skipped\n"
     "! 5 table: no column for the destination; not imported\n"},
    {"TextThatIsNoTable", "a | b\n", ""},
};

class ImportedPages : public testing::TestWithParam<Row> {};

TEST_P(ImportedPages, GiveRulesAndRemarks) {
  const Import import = FromPage(GetParam().page);
  EXPECT_EQ(Rules(import), GetParam().rules);
  EXPECT_EQ(Remarks(import), GetParam().remarks);
}

INSTANTIATE_TEST_SUITE_P(Table, ImportedPages, testing::ValuesIn(kPages),
                         [](const auto& row) { return std::string(row.param.name); });

constexpr Row kCsv[] = {
    {"PlainRecord", "Port,Source,Destination\nTCP/1,Any,S\n", "file/01-tcp any -> s 6 1-1\n"},
    {"QuotesAndLineEnds",
     "Port,Source,Destination,Notes\r\n\"TCP/1,000\",\"Any\",\"S \"\"x\"\"\",\"two\r\nlines\"\r\n"
     "TCP/2,Any,T,\r\n",
     "file/01-tcp any -> s-x 6 1000-1000\nfile/02-tcp any -> t 6 2-2\n"},
    {"Semicolons", "Port;Source;Destination\nTCP/1,000;Any;S\n",
     "file/01-tcp any -> s 6 1000-1000\n"},
    {"Tabs", "Port\tSource\tDestination\nTCP/1\tAny\tS\n", "file/01-tcp any -> s 6 1-1\n"},
    {"ByteOrderMark", "\xef\xbb\xbfPort,Source,Destination\nTCP/1,Any,S\n",
     "file/01-tcp any -> s 6 1-1\n"},
    {"NamesOfTablesAndRows",
     "row,table,port,source,destination\nx 1,Outside,TCP/1,Any,S\nx 2,Inside,TCP/2,Any,T\n"
     "x 1,Outside,TCP/3,Any,S\n",
     "outside/x-1 any -> s 6 1-1\noutside/x-1-2 any -> s 6 3-3\ninside/x-2 any -> t 6 2-2\n"},
    {"QuoteThatIsNeverClosed", "Port,Source,Destination\nTCP/1,Any,S\n\"TCP/2,Any,S\n",
     "file/01-tcp any -> s 6 1-1\n", "! 3 a quote that is never closed\n"},
    {"TextBehindAQuote", "Port,Source,Destination\n\"TCP/1\"x,Any,S\nTCP/2,Any,S\n",
     "file/01-tcp any -> s 6 2-2\n", "! 2 text behind a closing quote\n"},
};

class ImportedCsv : public testing::TestWithParam<Row> {};

TEST_P(ImportedCsv, GivesRulesAndRemarks) {
  const Import import = FromCsv(GetParam().page);
  EXPECT_EQ(Rules(import), GetParam().rules);
  EXPECT_EQ(Remarks(import), GetParam().remarks);
}

INSTANTIATE_TEST_SUITE_P(Table, ImportedCsv, testing::ValuesIn(kCsv),
                         [](const auto& row) { return std::string(row.param.name); });

TEST(ImportedFile, MustBeTextOfALimitedSize) {
  EXPECT_EQ(WhyNoText("ok\n"), "");
  EXPECT_EQ(WhyNoText("a\nb\xff"), "no UTF-8 text at line 2; convert it first (`iconv -t utf-8`)");
  EXPECT_EQ(WhyNoText(std::string("a\0b", 3)),
            "no UTF-8 text at line 1; convert it first (`iconv -t utf-8`)");
  EXPECT_EQ(WhyNoText(std::string(kMaxImportBytes + 1, 'a')),
            "longer than the limit of 4194304 bytes");
}

TEST(ImportedFile, EndsAtTheLimitOfRows) {
  std::string csv = "Port,Source,Destination\n";
  for (size_t i = 0; i < kMaxImportRows + 5; ++i) csv += "TCP/1,Any,S\n";
  const Import import = FromCsv(csv);
  EXPECT_EQ(import.rows(), kMaxImportRows);
  EXPECT_EQ(Remarks(import), "! 4098 more than 4096 rows; the rest is not read\n");
}

TEST(ImportedFile, MayBeBuiltToHurt) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<b>";
  const std::string head = "<table><tr><th>Port<th>Source<th>Destination<tr><td>TCP/1<td>Any<td>";
  Rules(FromPage(head + deep));
  std::string tables;
  for (int i = 0; i < 20'000; ++i) tables += "<table><tr><td>";
  EXPECT_THAT(Rules(FromPage(tables)), IsEmpty());
  std::string headings, attributes = "<table";
  for (int i = 0; i < 200'000; ++i) {
    headings += "<h1>";
    attributes += " a" + std::to_string(i);
  }
  EXPECT_THAT(Rules(FromPage(headings)), IsEmpty());
  const Import import = FromPage("\n" + attributes + head.substr(6) + "S</table>");
  EXPECT_EQ(Remarks(import), "! 2 a tag that is too long, or never closed; left out\n");
  EXPECT_THAT(Rules(FromPage(head + "<td colspan=99999999 rowspan=99999999>x")), IsEmpty());
}

}  // namespace
}  // namespace portmatrix
