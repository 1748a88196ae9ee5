// SPDX-License-Identifier: Apache-2.0
// The portmatrix command as a script sees it: output, errors, exit codes, and how it reads files
// from disk.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The program of this build, in bin/ beside tests/.
std::string Program() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "bin/portmatrix";
}

struct Outcome {
  int code = -1;
  std::string out;
  std::string err;
};

std::string Content(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr const char* kMatrix = R"(matrix: m
rules:
- {id: web, from: any, to: own, protocol: tcp, ports: 443}
- {id: off, from: any, to: own, protocol: tcp, ports: 80, enabled: false}
)";
constexpr const char* kNode = R"(node: edge1
sets: {own: 192.0.2.1}
failsafe: [{from: 198.51.100.0/28, protocol: tcp, ports: 22}]
interfaces: {outside: {device: eth0, local: own, matrices: [m]}}
expect:
- {interface: outside, from: 198.51.100.7, to: 192.0.2.1, protocol: tcp, port: 443, verdict: allow}
)";

class CommandLine : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(fs::exists(Program())) << "build the target `portmatrix` first";
    std::string name = fs::temp_directory_path() / "portmatrix-command-XXXXXX";
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    folder_ = name;
    Write("p/matrix.yaml", kMatrix);
    Write("p/node.yaml", kNode);
  }
  void TearDown() override { fs::remove_all(folder_); }

  void Write(const std::string& path, const std::string& text) {
    fs::create_directories((folder_ / path).parent_path());
    std::ofstream(folder_ / path, std::ios::binary) << text;
  }

  Outcome Run(const std::string& arguments) {
    const std::string line =
        "cd '" + folder_.string() + "' && '" + Program() + "' " + arguments + " >out 2>err";
    const int status = std::system(line.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, Content(folder_ / "out"),
            Content(folder_ / "err")};
  }

  fs::path folder_;
};

TEST_F(CommandLine, ChecksAGoodPolicy) {
  const Outcome outcome = Run("check p");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out, "p: 1 node, 1 rule active, 1 expectation holds, nothing shadowed\n");
  EXPECT_EQ(outcome.err, "");
}

TEST_F(CommandLine, ReadsFilesAndTreesTogether) {
  EXPECT_EQ(Run("check p/matrix.yaml p/node.yaml").code, 0);
  EXPECT_EQ(Run("check p/matrix.yaml,p/node.yaml").code, 0);
  EXPECT_EQ(Run("check p p/node.yaml ./p").out,
            "p p/node.yaml ./p: 1 node, 1 rule active, 1 expectation holds, nothing shadowed\n");
}

TEST_F(CommandLine, ChecksOneNodeOfMany) {
  Write(
      "q/other.yaml",
      "node: other\nfailsafe: none\ninterfaces: {a: {device: e, local: nowhere, matrices: []}}\n");
  EXPECT_EQ(Run("check p q --node edge1").code, 0);
  EXPECT_EQ(Run("check p q --node=other").code, 3);
  EXPECT_EQ(Run("check p q").code, 3);
}

TEST_F(CommandLine, FailsABrokenPolicyWithThree) {
  Write("p/more.yaml", "matrix: more\nrule: []\n");
  const Outcome outcome = Run("check p");
  EXPECT_EQ(outcome.code, 3);
  EXPECT_EQ(outcome.out, "p: 2 errors\n");
  EXPECT_EQ(outcome.err,
            "p/more.yaml:1:1: error: matrix has no `rules` [missing-key]\n"
            "  matrix: more\n"
            "  ^~~~~~\n"
            "  hint: add `rules:` and a list of rules\n"
            "p/more.yaml:2:1: error: matrix has no key `rule` [unknown-key]\n"
            "  rule: []\n"
            "  ^~~~\n"
            "  hint: did you mean `rules`?\n");
}

TEST_F(CommandLine, FailsAnExpectationWithSix) {
  Write("p/node.yaml", std::string(kNode) +
                           "- {interface: outside, from: 198.51.100.7, to: 192.0.2.1, protocol: "
                           "tcp, port: 80, verdict: allow}\n");
  const Outcome outcome = Run("check p");
  EXPECT_EQ(outcome.code, 6);
  EXPECT_EQ(outcome.out,
            "p: 1 node, 1 rule active, 1 of 2 expectations failed, nothing shadowed\n");
  EXPECT_THAT(outcome.err,
              StartsWith("p/node.yaml:7:3: error: expected allow, got drop (default)"));
}

TEST_F(CommandLine, PrintsOneJsonObjectForACheck) {
  Write("p/sets.yaml", "sets: {spare: 10.0.0.1}\n");
  const Outcome outcome = Run("--json check p");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err, "");
  EXPECT_EQ(
      outcome.out,
      R"({"paths":"p","ok":true,"nodes":[{"node":"edge1","rules":{"active":1,"disabled":1,"expired":0,"inactive":0},)"
      R"("expectations":1,"hold":1}],"errors":0,"warnings":1,"shadowed":0,"unreadable":[],"diagnostics":[)"
      R"({"severity":"warning","name":"unused-set","file":"p/sets.yaml","line":1,"column":8,"length":5,)"
      R"("message":"shared set `spare` is used by nothing","hint":"remove it, or check the names in the rules that )"
      R"(were meant to use it","notes":[]}]})"
      "\n");
}

TEST_F(CommandLine, ShowsTheEffectiveMatrix) {
  const Outcome outcome = Run("show p --node edge1");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.out,
            "node edge1\n"
            "  outside: device eth0, vlan none, mode enforce, default drop, local 192.0.2.1\n"
            "\n"
            "INTERFACE  DIRECTION  ORDER  RULE           FROM             TO   PROTOCOL  PORTS  "
            "ACTION  STATE\n"
            "(all)      in             0  failsafe       198.51.100.0/28  any  tcp       22     "
            "allow   active\n"
            "outside    in             1  outside/m/web  any              own  tcp       443    "
            "allow   active\n"
            "outside    in             -  outside/m/off  any              own  tcp       80     "
            "allow   disabled\n");
}

TEST_F(CommandLine, ShowsTheOnlyNodeOrAsksWhich) {
  EXPECT_EQ(Run("show p").out, Run("show p --node edge1").out);
  Write("p/other.yaml",
        "node: edge2\nfailsafe: none\ninterfaces: {a: {device: eth0, local: 192.0.2.2, matrices: "
        "[]}}\n");
  const Outcome outcome = Run("show p");
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.err,
              StartsWith("portmatrix show: say which node with --node: p has edge1 and edge2\n"));
  EXPECT_THAT(Run("show p --node edge2").out, StartsWith("node edge2\n"));
}

TEST_F(CommandLine, ShowsInEveryFormat) {
  EXPECT_THAT(Run("show p --node edge1 --format markdown").out,
              StartsWith("# Port matrix of node `edge1`\n"));
  EXPECT_THAT(Run("show p --node edge1 --format csv").out, StartsWith("interface,direction,"));
  EXPECT_THAT(Run("show p --node edge1 --format nft").out, StartsWith("# node edge1, "));
  EXPECT_EQ(Run("show p --node edge1 --format json").out, Run("--json show p --node edge1").out);
  EXPECT_EQ(Run("show p --node edge1 --format table").out, Run("show p --node edge1").out);
  EXPECT_EQ(Run("show p --node edge1 --format xml").code, 2);
  EXPECT_EQ(Run("--json show p --node edge1 --format csv").code, 2);
}

TEST_F(CommandLine, ImportsAPortSummaryThatCheckThenReads) {
  Write("ports.csv", "port,source,destination\nTCP/443,Any,Web host\n");
  const Outcome outcome = Run("import ports.csv");
  EXPECT_EQ(outcome.code, 0);
  EXPECT_EQ(outcome.err,
            "ports.csv: 1 of 1 row imported into 1 matrix, 0 problems; 1 set to fill in\n");
  Write("imported.yaml", outcome.out);
  EXPECT_EQ(Run("check imported.yaml").code, 0);
}

TEST_F(CommandLine, SaysWhatAnImportDidNotUnderstand) {
  Write("ports.md", "|Port|From|To|\n|--|--|--|\n|TCP/53,443|Any|Host|\n|TCP/80|Any|Host|\n");
  const Outcome outcome = Run("import ports.md");
  EXPECT_EQ(outcome.code, 6);
  EXPECT_EQ(outcome.err,
            "ports.md:3: ports row 1: `53,443` may be `53, 443` or `53443`; not imported\n"
            "ports.md: 1 of 2 rows imported into 1 matrix, 1 problem; 1 set to fill in\n");
  EXPECT_THAT(outcome.out, HasSubstr("  # NOT IMPORTED, row 1 (line 3): `53,443` may be"));
  EXPECT_THAT(
      Run("--json import ports.md").out,
      StartsWith(R"({"file":"ports.md","rows":2,"problems":1,"matrices":[{"matrix":"ports",)"));
}

// What its start loads costs every command: libraries of single commands come when those need them.
TEST_F(CommandLine, StartsWithoutTheLibrariesOfSingleCommands) {
  const std::string list =
      "LD_TRACE_LOADED_OBJECTS=1 '" + Program() + "' >'" + (folder_ / "libraries").string() + "'";
  ASSERT_EQ(std::system(list.c_str()), 0);
  const std::string libraries = Content(folder_ / "libraries");
  EXPECT_THAT(libraries, HasSubstr("libc.so"));
  for (const char* library : {"libpcap", "libxml2", "libicu", "libsystemd", "libmicrohttpd"})
    EXPECT_THAT(libraries, Not(HasSubstr(library)));
}

TEST_F(CommandLine, EndsAnImportWithoutTables) {
  Write("empty.md", "no table\n");
  EXPECT_EQ(Run("import empty.md --format page").code, 3);
  Write("latin.csv", "Port,Source,Destination\nTCP/1,Any,caf\xe9\n");
  EXPECT_EQ(Run("import latin.csv").err,
            "portmatrix: read latin.csv: no UTF-8 text at line 2; convert it first (`iconv -t "
            "utf-8`)\n");
  EXPECT_EQ(Run("import nowhere.csv").code, 1);
  EXPECT_EQ(Run("import .").code, 1);
  EXPECT_EQ(Run("import").code, 2);
  EXPECT_EQ(Run("import latin.csv --format xml").code, 2);
}

TEST_F(CommandLine, TakesFlagsInAllTheirForms) {
  for (const char* arguments : {"show p --node edge1", "show --node=edge1 p", "show -node edge1 p",
                                "show -node=edge1 p", "--json show p --node edge1",
                                "show p --node edge1 -json=false", "show --node edge1 -- p"}) {
    EXPECT_EQ(Run(arguments).code, 0) << arguments;
  }
}

TEST_F(CommandLine, EndsWithTwoOnWrongUse) {
  EXPECT_EQ(Run("").code, 2);
  EXPECT_EQ(Run("check").code, 2);
  EXPECT_EQ(Run("check p --json=perhaps").code, 2);
  EXPECT_EQ(Run("check p --node").code, 2);
  EXPECT_EQ(Run("--node edge1").code, 2);
  EXPECT_EQ(Run("check p --flagfile=x").code, 2);
  EXPECT_THAT(Run("check p --nod x").err,
              AllOf(StartsWith("portmatrix check: there is no flag --nod; did you mean --node?\n"),
                    HasSubstr("usage: portmatrix check PATH... [--node NAME] [--strict]\n")));
  EXPECT_THAT(Run("chek p").err,
              StartsWith("portmatrix: there is no command `chek`; did you mean `check`?\n"));
}

TEST_F(CommandLine, TeachesWhenAsked) {
  for (const char* arguments : {"help", "--help", "-h"}) {
    const Outcome outcome = Run(arguments);
    EXPECT_EQ(outcome.code, 0) << arguments;
    EXPECT_THAT(outcome.out,
                AllOf(HasSubstr("\n  check "), HasSubstr("\n  show "), HasSubstr("exit codes:")));
  }
  const Outcome help = Run("help check");
  EXPECT_EQ(help.code, 0);
  EXPECT_THAT(help.out,
              AllOf(StartsWith("usage: portmatrix check PATH... [--node NAME] [--strict]\n"),
                    HasSubstr("--node VALUE")));
  EXPECT_EQ(Run("check --help").out, help.out);
  EXPECT_EQ(Run("help chek").code, 2);
  const Outcome limits = Run("help limits");
  EXPECT_EQ(limits.code, 0);
  EXPECT_THAT(limits.out, AllOf(HasSubstr("different prefixes"), HasSubstr("2,000,000"),
                                HasSubstr("entries of a dynamic set"), HasSubstr("1,048,576")));
}

TEST_F(CommandLine, SaysWhatCannotBeRead) {
  const Outcome missing = Run("check nowhere");
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err, "portmatrix: read nowhere: No such file or directory\n");
  EXPECT_EQ(missing.out, "nowhere: could not be read\n");
  fs::create_directory(folder_ / "empty");
  EXPECT_EQ(Run("check empty").err, "portmatrix: read empty: no *.yaml file in this directory\n");
  Write("big.yaml", std::string((1 << 20) + 1, '#'));
  EXPECT_EQ(Run("check big.yaml").err,
            "portmatrix: read big.yaml: longer than the limit of 1048576 bytes\n");
  fs::create_symlink("loop.yaml", folder_ / "loop.yaml");
  EXPECT_EQ(Run("check loop.yaml").code, 1);
}

TEST_F(CommandLine, SkipsDotFilesAndWhatIsNoYaml) {
  Write("p/.hidden.yaml", "][");
  Write("p/.git/x.yaml", "][");
  Write("p/notes.txt", "][");
  EXPECT_EQ(Run("check p").code, 0);
}

TEST_F(CommandLine, FollowsLinksToDocumentsAsConfigurationMountsMakeThem) {
  Write("q/..data/node.yaml", kNode);
  Write("q/..data/matrix.yaml", kMatrix);
  fs::create_symlink("..data/node.yaml", folder_ / "q/node.yaml");
  fs::create_symlink("..data/matrix.yaml", folder_ / "q/matrix.yaml");
  EXPECT_EQ(Run("check q").code, 0);
}

TEST_F(CommandLine, ReadsListFilesInsideTheTreeOnly) {
  Write("p/more.yaml",
        "matrix: more\nrules: [{id: r, from: blocked, to: 192.0.2.1, protocol: tcp}]\n"
        "---\nsets: {blocked: {file: lists/b.txt}}\n");
  EXPECT_THAT(Run("check p").err,
              StartsWith("p/more.yaml:4:24: error: there is no file p/lists/b.txt [missing-file]"));
  Write("p/lists/b.txt", "10.0.0.1\n");
  EXPECT_EQ(Run("check p").code, 0);
  Write("p/lists/b.txt", "10.0.0.1/8\n");
  EXPECT_THAT(Run("check p").err, StartsWith("p/lists/b.txt:1:1: error: "));
  fs::remove(folder_ / "p/lists/b.txt");
  Write("secret.txt", "10.0.0.1\n");
  fs::create_symlink("../../secret.txt", folder_ / "p/lists/b.txt");
  const Outcome outcome = Run("check p");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.err, "portmatrix: read p/lists/b.txt: a symbolic link leads out of p\n");
}

}  // namespace
