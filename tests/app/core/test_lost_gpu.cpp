// SPDX-License-Identifier: GPL-3.0-or-later
//
// Sessions on an emulated GPU that is lost in the middle: where they go on, and what their recordings say of it.
#include <SQLiteCpp/SQLiteCpp.h>
#include <gmock/gmock.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <numeric>
#include <sstream>

#include "app/core/session/device_recovery.h"
#include "app/core/session/engine_parts.h"
#include "tests/app/core/program.h"
#include "tests/app/core/watched.h"
#include "tests/storm.h"

using namespace pitwall;
using namespace pitwall::app;
using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing_program::run_pitwall;
using testing_program::temporary;

namespace {

constexpr int kRequests = 6;

class LostGpu : public testing::Test {
  protected:
    /// Read when the plug-in is loaded: once in this process, and in each program that is run.
    LostGpu() {
        ::setenv("PITWALL_CUDA_PLUGIN", PITWALL_EMULATED_PLUGIN, 1);
        ::setenv("PITWALL_EMULATED_LOSS", "1", 1);
    }
    ~LostGpu() override {
        ::unsetenv("PITWALL_CUDA_PLUGIN");
        ::unsetenv("PITWALL_EMULATED_LOSS");
    }

    /// The answers to six requests, two at a time; `losses` as PITWALL_EMULATED_LOSS has them.
    std::vector<json> answers(const char* losses, std::vector<std::string> more = {}) {
        std::string lines;
        for (int i = 0; i < kRequests; ++i)
            lines += json{{"id", std::to_string(i)},
                          {"prompt", "hello number " + std::to_string(i)},
                          {"max_tokens", max_tokens_},
                          {"ignore_eos", true}}
                         .dump() +
                     "\n";
        testing_program::write_file(temporary("requests.jsonl"), lines);
        ::setenv("PITWALL_EMULATED_LOSS", losses, 1);
        std::vector<std::string> words = {"generate",
                                          "--model",
                                          model_,
                                          "--device",
                                          device_,
                                          "--requests",
                                          temporary("requests.jsonl"),
                                          "--set",
                                          "max_num_seqs=2",
                                          "--record",
                                          recording(),
                                          "--overwrite"};
        words.insert(words.end(), more.begin(), more.end());
        const auto ended = run_pitwall(words);
        EXPECT_EQ(ended.code, 0) << ended.err;
        std::vector<json> found;
        std::istringstream out(ended.out);
        for (std::string line; std::getline(out, line);) found.push_back(json::parse(line));
        EXPECT_EQ(found.size(), kRequests);
        return found;
    }
    std::string device_ = "cuda", model_ = "synthetic:tiny";
    int max_tokens_ = 6;
    static std::string recording() { return temporary("lost.db"); }
    static std::string fact(const std::string& key) {
        SQLite::Database db(recording());
        SQLite::Statement query(db, "SELECT value FROM v_session WHERE key = ?");
        query.bind(1, key);
        return query.executeStep() ? query.getColumn(0).getString() : "";
    }
    static std::vector<int64_t> numbers(const std::string& sql) {
        SQLite::Database db(recording());
        SQLite::Statement query(db, sql);
        std::vector<int64_t> found;
        while (query.executeStep()) found.push_back(query.getColumn(0).getInt64());
        return found;
    }
    static std::vector<int64_t> losses() {
        return numbers("SELECT value FROM mark WHERE mark = " +
                       std::to_string(static_cast<int>(telemetry::MarkKind::kDeviceLost)));
    }
};

}  // namespace

TEST_F(LostGpu, ThoseNotInFlightGetTheVeryAnswers) {
    const std::vector<json> calm = answers("");
    EXPECT_THAT(losses(), IsEmpty());
    const std::vector<json> some = answers("5");
    for (size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(some[i]["finish_reason"], "failed");
        EXPECT_THAT(some[i]["error"].get<std::string>(), HasSubstr("the device was lost"));
    }
    for (size_t i = 2; i < kRequests; ++i) {
        EXPECT_EQ(some[i]["finish_reason"], "length");
        EXPECT_EQ(some[i]["ids"], calm[i]["ids"]) << i;
    }
    EXPECT_THAT(losses(), ElementsAre(1));
    EXPECT_EQ(fact("device"), "Emulated GPU");
    EXPECT_THAT(fact("device_reason"), HasSubstr("anew on the GPU: cuda:0 was lost (the device was lost"));
    EXPECT_THAT(numbers("SELECT count(*) FROM v_cause WHERE cause = 'restart' AND duration_ns > 0"),
                ElementsAre(4));
    EXPECT_THAT(numbers("SELECT count(*) FROM v_request r WHERE e2e_ns IS NOT "
                        "(SELECT sum(duration_ns) FROM v_cause WHERE request_id = r.request_id)"),
                ElementsAre(0))
        << "every nanosecond has a cause";
}

/// The loss of one is that of all, and all are there again.
TEST_F(LostGpu, TwoThatShareAModelComeBackTogether) {
    ::setenv("PITWALL_EMULATED_DEVICES", "2", 1);
    device_ = "cuda:0,1";
    const std::vector<json> calm = answers(""), some = answers("5");
    ::unsetenv("PITWALL_EMULATED_DEVICES");
    for (size_t i = 0; i < kRequests; ++i) {
        EXPECT_EQ(some[i]["finish_reason"], i < 2 ? "failed" : "length");
        if (i >= 2) {
            EXPECT_EQ(some[i]["ids"], calm[i]["ids"]) << i;
        }
    }
    EXPECT_THAT(losses(), ElementsAre(1));
    EXPECT_EQ(fact("device"), "2 x Emulated GPU");
    EXPECT_THAT(fact("device_reason"), HasSubstr("cuda:0,1 was lost (cuda:0: the device was lost"));
}

TEST_F(LostGpu, TheThirdTimeTheCpuTakesOver) {
    // What a GPU alone has is no obstacle.
    const std::vector<json> some = answers(
        "3,2,2", {"--set", "num_kv_blocks=64", "--set", "max_num_seqs=1", "--set", "activation_dtype=f16"});
    EXPECT_THAT(losses(), ElementsAre(1, 2, 3));
    EXPECT_NE(fact("device"), "Emulated GPU");
    EXPECT_NE(fact("kernel_tier"), "cuda-emulated");
    EXPECT_THAT(fact("device_reason"), HasSubstr("on the CPU: cuda:0 was lost"));
    EXPECT_THAT(fact("device_reason"), HasSubstr("3 times within ten minutes"));
    size_t failed = 0;
    for (const json& answer : some) failed += answer["finish_reason"] == "failed";
    EXPECT_LE(failed, 3u) << "one at a time runs, and fails with its device";
    EXPECT_THAT(numbers("SELECT count(*) > 0 FROM v_request WHERE finish_reason = 'length' AND end_ns > "
                        "(SELECT max(t_ns) FROM mark WHERE mark = " +
                        std::to_string(static_cast<int>(telemetry::MarkKind::kDeviceLost)) + ")"),
                ElementsAre(1))
        << "the CPU answers";
}

/// Back on the GPU weights are what they were; the CPU has them as the file does, which is told.
TEST_F(LostGpu, Float8WeightsGoWithTheGpu) {
    model_ = "synthetic:tiny:bf16";
    const std::vector<std::string> words = {"--set", "num_kv_blocks=64", "--set", "max_num_seqs=1",
                                            "--set", "weight_dtype=fp8"};
    const std::string changes =
        "SELECT count(*) FROM v_knob WHERE name = 'weight_dtype' AND old_value = 'fp8' AND new_value = "
        "'file'";
    answers("5", words);
    EXPECT_THAT(losses(), ElementsAre(1));
    EXPECT_THAT(numbers(changes), ElementsAre(0));
    answers("3,2,2", words);
    EXPECT_THAT(losses(), ElementsAre(1, 2, 3));
    EXPECT_THAT(fact("device_reason"), HasSubstr("on the CPU: cuda:0 was lost"));
    EXPECT_THAT(numbers(changes), ElementsAre(1));
}

/// It has its own options, with what a GPU alone has among them.
TEST_F(LostGpu, ADraftModelGoesWithTheCpuThatTakesOver) {
    if (kSanitized) GTEST_SKIP() << "emulated and sanitized, each request takes seconds";
    max_tokens_ = 400;  // so that it has been read before the last answer ends
    answers("4,3,3", {"--draft-model", "synthetic:tiny-draft", "--set", "speculative_method=draft", "--set",
                      "speculative_adaptive=false", "--set", "activation_dtype=f16", "--set",
                      "max_num_seqs=1", "--set", "num_kv_blocks=64"});
    EXPECT_THAT(losses(), ElementsAre(1, 2, 3));
    EXPECT_THAT(fact("device_reason"), HasSubstr("on the CPU: cuda:0 was lost"));
    EXPECT_EQ(fact("draft_model_lost"), "");
    EXPECT_THAT(numbers("SELECT count(*) > 0 FROM speculation WHERE t_ns > (SELECT max(t_ns) FROM mark "
                        "WHERE mark = " +
                        std::to_string(static_cast<int>(telemetry::MarkKind::kDeviceLost)) + ")"),
                ElementsAre(1))
        << "it drafts on";
}

/// A draft model is on the same GPU: it comes back with it. Which of the two notices is the number's affair.
TEST_F(LostGpu, ADraftModelComesBack) {
    if (kSanitized) GTEST_SKIP() << "emulated and sanitized, each request takes seconds";
    max_tokens_ = 24;  // so that it has been read again before the last answer ends
    const std::vector<std::string> drafting = {"--draft-model", "synthetic:tiny-draft",
                                               "--set",         "speculative_method=draft",
                                               "--set",         "speculative_adaptive=false"};
    const std::vector<json> calm = answers("", drafting);
    for (const char* plan : {"4", "5"}) {
        const std::vector<json> some = answers(plan, drafting);
        EXPECT_THAT(losses(), ElementsAre(1)) << plan;
        EXPECT_EQ(fact("draft_model_lost"), "");
        size_t finished = 0;
        for (size_t i = 0; i < kRequests; ++i) {
            if (some[i]["finish_reason"] == "failed") continue;
            ++finished;
            EXPECT_EQ(some[i]["ids"], calm[i]["ids"]) << plan;
        }
        EXPECT_GE(finished, kRequests - 2) << plan;
        EXPECT_THAT(numbers("SELECT count(*) > 0 FROM speculation WHERE t_ns > (SELECT max(t_ns) FROM mark "
                            "WHERE mark = " +
                            std::to_string(static_cast<int>(telemetry::MarkKind::kDeviceLost)) + ")"),
                    ElementsAre(1))
            << "it drafts again";
    }
}

TEST_F(LostGpu, ASessionAndItsWatchersGoOn) {
    SessionOptions options = simulated({"workload=chat", "arrival_process=closed", "concurrency=2",
                                        "max_num_batched_tokens=4", "kv_cache_memory_bytes=1MiB"});
    options.device = "cuda";
    Watched watched(open(options));
    EXPECT_EQ(watched.session->device_name(), "Emulated GPU");
    watched.session->start();
    ASSERT_TRUE(watched.until([&](const telemetry::Store& store) {
        const auto& marks = store.marks();
        return !marks.empty() && !store.steps().empty() &&
               watched.session->device_name() == store.session("device") &&
               store.steps().back().start_ns > marks.back().t_ns;
    }));
    EXPECT_THAT(watched.store.session("device_reason"), HasSubstr("cuda:0 was lost"));
    watched.session->stop();
    watched.drain();
    for (const auto& [id, row] : watched.store.requests()) {
        EXPECT_TRUE(row.ended()) << raw(id);
        EXPECT_EQ(std::accumulate(row.cause_ns.begin(), row.cause_ns.end(), int64_t{0}),
                  row.end_ns - row.arrival_ns)
            << raw(id);
    }
}

/// Losses that are far apart are each a new one.
TEST_F(LostGpu, ThreeTimesWithinTenMinutesAreEnough) {
    SessionOptions options;
    options.model = "synthetic:tiny";
    options.device = "cuda";
    options.threads = 1;
    options.knobs.set(presets::KnobId::kKvCacheMemoryBytes, 1 << 20);
    EngineParts parts;
    parts.opened = open_model_and_tokenizer(options, true, nullptr).value();
    parts.clock = std::make_unique<VirtualClock>();
    parts.producer = parts.bus.add_producer();
    parts.draft_model = std::make_unique<DraftModel>(options, false, *parts.opened.model, *parts.clock);
    parts.device.choice = DeviceChoice{.kind = DeviceChoice::Kind::kCuda};
    DeviceRecovery recovery(parts, options);
    const auto next = [&](int64_t after_ns) {
        parts.clock->advance(after_ns);
        const auto made = recovery({"it broke", ""});
        return made.ok() ? made.value()->device().name : made.error().text();
    };
    EXPECT_EQ(next(0), "Emulated GPU");
    EXPECT_EQ(next(DeviceRecovery::kSpan_ns / 2), "Emulated GPU");
    EXPECT_EQ(next(DeviceRecovery::kSpan_ns / 2 + 1), "Emulated GPU") << "the first is forgotten";
    EXPECT_EQ(parts.device_name(), "Emulated GPU");
    EXPECT_NE(next(1), "Emulated GPU");
    EXPECT_NE(parts.device_name(), "Emulated GPU");
    EXPECT_EQ(device_words(parts.device.choice), "cpu");
}
