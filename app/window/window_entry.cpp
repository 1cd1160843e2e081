// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/window_entry.h"

#include <QApplication>
#include <QFileInfo>
#include <QProxyStyle>
#include <QSettings>
#include <QTimer>
#include <cstdio>
#include <optional>

#include "app/core/cli/interrupts.h"
#include "app/core/session/device_knobs.h"
#include "app/window/main_window.h"
#include "app/window/screenshots.h"

namespace pitwall::app {

namespace {

/// Menus without underlined letters, as in the rest of the window's words; Alt and the letter still open them.
class QuietStyle : public QProxyStyle {
  public:
    using QProxyStyle::QProxyStyle;
    int styleHint(StyleHint hint, const QStyleOption* option, const QWidget* widget,
                  QStyleHintReturn* data) const override {
        return hint == SH_UnderlineShortcut ? 0 : QProxyStyle::styleHint(hint, option, widget, data);
    }
};

int complain(const Error& error) {
    std::fprintf(stderr, "pitwall: %s\n", error.text().c_str());
    return kExitFailed;
}

Source live_source(SessionOptions session) {
    session.paced = true;  // people watch it: a simulated device keeps wall-clock time
    if (!session.knobs.given(presets::KnobId::kWorkload)) {
        const presets::KnobSpec& workload = presets::spec(presets::KnobId::kWorkload);
        if (const auto chat = presets::parse_value(workload, "chat"); chat.ok())
            session.knobs.set(presets::KnobId::kWorkload, chat.value());
    }
    Source source;
    source.simulated = session.device.starts_with("sim");
    source.name = session.model.empty() ? QStringLiteral("the default model")
                                        : QFileInfo(QString::fromStdString(session.model)).fileName();
    source.open = [session](const ProgressFn& progress) { return open_live_session(session, progress); };
    return source;
}

Source replay_source(const std::string& path) {
    Source source;
    source.replay = true;
    source.name = QFileInfo(QString::fromStdString(path)).fileName();
    source.open = [path](const ProgressFn&) { return open_replay_session(path); };
    return source;
}

void dress(panels::Theme& theme, const WindowOptions& options) {
    if (options.theme == "light") theme.set_mode(panels::Theme::Mode::kLight);
    if (options.theme == "dark") theme.set_mode(panels::Theme::Mode::kDark);
}

/// Waits for the session, lets it run, takes the pictures and leaves with the exit code.
void plan_screenshots(MainWindow& window, const WindowOptions& options) {
    const auto shoot = [&window, &options] {
        const Status taken = take_screenshots(window, QString::fromStdString(options.screenshots_dir));
        QApplication::exit(taken.ok() ? kExitDone : complain(taken.error()));
    };
    QObject::connect(&window, &MainWindow::opened, &window, [&window, &options, shoot] {
        QTimer::singleShot(int(options.after_s * 1000), &window, shoot);
    });
    QObject::connect(&window, &MainWindow::failed, &window, [](const QString& sentence) {
        std::fprintf(stderr, "pitwall: %s\n", sentence.toUtf8().constData());
        QApplication::exit(kExitFailed);
    });
}

void open_first(MainWindow& window, const WindowOptions& options) {
    SessionOptions first = options.session;
    // A run for pictures is nobody's work: it is kept only where it is recorded, and nothing else is told in it.
    if (options.screenshots_dir.empty()) first.scratch_folder = ScratchFolder::default_path();
    if (!first.scratch_folder.empty())
        window.offer_unfinished(ScratchFolder(first.scratch_folder).left_over());
    // The recording asked for is of the first session: a later one must not take its file.
    SessionOptions later = first;
    later.record_path.clear();
    window.set_live_source(live_source(later));
    window.show();
    window.open(options.replay_path.empty() ? live_source(first) : replay_source(options.replay_path));
}

/// Ctrl-C in the terminal, or a desktop that ends: the session ends as with the window's own button, its recording whole.
void watch_for_interrupts(MainWindow& window, Interrupts& interrupts) {
    auto* timer = new QTimer(&window);
    QObject::connect(timer, &QTimer::timeout, &window, [&window, &interrupts] {
        if (!interrupts.pending()) return;
        window.close();
        QApplication::exit(kExitInterrupted);
    });
    timer->start(100);
}

int run_headless(const WindowOptions& options) {
    std::fprintf(stderr, "pitwall: there is no display here, so %s\n",
                 options.replay_path.empty() ? "the session runs without a window; Ctrl-C ends it"
                                             : "the recording is only summed up");
    std::vector<std::string> words = headless_words(options);
    std::vector<char*> argv;
    argv.reserve(words.size() + 1);
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    return run_command_line(static_cast<int>(words.size()), argv.data(), nullptr);
}

}  // namespace

bool has_display() {
    if (!qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM")) return true;
#ifdef Q_OS_LINUX
    return !qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY");
#else
    return true;
#endif
}

std::vector<std::string> headless_words(const WindowOptions& options) {
    if (!options.replay_path.empty()) return {"pitwall", "replay", options.replay_path, "--headless"};
    const SessionOptions& s = options.session;
    std::vector<std::string> words{"pitwall", "run",    "--headless",          "--device",
                                   s.device,  "--seed", std::to_string(s.seed)};
    const auto add = [&](const char* name, const std::string& value) {
        words.emplace_back(name);
        words.push_back(value);
    };
    if (!s.model.empty()) add("--model", s.model);
    if (!s.draft_model.empty()) add("--draft-model", s.draft_model);
    if (s.threads > 0) add("--threads", std::to_string(s.threads));
    if (!s.record_path.empty()) add("--record", s.record_path);
    if (s.duration_ns > 0) add("--duration", std::to_string(static_cast<double>(s.duration_ns) * 1e-9));
    if (s.overwrite) words.emplace_back("--overwrite");
    if (!s.preset_path.empty()) add("--preset", s.preset_path);
    for (const presets::KnobSpec& spec : presets::knob_table())
        if (s.knobs.given(spec.id) && !from_preset(s, spec.id))
            add("--set", std::string(spec.name) + "=" + presets::format_value(spec, s.knobs.get(spec.id)));
    return words;
}

int run_window(const WindowOptions& options) {
    const bool pictures = !options.screenshots_dir.empty();
    if (!has_display()) {
        if (!pictures) return run_headless(options);
        qputenv("QT_QPA_PLATFORM", "offscreen");  // pictures need no display
    }
    std::optional<Interrupts> interrupts(std::in_place);  // before Qt starts a thread
    if (options.opengl != "off") panels::ask_for_opengl_contexts();
    int argc = 1;
    char name[] = "pitwall";
    char* argv[] = {name, nullptr};
    QApplication application(argc, argv);
    QApplication::setApplicationName(QStringLiteral("pitwall"));
    QApplication::setDesktopFileName(QStringLiteral("pitwall"));
    QApplication::setStyle(new QuietStyle(QStringLiteral("Fusion")));
    std::optional<QSettings> settings;
    if (!pictures) settings.emplace(QStringLiteral("pitwall"), QStringLiteral("pitwall"));
    const Drawing drawing = choose_drawing(options.opengl);
    if (!drawing.complaint.isEmpty())
        std::fprintf(stderr, "pitwall: %s\n", drawing.complaint.toUtf8().constData());
    panels::Theme theme;
    MainWindow window(&theme, settings ? &*settings : nullptr, drawing);
    dress(theme, options);
    if (pictures || options.size_given) window.resize(options.width, options.height);
    if (pictures) {
        const QString folder = QString::fromStdString(options.screenshots_dir);
        const Status ready = prepare_screenshots(window, folder, options.session.overwrite);
        if (!ready.ok()) return complain(ready.error()), kExitWrongUse;
        plan_screenshots(window, options);
    }
    open_first(window, options);
    watch_for_interrupts(window, *interrupts);
    const int code = QApplication::exec();
    interrupts.reset();  // who cannot wait for what is still being written ends it with a second Ctrl-C
    return code;
}

}  // namespace pitwall::app
