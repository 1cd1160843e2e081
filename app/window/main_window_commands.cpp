// SPDX-License-Identifier: GPL-3.0-or-later
#include <QDateTime>
#include <QDialog>
#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QScrollArea>
#include <QSettings>
#include <QStandardPaths>
#include <QVBoxLayout>
#include <algorithm>

#include "app/window/find_box.h"
#include "app/window/main_window.h"
#include "panels/common/format.h"
#include "panels/knobs/knobs_panel.h"

namespace pitwall::app {

QString MainWindow::recordings_folder() {
    return QStandardPaths::writableLocation(QStandardPaths::GenericDataLocation) +
           QStringLiteral("/pitwall/sessions");
}

void MainWindow::toggle_pause() {
    if (!session_) return say(QStringLiteral("There is no session to pause"), true);
    if (telemetry::ReplayControl* replay = session_->replay()) {
        replay->play(replay->speed() == 0 ? replay_speed_ : 0);
        return show_state();
    }
    const bool paused = store_->paused();
    answers_.expect(paused ? QStringLiteral("Resume") : QStringLiteral("Pause"),
                    paused ? relay_.resume() : relay_.pause());
}

void MainWindow::single_step() {
    if (!session_ || session_->replay() != nullptr)
        return say(QStringLiteral("Only a live engine can run one step"), true);
    answers_.expect(QStringLiteral("Step"), relay_.single_step());
}

void MainWindow::toggle_recording() {
    if (!session_ || session_->replay() != nullptr)
        return say(QStringLiteral("Only a live session can be recorded"), true);
    if (recording_.busy()) return say(QStringLiteral("The recording is being begun or ended; wait a moment"));
    if (recording_.state().recording) return recording_.end();
    const QString folder = recordings_folder();
    if (!QDir().mkpath(folder)) return say(QStringLiteral("Cannot make the folder %1").arg(folder), true);
    const QString path = folder + u'/' +
                         QDateTime::currentDateTime().toString(QStringLiteral("yyyy-MM-dd-HHmmss")) +
                         QStringLiteral(".db");
    if (settings_ != nullptr) settings_->setValue(QStringLiteral("last_recording"), path);
    recording_.begin(path);
}

/// Out of a replay back to an engine; in a live session back to the range that follows the newest event.
void MainWindow::go_live() {
    if (session_ && session_->replay() != nullptr) {
        if (live_source_.open) return open(live_source_);
        return say(QStringLiteral("No live session to go back to: start one with File > New session"), true);
    }
    if (range_.mode() == panels::RangeModel::Mode::kDragged)
        range_.set_mode(panels::RangeModel::Mode::kLast60s);
    for (PanelDock* dock : docks_->docks()) dock->panel()->go_live();
    transport_->refresh();
}

void MainWindow::go_to(int64_t t_ns) {
    telemetry::ReplayControl* replay = session_ ? session_->replay() : nullptr;
    if (replay == nullptr) return;
    replay->seek(std::clamp(t_ns, replay->begin_ns(), replay->end_ns()));
    refresher_->mark_urgent();
}

void MainWindow::move_in_time(int64_t delta_ns) {
    if (session_ && session_->replay() != nullptr) return go_to(store_->now_ns() + delta_ns);
    const bool dragged = range_.mode() == panels::RangeModel::Mode::kDragged;
    const telemetry::TimeRange shown = dragged ? range_.dragged() : range_.resolve(*store_);
    range_.set_dragged(panels::moved_within(shown, delta_ns, {0, store_->now_ns() + 1}));
}

void MainWindow::go_to_change(bool next) {
    const int64_t t_ns = transport_->neighbour_change(next);
    if (t_ns < 0) return say(next ? QStringLiteral("No later change") : QStringLiteral("No earlier change"));
    for (const telemetry::KnobChange& change : transport_->changes())
        if (change.t_ns == t_ns) return show_change(change.number);
}

/// A replay goes there; a live session shows half a minute on both sides.
void MainWindow::show_change(uint32_t number) {
    for (const telemetry::KnobChange& change : transport_->changes()) {
        if (change.number != number) continue;
        if (session_ && session_->replay() != nullptr) return go_to(change.t_ns);
        constexpr int64_t kHalf = 30'000'000'000;
        range_.set_dragged(
            {std::max<int64_t>(0, change.t_ns - kHalf), std::min(store_->now_ns() + 1, change.t_ns + kHalf)});
        return;
    }
}

void MainWindow::set_knob(const char* name, const QString& value) {
    answers_.expect(QLatin1String(name), relay_.set_knob(name, value.toStdString()));
}

void MainWindow::ask_for_recording() {
    auto* dialog = new QFileDialog(this, QStringLiteral("Open a recorded session"), recordings_folder(),
                                   QStringLiteral("Sessions (*.db);;All files (*)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::open_recording);
    dialog->open();
}

void MainWindow::ask_for_draft_model() {
    const QString models =
        QStandardPaths::writableLocation(QStandardPaths::GenericCacheLocation) + QStringLiteral("/pitwall");
    auto* dialog = new QFileDialog(this, QStringLiteral("Choose a draft model"), models,
                                   QStringLiteral("Models (*.gguf);;All files (*)"));
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setFileMode(QFileDialog::ExistingFile);
    connect(dialog, &QFileDialog::fileSelected, this, &MainWindow::load_draft_model);
    dialog->open();
}

void MainWindow::load_draft_model(const QString& path) {
    say(QStringLiteral("Draft model %1: it drafts once its weights are read")
            .arg(QFileInfo(path).completeBaseName()));
    answers_.expect(QStringLiteral("Draft model"), relay_.load_draft_model(path.toStdString()));
}

void MainWindow::open_recording(const QString& path) {
    if (settings_ != nullptr) settings_->setValue(QStringLiteral("last_recording"), path);
    open_replay(path);
}

void MainWindow::open_replay(const QString& path) {
    Source source;
    source.replay = true;
    source.name = QFileInfo(path).fileName();
    source.open = [file = path.toStdString()](const ProgressFn&) { return open_replay_session(file); };
    open(std::move(source));
}

void MainWindow::show_help(const QString& title, const QString& html) {
    auto* dialog = new QDialog(this);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    dialog->setWindowTitle(title);
    auto* text = new QLabel(html);
    text->setTextFormat(Qt::RichText);
    text->setWordWrap(true);
    text->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::LinksAccessibleByMouse);
    text->setMargin(theme_->px("l"));
    auto* scroll = new QScrollArea;
    scroll->setWidgetResizable(true);
    scroll->setWidget(text);
    auto* layout = new QVBoxLayout(dialog);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(scroll);
    dialog->resize(theme_->scaled(520), theme_->scaled(480));
    dialog->show();
}

void MainWindow::show_knob(const QString& name) {
    docks_->focus_panel(QStringLiteral("knobs"));
    PanelDock* dock = docks_->dock(QStringLiteral("knobs"));
    if (auto* knobs = qobject_cast<panels::KnobsPanel*>(dock == nullptr ? nullptr : dock->panel()))
        knobs->show_knob(name);
}

void MainWindow::find() {
    auto* box = new FindBox(theme_, commands_, this);
    connect(box, &FindBox::knob_wanted, this, &MainWindow::show_knob);
    std::vector<std::pair<QString, QString>> panels;
    for (PanelDock* dock : docks_->docks()) panels.emplace_back(dock->panel()->id(), dock->panel()->title());
    box->add_panels(panels);
    connect(box, &FindBox::panel_wanted, this, [this](const QString& id) { docks_->focus_panel(id); });
    box->popup_under(toolbar_);
}

}  // namespace pitwall::app
