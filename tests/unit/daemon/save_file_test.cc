// A file is replaced whole, with what it had of mode and owner, and the old one is kept.
#include "controlplane/daemon/save_file.h"

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>

namespace director::daemon {
namespace {

class SaveFileTest : public testing::Test {
  protected:
    SaveFileTest() {
        char name[] = "/tmp/director-save-test-XXXXXX";
        folder_ = mkdtemp(name);
        path_ = folder_ + "/director.conf";
    }
    ~SaveFileTest() override { std::filesystem::remove_all(folder_); }
    static std::string read(const std::string& path) {
        std::ifstream stream(path);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    std::string folder_;
    std::string path_;
};

TEST_F(SaveFileTest, KeepsTheOldOneBesideIt) {
    std::ofstream(path_) << "old";
    ASSERT_EQ(chmod(path_.c_str(), 0604), 0);
    const auto saved = save_file(path_, "new");
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_EQ(*saved, path_ + ".backup");
    EXPECT_EQ(read(path_), "new");
    EXPECT_EQ(read(*saved), "old");
    for (const std::string& file : {path_, *saved}) {
        struct stat status {};
        ASSERT_EQ(stat(file.c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 07777, 0604U) << file;
    }
    EXPECT_FALSE(std::filesystem::exists(path_ + ".new"));
}

TEST_F(SaveFileTest, MakesAFileWhereThereWasNone) {
    const auto saved = save_file(path_, "new");
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_EQ(*saved, "");
    EXPECT_EQ(read(path_), "new");
}

TEST_F(SaveFileTest, ALinkStaysALink) {
    std::ofstream(folder_ + "/real.conf") << "old";
    std::filesystem::create_symlink(folder_ + "/real.conf", path_);
    const auto saved = save_file(path_, "new");
    ASSERT_TRUE(saved) << saved.error().message;
    EXPECT_TRUE(std::filesystem::is_symlink(path_));
    EXPECT_EQ(read(folder_ + "/real.conf"), "new");
    EXPECT_EQ(read(folder_ + "/real.conf.backup"), "old");
}

TEST_F(SaveFileTest, AFailureLeavesTheFileAsItIs) {
    std::ofstream(path_) << "old";
    std::filesystem::create_directory(path_ + ".new");
    std::ofstream(path_ + ".new/in-the-way") << "x";
    EXPECT_FALSE(save_file(folder_ + "/absent/director.conf", "new"));
    EXPECT_FALSE(save_file(folder_, "new")) << "a directory";
    EXPECT_FALSE(save_file(path_, "new")) << "what is written first has no place";
    EXPECT_EQ(read(path_), "old");
}

}  // namespace
}  // namespace director::daemon
