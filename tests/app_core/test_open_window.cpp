// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the words of the command line ask of the window, seen by a window that only writes it down.
#include <gtest/gtest.h>

#include <cstdlib>
#include <optional>

#include "app/core/cli/command_line.h"
#include "tests/app_core/program.h"

using namespace pitwall::app;
using namespace pitwall::testing_program;

namespace {

struct Asked {
    int code = 0;
    std::optional<WindowOptions> window;
};

Asked ask(std::vector<std::string> words) {
    words.insert(words.begin(), "pitwall");
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    Asked asked;
    asked.code =
        run_command_line(static_cast<int>(argv.size()), argv.data(), [&](const WindowOptions& options) {
            asked.window = options;
            return kExitDone;
        });
    return asked;
}

class OpenGlVariable {
  public:
    explicit OpenGlVariable(const char* value) { ::setenv("PITWALL_OPENGL", value, 1); }
    ~OpenGlVariable() { ::unsetenv("PITWALL_OPENGL"); }
    OpenGlVariable(const OpenGlVariable&) = delete;
    OpenGlVariable& operator=(const OpenGlVariable&) = delete;
};

}  // namespace

TEST(OpenWindow, ItsWordsHoldWithEveryCommandThatOpensOne) {
    const std::string session = temporary("window.db");
    ASSERT_EQ(run_pitwall({"run", "--headless", "--model", "synthetic:tiny", "--device", "sim:test",
                           "--workload", "chat", "--duration", "1", "--record", session})
                  .code,
              kExitDone);
    for (const std::vector<std::string>& command :
         {std::vector<std::string>{}, {"run", "--workload", "chat"}, {"replay", session}}) {
        std::vector<std::string> words = command;
        for (const char* word :
             {"--screenshots", "pictures", "--size", "900x700", "--theme", "light", "--opengl", "on"})
            words.emplace_back(word);
        const Asked asked = ask(words);
        ASSERT_TRUE(asked.window) << (command.empty() ? "" : command.front());
        EXPECT_EQ(asked.window->screenshots_dir, "pictures");
        EXPECT_EQ(asked.window->width, 900);
        EXPECT_TRUE(asked.window->size_given);
        EXPECT_EQ(asked.window->theme, "light");
        EXPECT_EQ(asked.window->opengl, "on");
        EXPECT_TRUE(asked.window->session.paced);
        EXPECT_EQ(asked.window->replay_path, command.size() == 2 ? session : "");
    }
}

TEST(OpenWindow, RefusesASizeThatIsNone) {
    for (const char* size : {"900", "900x", "900x700x2", "1x1", "99999x700", "-900x700"}) {
        const Asked asked = ask({"--size", size});
        EXPECT_EQ(asked.code, kExitWrongUse) << size;
        EXPECT_FALSE(asked.window) << size;
    }
}

TEST(OpenWindow, TheEnvironmentSaysHowToDrawUnlessAWordDoes) {
    EXPECT_EQ(ask({}).window->opengl, "auto");
    const OpenGlVariable off("off");
    EXPECT_EQ(ask({}).window->opengl, "off");
    EXPECT_EQ(ask({"--opengl", "on"}).window->opengl, "on");
}

TEST(OpenWindow, AWrongEnvironmentStopsWindowsAlone) {
    const OpenGlVariable wrong("perhaps");
    EXPECT_EQ(ask({}).code, kExitWrongUse);
    EXPECT_EQ(run_pitwall({"knobs"}).code, kExitDone);
}
