// SPDX-License-Identifier: GPL-3.0-or-later
#include "bench/window/window_rig.h"

#include <QTest>
#include <cstdio>
#include <cstdlib>

namespace pitwall::bench {

app::SessionOptions live_options(const std::string& device, std::span<char*> knobs) {
    app::SessionOptions options;
    options.device = device;
    options.model = device.starts_with("sim") ? "synthetic:tiny" : "";
    options.paced = true;
    for (const char* word : knobs) {
        if (const Status set = options.knobs.set_from_text(word); !set.ok()) {
            std::fprintf(stderr, "%s\n", set.error().text().c_str());
            std::exit(2);
        }
    }
    return options;
}

WindowRig::WindowRig(int argc, char** argv, QSize size) : argc_(argc) {
    if (qEnvironmentVariableIsEmpty("DISPLAY") && qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM"))
        qputenv("QT_QPA_PLATFORM", "offscreen");
    application_.emplace(argc_, argv);
    QApplication::setStyle(QStringLiteral("Fusion"));
    theme_.emplace();
    window_.emplace(&*theme_, nullptr);
    window_->resize(size);
    window_->show();
}

bool WindowRig::open(const app::SessionOptions& options) {
    app::Source source;
    source.simulated = options.device.starts_with("sim");
    source.open = [options](const app::ProgressFn& progress) {
        return app::open_live_session(options, progress);
    };
    window_->open(source);
    const auto has_steps = [&] { return window_->store().steps().size() > 50; };
    const bool settled =
        QTest::qWaitFor([&] { return has_steps() || !window_->failure().isEmpty(); }, 60'000);
    if (settled && window_->failure().isEmpty()) return true;
    std::fprintf(stderr, "no session to look at: %s\n", qPrintable(window_->failure()));
    return false;
}

}  // namespace pitwall::bench
