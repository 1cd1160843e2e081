// SPDX-License-Identifier: GPL-3.0-or-later
#include <QAction>
#include <QActionGroup>
#include <QMenu>
#include <QMenuBar>
#include <QSettings>
#include <QShortcut>

#include "app/window/help_text.h"
#include "app/window/main_window.h"
#include "presets/knob.h"

namespace pitwall::app {

namespace {

/// Single keys must not be taken from a field that one types into; Qt asks the field first (ShortcutOverride), and then
/// MainWindow::leaves_to_control().
QAction* add(QMenu* menu, std::vector<QAction*>& commands, const QString& text, const QKeySequence& key,
             QObject* context, std::function<void()> run) {
    QAction* action = menu->addAction(text);
    action->setShortcut(key);
    action->setShortcutContext(Qt::WindowShortcut);
    QObject::connect(action, &QAction::triggered, context, std::move(run));
    static_cast<QWidget*>(context)->addAction(action);  // works with the menu closed
    commands.push_back(action);
    return action;
}

}  // namespace

void MainWindow::build_menus() {
    build_file_menu();
    build_view_menu();
    build_engine_menu();
    build_workload_menu();
    build_help_menu();
}

void MainWindow::build_file_menu() {
    QMenu* menu = toolbar_->menus()->addMenu(QStringLiteral("&File"));
    add(menu, commands_, QStringLiteral("&New session"), QKeySequence::New, this, [this] {
        if (live_source_.open) open(live_source_);
    });
    add(menu, commands_, QStringLiteral("&Open a recording\u2026"), QKeySequence::Open, this,
        [this] { ask_for_recording(); });
    add(menu, commands_, QStringLiteral("Open the &last recording"), {}, this, [this] {
        const QString path =
            settings_ == nullptr ? QString() : settings_->value(QStringLiteral("last_recording")).toString();
        if (path.isEmpty()) return say(QStringLiteral("No recording yet: R records the session"), true);
        open_recording(path);
    });
    unfinished_menu_ = menu->addMenu(QStringLiteral("Open &unfinished session"));
    unfinished_menu_->setObjectName(QStringLiteral("unfinished"));
    unfinished_menu_->setEnabled(false);
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("&Record, or end the recording"), QKeySequence(Qt::Key_R), this,
        [this] { toggle_recording(); });
    add(menu, commands_, QStringLiteral("&Save session so far\u2026"), QKeySequence::Save, this,
        [this] { ask_where_to_save(); });
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("&Quit"), QKeySequence::Quit, this, [this] { close(); });
}

void MainWindow::build_view_menu() {
    QMenu* menu = toolbar_->menus()->addMenu(QStringLiteral("&View"));
    panel_menu_ = menu->addMenu(QStringLiteral("&Panels"));
    fill_panel_menu();
    add(menu, commands_, QStringLiteral("&Reset layout"), {}, this, [this] { reset_layout(); });
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("Light or dark &theme"), QKeySequence(Qt::CTRL | Qt::Key_T), this,
        [this] {
            theme_->set_mode(theme_->mode() == panels::Theme::Mode::kDark ? panels::Theme::Mode::kLight
                                                                          : panels::Theme::Mode::kDark);
        });
    add(menu, commands_, QStringLiteral("&Larger"), QKeySequence(Qt::CTRL | Qt::Key_Plus), this,
        [this] { theme_->set_scale(theme_->scale() + 0.1); });
    add(menu, commands_, QStringLiteral("&Smaller"), QKeySequence(Qt::CTRL | Qt::Key_Minus), this,
        [this] { theme_->set_scale(theme_->scale() - 0.1); });
    add(menu, commands_, QStringLiteral("&Actual size"), {}, this, [this] { theme_->set_scale(1); });
    // On most keyboards plus is Shift and equal.
    auto* larger = new QShortcut(QKeySequence(Qt::CTRL | Qt::Key_Equal), this);
    connect(larger, &QShortcut::activated, this, [this] { theme_->set_scale(theme_->scale() + 0.1); });
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("&Full screen"), QKeySequence(Qt::Key_F11), this, [this] {
        if (isFullScreen())
            showNormal();
        else
            showFullScreen();
    });
    add(menu, commands_, QStringLiteral("F&ind anything"), QKeySequence(Qt::CTRL | Qt::Key_K), this,
        [this] { find(); });
    connect(toolbar_, &Toolbar::find_wanted, this, &MainWindow::find);
}

void MainWindow::fill_panel_menu() {
    if (panel_menu_ == nullptr) return;
    panel_menu_->clear();
    for (PanelDock* dock : docks_->docks()) panel_menu_->addAction(dock->toggleViewAction());
}

void MainWindow::build_engine_menu() {
    QMenu* menu = toolbar_->menus()->addMenu(QStringLiteral("&Engine"));
    add(menu, commands_, QStringLiteral("&Pause or resume"), QKeySequence(Qt::Key_Space), this,
        [this] { toggle_pause(); });
    add(menu, commands_, QStringLiteral("&One step"), QKeySequence(Qt::Key_Period), this,
        [this] { single_step(); });
    add(menu, commands_, QStringLiteral("Go &live"), QKeySequence(Qt::Key_L), this, [this] { go_live(); });
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("&Flush the prefix cache"), {}, this,
        [this] { answers_.expect(QStringLiteral("Flush"), relay_.flush_prefix_cache()); });
    add(menu, commands_, QStringLiteral("Ask for a &keyframe"), {}, this,
        [this] { answers_.expect(QStringLiteral("Keyframe"), relay_.request_keyframe()); });
    menu->addSeparator();
    draft_model_ = add(menu, commands_, QStringLiteral("&Draft model\u2026"), {}, this,
                       [this] { ask_for_draft_model(); });
    draft_model_->setObjectName(QStringLiteral("draft_model"));
    draft_model_->setToolTip(QStringLiteral(
        "A smaller model of the same vocabulary drafts what this one verifies: turns speculative_method to "
        "draft.\nTurning that knob to another value takes the draft model out of memory again"));
    draft_model_->setEnabled(false);  // until there is an engine
    menu->setToolTipsVisible(true);
}

void MainWindow::build_workload_menu() {
    QMenu* menu = toolbar_->menus()->addMenu(QStringLiteral("&Workload"));
    const presets::KnobSpec& workload = presets::spec(presets::KnobId::kWorkload);
    for (const std::string_view choice : workload.choices) {
        const QString name = QString::fromUtf8(choice.data(), qsizetype(choice.size()));
        add(menu, commands_, QStringLiteral("Workload: %1").arg(name), {}, this,
            [this, name] { set_knob("workload", name); });
    }
    menu->addSeparator();
    add(menu, commands_, QStringLiteral("&Start arrivals"), {}, this,
        [this] { set_knob("workload_running", QStringLiteral("true")); });
    add(menu, commands_, QStringLiteral("&Pause arrivals"), {}, this,
        [this] { set_knob("workload_running", QStringLiteral("false")); });
    for (const uint32_t requests : {10u, 50u})
        add(menu, commands_, QStringLiteral("Burst of %1 requests").arg(requests), {}, this,
            [this, requests] { answers_.expect(QStringLiteral("Burst"), relay_.burst(requests)); });
}

void MainWindow::build_help_menu() {
    QMenu* menu = toolbar_->menus()->addMenu(QStringLiteral("&Help"));
    add(menu, commands_, QStringLiteral("&Definitions"), QKeySequence(Qt::Key_F1), this,
        [this] { show_help(QStringLiteral("Definitions"), definitions_html()); });
    add(menu, commands_, QStringLiteral("&Keys"), QKeySequence(Qt::CTRL | Qt::Key_Slash), this,
        [this] { show_help(QStringLiteral("Keys"), keys_html()); });
    add(menu, commands_, QStringLiteral("&About Pitwall"), {}, this,
        [this] { show_help(QStringLiteral("About Pitwall"), about_html(drawing_.about)); });
}

void MainWindow::build_shortcuts() {
    const auto on = [this](const QKeySequence& key, auto run) {
        auto* shortcut = new QShortcut(key, this);
        connect(shortcut, &QShortcut::activated, this, run);
    };
    on(QKeySequence(Qt::Key_BracketLeft), [this] { go_to_change(false); });
    on(QKeySequence(Qt::Key_BracketRight), [this] { go_to_change(true); });
    on(QKeySequence(Qt::SHIFT | Qt::Key_Left), [this] { move_in_time(-1'000'000'000); });
    on(QKeySequence(Qt::SHIFT | Qt::Key_Right), [this] { move_in_time(1'000'000'000); });
    for (int digit = 0; digit <= 9; ++digit)
        on(QKeySequence(Qt::CTRL | static_cast<Qt::Key>(Qt::Key_0 + digit)), [this, digit] {
            const size_t index = digit == 0 ? 9 : static_cast<size_t>(digit - 1);
            if (index < docks_->docks().size()) docks_->focus_panel(docks_->docks()[index]->panel()->id());
        });
}

}  // namespace pitwall::app
