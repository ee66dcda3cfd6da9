// @include: files found beside the including one, mistakes attributed to where they stand, and
// every way to get an include wrong.
#include "tests/unit/config/config_support.h"

namespace director::config {
namespace {

TEST(Include, TakesFilesRelativeToTheIncludingOne) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf",
                                      "@include \"parts/ports.conf\"\n"
                                      "timeouts: { udp = 7; };\n");
    directory.write("parts/ports.conf", "ports = (\n  @include \"one.conf\" # the only one\n);\n");
    directory.write("parts/one.conf", "{ name = \"p\"; device = \"net_null0\"; }");
    const auto model = parse_file(main, test_vocabulary());
    ASSERT_THAT(lines_of(model), testing::IsEmpty());
    EXPECT_EQ(model->ports.at(0).name, "p");
    EXPECT_EQ(model->timeouts.udp, 7U);
}

TEST(Include, AttributesMistakesToTheirFileAndLine) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf",
                                      "control: { log_level = \"loud\"; };\n"
                                      "\n"
                                      "@include \"ports.conf\"  // the ports\n"
                                      "timeouts: { udp = 0; };\n"
                                      "@include \"empty.conf\"\n"
                                      "routes = 5;\n");
    const auto ports = directory.write("ports.conf",
                                       "ports = (\n"
                                       "  { name = \"p\";\n"
                                       "    device = \"net_null0\";\n"
                                       "    mtu = 1; }\n"
                                       ");\n"
                                       "\n");
    directory.write("empty.conf", "");
    EXPECT_THAT(
        lines_of(parse_file(main, test_vocabulary())),
        testing::ElementsAre(
            main + ":1: control.log_level: expected \"debug\" or \"info\" or \"warning\" or "
                   "\"error\", found \"loud\"",
            ports + ":4: ports[0].mtu: expected a whole number from 68 to 9216, found 1",
            main + ":4: timeouts.udp: expected a whole number from 1 to 2678400, found 0",
            main + ":6: routes: expected a list ( { ... }, ... ), found 5"));
}

TEST(Include, AttributesSyntaxErrorsToTheirFileAndLine) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf", "@include \"a.conf\"\n@include \"b.conf\"\n");
    directory.write("a.conf", "routes = ( );\n\n");
    const auto b = directory.write("b.conf", "\nports = (((;\n");
    EXPECT_THAT(lines_of(parse_file(main, test_vocabulary())),
                testing::ElementsAre(b + ":2: syntax error at or before \"ports = (((;\""));
}

TEST(Include, ReportsEveryIncludeThatCannotBeRead) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf",
                                      "\n@include \"absent.conf\"\n"
                                      "@include \".\"\n"
                                      "@include \"open.conf\n"
                                      "@include \"\"\n");
    const std::string folder = directory.file("");
    EXPECT_THAT(lines_of(parse_file(main, test_vocabulary())),
                testing::ElementsAre(
                    main + ":2: @include \"" + folder + "absent.conf\": no such file",
                    main + ":3: @include \"" + folder + "\": expected a file, found a directory",
                    main + ":4: expected @include \"file\", found no closing quote",
                    main + ":5: @include \"" + folder + "\": expected a file, found a directory"));
}

TEST(Include, RefusesCycles) {
    const TemporaryDirectory directory;
    const auto a = directory.write("a.conf", "@include \"b.conf\"\n");
    const auto b = directory.write("b.conf", "\n@include \"./a.conf\"\n");
    EXPECT_THAT(lines_of(parse_file(a, test_vocabulary())),
                testing::ElementsAre(b + ":2: @include \"" + a + "\": the file includes itself"));
    const auto self = directory.write("self.conf", "@include \"self.conf\"\n");
    EXPECT_THAT(
        lines_of(parse_file(self, test_vocabulary())),
        testing::ElementsAre(self + ":1: @include \"" + self + "\": the file includes itself"));
}

TEST(Include, MayRepeatAFileThatIsNotItsOwnParent) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf",
                                      "control: {\n@include \"nothing.conf\"\n};\n"
                                      "timeouts: {\n@include \"nothing.conf\"\n};\n" +
                                          std::string(kOnePort));
    directory.write("nothing.conf", "# nothing\n");
    EXPECT_THAT(lines_of(parse_file(main, test_vocabulary())), testing::IsEmpty());
}

TEST(Include, HasALimitOfDepth) {
    const TemporaryDirectory directory;
    for (int i = 0; i < 12; ++i) {
        directory.write(std::to_string(i) + ".conf",
                        "@include \"" + std::to_string(i + 1) + ".conf\"\n");
    }
    EXPECT_THAT(lines_of(parse_file(directory.file("0.conf"), test_vocabulary())),
                testing::ElementsAre(directory.file("9.conf") + ":1: @include \"" +
                                     directory.file("10.conf") + "\": more than 10 files deep"));
}

TEST(Include, IsRefusedInText) {
    EXPECT_THAT(lines_of(parse("\n  @include \"/etc/passwd\"\n")),
                testing::ElementsAre("t.conf:2: @include works in files only"));
}

TEST(Include, IsNotTakenFromCommentsAndStrings) {
    EXPECT_THAT(
        lines_of(parse("/*\n@include \"/\"\n*/\n# @include \"/\"\n" + std::string(kOnePort) +
                       "dataplane: { eal_arguments = [ \"\n@include \\\"/\" ]; };\n")),
        testing::IsEmpty());
}

// Whatever libconfig itself would take for an include must have been replaced before: it ends the
// process on a directory.
TEST(Include, MayStandTwiceOnALine) {
    const TemporaryDirectory directory;
    const auto main = directory.write("main.conf", "@include \"a.conf\" @include \"/\"\n");
    directory.write("a.conf", "\n");
    EXPECT_THAT(
        lines_of(parse_file(main, test_vocabulary())),
        testing::ElementsAre(main + ":1: @include \"/\": expected a file, found a directory"));
}

}  // namespace
}  // namespace director::config
