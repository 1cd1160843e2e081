// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the words of the command line ask of the window, seen by a window that only writes it down.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "app/core/cli/command_line.h"
#include "tests/app/core/program.h"

using namespace pitwall::app;
using namespace pitwall::testing_program;
using pitwall::presets::KnobId;

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

/// What the tester's own environment says must not matter.
class OpenWindow : public ::testing::Test {
  protected:
    OpenWindow() { ::unsetenv("PITWALL_OPENGL"); }
    ~OpenWindow() override {
        if (own_) ::setenv("PITWALL_OPENGL", own_->c_str(), 1);
    }
    static void set(const char* value) { ::setenv("PITWALL_OPENGL", value, 1); }

  private:
    std::optional<std::string> own_ = std::getenv("PITWALL_OPENGL") != nullptr
                                          ? std::optional<std::string>(std::getenv("PITWALL_OPENGL"))
                                          : std::nullopt;
};

std::string drawing(const std::vector<std::string>& words) {
    const Asked asked = ask(words);
    return asked.window ? asked.window->opengl : "no window";
}

}  // namespace

TEST_F(OpenWindow, ItsWordsHoldWithEveryCommandThatOpensOne) {
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

TEST_F(OpenWindow, RefusesASizeThatIsNone) {
    for (const char* size : {"900", "900x", "900x700x2", "1x1", "99999x700", "-900x700"}) {
        const Asked asked = ask({"--size", size});
        EXPECT_EQ(asked.code, kExitWrongUse) << size;
        EXPECT_FALSE(asked.window) << size;
    }
}

TEST_F(OpenWindow, TheEnvironmentSaysHowToDrawUnlessAWordDoes) {
    EXPECT_EQ(drawing({}), "auto");
    set("off");
    EXPECT_EQ(drawing({}), "off");
    EXPECT_EQ(drawing({"--opengl", "on"}), "on");
}

TEST_F(OpenWindow, AWrongEnvironmentStopsWindowsAlone) {
    set("perhaps");
    EXPECT_EQ(ask({}).code, kExitWrongUse);
    EXPECT_EQ(run_pitwall({"knobs"}).code, kExitDone);
}

/// Without a display the window's words are run again, preset and all: what is said by hand must not count as the preset's.
TEST_F(OpenWindow, AWorkloadSaidByHandIsNotThePresets) {
    const std::string preset = temporary("workload.json");
    ASSERT_EQ(run_pitwall({"preset", "save", preset, "--set", "workload=chat"}).code, kExitDone);
    for (const bool by_hand : {false, true}) {
        std::vector<std::string> words = {"run", "--preset", preset};
        if (by_hand) words.insert(words.end(), {"--workload", "code"});
        const Asked asked = ask(words);
        ASSERT_TRUE(asked.window);
        const SessionOptions& session = asked.window->session;
        EXPECT_EQ(std::ranges::count(session.from_preset, KnobId::kWorkload), by_hand ? 0 : 1);
        EXPECT_EQ(pitwall::presets::format_value(pitwall::presets::spec(KnobId::kWorkload),
                                                 session.knobs.get(KnobId::kWorkload)),
                  by_hand ? "code" : "chat");
    }
}
