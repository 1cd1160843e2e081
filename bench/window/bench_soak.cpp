// SPDX-License-Identifier: GPL-3.0-or-later
//
// A console left running under load: resident memory beside what the store says its history takes, and the events that
// the window left out. What grows beyond the history's budget leaks. One line of JSON at the end, progress on stderr.
//   bench_soak [SECONDS [DEVICE [KNOB=VALUE...]]]    600 s on the CPU with the default model and workload
#include <QTest>
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "app/core/session/process_usage.h"
#include "bench/window/window_rig.h"

namespace {

using namespace pitwall;
using namespace pitwall::app;

constexpr int kSamples = 30;

double mib(uint64_t bytes) { return std::round(static_cast<double>(bytes) / (1 << 20) * 10) / 10; }

nlohmann::ordered_json sample(MainWindow& window, double at_s) {
    const nlohmann::ordered_json row{
        {"at_s", std::round(at_s)},
        {"resident_mib", mib(resident_bytes())},
        {"history_mib", mib(window.store().memory_bytes())},
        {"requests", window.store().requests().size()},
        {"events", window.frame_clock().events()},
        {"dropped", window.frame_clock().dropped()},
        {"cpu_s", std::round(double(cpu_ns()) * 1e-9)},
    };
    std::fprintf(stderr, "%s\n", row.dump().c_str());
    return row;
}

}  // namespace

int main(int argc, char** argv) {
    const double seconds = argc > 1 ? std::atof(argv[1]) : 600;
    SessionOptions options =
        bench::live_options(argc > 2 ? argv[2] : "cpu", {argv + std::min(argc, 3), argv + argc});
    options.scratch_folder = ScratchFolder::default_path();  // as the window has it
    bench::WindowRig rig(argc, argv, {1600, 1000});
    if (!rig.open(options)) return 1;
    MainWindow& window = rig.window();
    nlohmann::ordered_json samples = nlohmann::ordered_json::array();
    for (int i = 0; i <= kSamples; ++i) {
        samples.push_back(sample(window, i * seconds / kSamples));
        if (i < kSamples) QTest::qWait(int(seconds * 1000 / kSamples));
    }
    const nlohmann::ordered_json out{
        {"bench", "soak"},
        {"seconds", seconds},
        {"device", window.session()->model_name() + " on " + options.device},
        {"size", "1600x1000"},
        {"samples", samples},
    };
    std::printf("%s\n", out.dump().c_str());
    return 0;
}
