// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the window feels of a live change of kv_cache_dtype under load: prompts that share nothing fill the KV pool of the
// default model on the CPU (1 GiB, unless told), conversations go on, then the format goes to int8 and back. One line of JSON for
// each change: the bytes held, the engine's pause, the longest time between two frames in the second around it, and in the
// second before.
//   bench_kv_switch [TIMES [KNOB=VALUE...]]    3 times
#include <QTest>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "bench/window/window_rig.h"

namespace {

using namespace pitwall;
using namespace pitwall::app;

constexpr int kAroundMs = 1000;
constexpr int kFillMs = 300'000;

/// The longest time between two frames since the last question.
class FrameGaps {
  public:
    explicit FrameGaps(FrameClock& clock) {
        QObject::connect(&clock, &FrameClock::frame_ready, &clock, [this] { note(); });
    }
    double longest_ms() {
        note();
        return double(std::exchange(longest_ns_, 0)) / 1e6;
    }

  private:
    void note() {
        const int64_t now_ns = steady_ns();
        if (last_ns_ > 0) longest_ns_ = std::max(longest_ns_, now_ns - last_ns_);
        last_ns_ = now_ns;
    }
    int64_t last_ns_ = 0, longest_ns_ = 0;
};

telemetry::StepEvent last_step(MainWindow& window) { return window.store().steps().back().step; }

/// About 1000 tokens that no other prompt begins with.
telemetry::PromptSpec long_prompt(int number) {
    telemetry::PromptSpec prompt;
    for (int i = 0; i < 250; ++i) prompt.prompt += std::to_string(number * 7919 + i * 104729 % 9973) + " ";
    prompt.max_tokens = 1;
    return prompt;
}

bool fill_pool(MainWindow& window) {
    static int number = 0;
    const auto full = [&] { return last_step(window).blocks_free < 32; };
    for (int waited_ms = 0; !full() && waited_ms < kFillMs; waited_ms += 50) {
        if (last_step(window).waiting < 4) window.session()->control().submit(long_prompt(++number));
        QTest::qWait(50);
    }
    return full();
}

void turn(MainWindow& window, FrameGaps& gaps, const char* format) {
    gaps.longest_ms();
    QTest::qWait(kAroundMs);
    const double before_ms = gaps.longest_ms();
    const telemetry::StepEvent step = last_step(window);
    const double held_bytes =
        (step.blocks_held + step.blocks_cached) * double(window.store().bytes_per_block());
    window.session()->control().set_knob("kv_cache_dtype", format);
    QTest::qWait(kAroundMs);
    const double around_ms = gaps.longest_ms();
    const auto id = static_cast<uint16_t>(presets::KnobId::kKvCacheDtype);
    std::printf(
        "{\"bench\": \"kv_switch\", \"to\": \"%s\", \"held_mib\": %.0f, \"pause_ms\": %.1f, "
        "\"longest_frame_ms\": %.1f, \"longest_frame_before_ms\": %.1f}\n",
        format, held_bytes / 1048576, double(window.store().knob(id).last.pause_ns) / 1e6, around_ms,
        before_ms);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const int times = argc > 1 ? std::atoi(argv[1]) : 3;
    SessionOptions options = bench::live_options("cpu", {argv + std::min(argc, 2), argv + argc});
    const auto otherwise = [&](const char* setting, presets::KnobId id) {
        if (!options.knobs.given(id)) static_cast<void>(options.knobs.set_from_text(setting).ok());
    };
    otherwise("workload=chat", presets::KnobId::kWorkload);
    otherwise("arrival_process=closed", presets::KnobId::kArrivalProcess);
    otherwise("concurrency=4", presets::KnobId::kConcurrency);
    otherwise("num_kv_blocks=4194304", presets::KnobId::kNumKvBlocks);  // all that the memory holds
    bench::WindowRig rig(argc, argv, {1600, 1000});
    if (!rig.open(options)) return 1;
    FrameGaps gaps(rig.window().frame_clock());
    for (int i = 0; i < times; ++i) {
        if (!fill_pool(rig.window())) return std::fputs("the pool did not fill in time\n", stderr), 1;
        turn(rig.window(), gaps, "int8");
        turn(rig.window(), gaps, "f16");
    }
    return 0;
}
