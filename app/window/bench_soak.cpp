// SPDX-License-Identifier: GPL-3.0-or-later
//
// A console left running under load: resident memory beside what the store says its history takes, and the events that
// the window left out. What grows beyond the history's budget leaks. One line of JSON at the end, progress on stderr.
//   bench_soak [SECONDS [DEVICE [KNOB=VALUE...]]]    600 s on the CPU with the default model and workload
#include <sys/resource.h>
#include <unistd.h>

#include <QApplication>
#include <QTest>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>

#include "app/window/main_window.h"

namespace {

using namespace pitwall;
using namespace pitwall::app;

constexpr int kSamples = 30;

double resident_mib() {
    uint64_t pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return double(resident) * double(sysconf(_SC_PAGESIZE)) / (1 << 20);
}

double cpu_s() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return double(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           double(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

/// Words after the device are knobs. Ends the program where one is wrong.
SessionOptions asked_for(int argc, char** argv) {
    SessionOptions options;
    options.device = argc > 2 ? argv[2] : "cpu";
    options.model = options.device.starts_with("sim") ? "synthetic:tiny" : "";
    options.paced = true;
    options.scratch_folder = ScratchFolder::default_path();  // as the window has it
    for (int i = 3; i < argc; ++i) {
        if (const Status set = options.knobs.set_from_text(argv[i]); !set.ok()) {
            std::fprintf(stderr, "bench_soak: %s\n", set.error().text().c_str());
            std::exit(2);
        }
    }
    return options;
}

bool open(MainWindow& window, const SessionOptions& options) {
    Source source;
    source.simulated = options.device.starts_with("sim");
    source.open = [options](const ProgressFn& progress) { return open_live_session(options, progress); };
    window.open(source);
    return QTest::qWaitFor([&] { return window.store().steps().size() > 50 || !window.failure().isEmpty(); },
                           60'000) &&
           window.failure().isEmpty();
}

nlohmann::ordered_json sample(MainWindow& window, double at_s) {
    const double history = double(window.store().memory_bytes()) / (1 << 20);
    const nlohmann::ordered_json row{
        {"at_s", std::round(at_s)},
        {"resident_mib", std::round(resident_mib() * 10) / 10},
        {"history_mib", std::round(history * 10) / 10},
        {"requests", window.store().requests().size()},
        {"events", window.frame_clock().events()},
        {"dropped", window.frame_clock().dropped()},
        {"cpu_s", std::round(cpu_s())},
    };
    std::fprintf(stderr, "%s\n", row.dump().c_str());
    return row;
}

}  // namespace

int main(int argc, char** argv) {
    if (qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    QApplication application(argc, argv);
    QApplication::setStyle(QStringLiteral("Fusion"));
    const double seconds = argc > 1 ? std::atof(argv[1]) : 600;
    panels::Theme theme;
    MainWindow window(&theme, nullptr);
    window.resize(1600, 1000);
    window.show();
    if (!open(window, asked_for(argc, argv))) {
        std::fprintf(stderr, "bench_soak: no session to look at: %s\n", qPrintable(window.failure()));
        return 1;
    }
    nlohmann::ordered_json samples = nlohmann::ordered_json::array();
    for (int i = 0; i <= kSamples; ++i) {
        samples.push_back(sample(window, i * seconds / kSamples));
        if (i < kSamples) QTest::qWait(int(seconds * 1000 / kSamples));
    }
    const nlohmann::ordered_json out{
        {"bench", "soak"},
        {"seconds", seconds},
        {"device", window.session()->model_name() + " on " + (argc > 2 ? argv[2] : "cpu")},
        {"size", "1600x1000"},
        {"samples", samples},
    };
    std::printf("%s\n", out.dump().c_str());
    return 0;
}
