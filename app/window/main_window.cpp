// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/window/main_window.h"

#include <QApplication>
#include <QCloseEvent>
#include <QPainter>
#include <QSettings>
#include <QVBoxLayout>
#include <utility>

#include "app/window/panel_registry.h"
#include "engine/exec/cpu/cpu_executor.h"

namespace pitwall::app {

namespace {
constexpr int kMessageMs = 8000;
}  // namespace

MainWindow::MainWindow(panels::Theme* theme, QSettings* settings, Drawing drawing, QWidget* parent)
    : QWidget(parent),
      theme_(theme),
      settings_(settings),
      drawing_(std::move(drawing)),
      store_(std::make_unique<telemetry::Store>()),
      clock_(store_.get()),
      refresher_(std::make_unique<PanelRefresher>([this] { return clock_.now_ns(); })),
      drawing_budget_(engine::available_threads()) {
    relay_.on_refused([this](const std::string& why) {
        if (status_ == nullptr) return;
        QString sentence = QString::fromStdString(why);
        sentence[0] = sentence[0].toUpper();
        say(sentence, true);
    });
    build();
    restore();
    connect(theme_, &panels::Theme::changed, this, &MainWindow::restyle);
    connect(&clock_, &FrameClock::frame_ready, this, &MainWindow::on_frame);
    connect(&selection_, &panels::SelectionModel::changed, this, [this] { refresher_->mark_urgent(); });
    connect(&range_, &panels::RangeModel::changed, this, [this] { refresher_->mark_urgent(); });
    clock_.start();
}

MainWindow::~MainWindow() {
    clock_.stop();
    end_session();
    ending_.clear();  // waits: a recording is closed before the process ends
}

void MainWindow::build() {
    setObjectName(QStringLiteral("main_window"));
    setWindowTitle(QStringLiteral("Pitwall"));
    setWindowIcon(QIcon(QStringLiteral(":/pitwall/icons/pitwall.svg")));
    setMinimumSize(900, 560);
    setFocusPolicy(Qt::ClickFocus);
    layout_ = new QVBoxLayout(this);
    toolbar_ = new Toolbar(theme_, &range_, this);
    layout_->addWidget(toolbar_);
    build_panels(false);
    build_menus();
    build_shortcuts();
    resize_timer_.setSingleShot(true);
    connect(&resize_timer_, &QTimer::timeout, this, [this] {
        if (!layout_touched_) apply_plan();
    });
    message_timer_.setSingleShot(true);
    message_timer_.setInterval(kMessageMs);
    connect(&message_timer_, &QTimer::timeout, this, [this] { say({}); });
    restyle();
}

/// Panels are told at birth whether they look at a recording, so another kind of source gets new ones.
void MainWindow::build_panels(bool replay) {
    for (QWidget* old : {static_cast<QWidget*>(figures_), static_cast<QWidget*>(docks_),
                         static_cast<QWidget*>(transport_), static_cast<QWidget*>(status_)})
        delete old;
    refresher_ = std::make_unique<PanelRefresher>([this] { return clock_.now_ns(); });
    const panels::PanelContext context{store_.get(), &relay_, &selection_,     &range_,
                                       theme_,       replay,  drawing_.drawer, &recall_};
    replay_panels_ = replay;
    figures_ = new panels::FiguresStrip(context, this);
    docks_ = new DockArea(theme_, this);
    transport_ = new panels::TransportBar(context, this);
    status_ = new panels::StatusBar(context, this);
    for (panels::Panel* panel : make_panels(context, docks_)) {
        refresher_->add(panel);
        docks_->add_panel(panel);
    }
    for (panels::Panel* bar : std::initializer_list<panels::Panel*>{figures_, transport_, status_})
        refresher_->add(bar);
    auto* middle = new QVBoxLayout;
    middle->addWidget(figures_);
    middle->addWidget(docks_, 1);
    middle->addWidget(transport_);
    if (QLayoutItem* old = layout_->takeAt(1)) delete old;
    layout_->insertLayout(1, middle, 1);
    layout_->addWidget(status_);
    connect_bars();
    fill_panel_menu();
    train_buttons();
}

void MainWindow::connect_bars() {
    connect(figures_, &panels::FiguresStrip::panel_wanted, this,
            [this](const QString& id) { docks_->focus_panel(id); });
    connect(status_, &panels::StatusBar::panel_wanted, this,
            [this](const QString& id) { docks_->focus_panel(id); });
    connect(docks_, &DockArea::said, this, [this](const QString& sentence) { say(sentence); });
    connect(transport_, &panels::TransportBar::record_toggled, this, &MainWindow::toggle_recording);
    connect(transport_, &panels::TransportBar::pause_toggled, this, &MainWindow::toggle_pause);
    connect(transport_, &panels::TransportBar::step_wanted, this, &MainWindow::single_step);
    connect(transport_, &panels::TransportBar::live_wanted, this, &MainWindow::go_live,
            Qt::QueuedConnection);  // out of a replay it brings another bar, and this one goes
    connect(transport_, &panels::TransportBar::seek_wanted, this, &MainWindow::go_to);
    connect(transport_, &panels::TransportBar::change_wanted, this, &MainWindow::show_change);
    connect(transport_, &panels::TransportBar::scrubbing, this,
            [this](bool active) { refresher_->set_boost(active); });
    connect(transport_, &panels::TransportBar::speed_wanted, this, [this](double speed) {
        replay_speed_ = speed;
        if (session_ && session_->replay() != nullptr) session_->replay()->play(speed);
    });
    const auto touched = [this] { layout_touched_ |= shown_ && !placing_; };
    connect(docks_, &DockArea::separator_moved, this, touched);
    for (PanelDock* dock : docks_->docks()) {
        connect(dock, &PanelDock::closed, this, touched);
        connect(dock, &QDockWidget::topLevelChanged, this, touched);
        connect(dock, &QDockWidget::dockLocationChanged, this, touched);
        dock->installEventFilter(this);
    }
}

void MainWindow::restyle() {
    qApp->setPalette(panels::palette_of(*theme_));
    qApp->setFont(theme_->words("body"));
    setStyleSheet(panels::style_sheet(*theme_));
    const int gutter = theme_->px("gutter");
    layout_->setContentsMargins(0, 0, 0, 0);
    layout_->setSpacing(0);
    if (QLayout* middle = layout_->itemAt(1)->layout()) {
        middle->setContentsMargins(gutter, gutter, gutter, 0);
        middle->setSpacing(gutter);
    }
    if (!layout_touched_ && shown_) resize_timer_.start(0);
    refresher_->mark_urgent();
}

void MainWindow::apply_plan(bool keep_tabs) {
    placing_ = true;
    layout_->activate();
    docks_->apply(plan_layout(size(), docks_->size(), theme_->px("gutter"), theme_->scale()), keep_tabs);
    placing_ = false;
    refresher_->mark_urgent();
}

void MainWindow::reset_layout() {
    layout_touched_ = false;
    apply_plan(false);
}

QString MainWindow::layout_key() const { return QStringLiteral("layout/tune"); }

void MainWindow::restore() {
    if (settings_ == nullptr) return;
    theme_->set_mode(settings_->value(QStringLiteral("theme")).toString() == u"light"
                         ? panels::Theme::Mode::kLight
                         : panels::Theme::Mode::kDark);
    theme_->set_scale(settings_->value(QStringLiteral("scale"), 1.0).toDouble());
    const int range =
        settings_->value(QStringLiteral("range"), int(panels::RangeModel::Mode::kLast60s)).toInt();
    if (range >= 0 && range < int(panels::RangeModel::Mode::kDragged))
        range_.set_mode(static_cast<panels::RangeModel::Mode>(range));
    if (!restoreGeometry(settings_->value(QStringLiteral("geometry")).toByteArray())) resize(1280, 800);
}

void MainWindow::remember() const {
    if (settings_ == nullptr) return;
    settings_->setValue(QStringLiteral("theme"),
                        theme_->mode() == panels::Theme::Mode::kLight ? "light" : "dark");
    settings_->setValue(QStringLiteral("scale"), theme_->scale());
    settings_->setValue(QStringLiteral("geometry"), saveGeometry());
    if (range_.mode() != panels::RangeModel::Mode::kDragged)
        settings_->setValue(QStringLiteral("range"), int(range_.mode()));
    if (layout_touched_)
        settings_->setValue(layout_key(), docks_->saveState(kLayoutVersion));
    else
        settings_->remove(layout_key());
}

void MainWindow::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (shown_) return;
    shown_ = true;
    setFocus();  // no control is marked until one presses Tab
    apply_plan();
    if (settings_ != nullptr) arrange(settings_->value(layout_key()).toByteArray());
}

void MainWindow::arrange(const QByteArray& state) {
    if (state.isEmpty()) return;
    placing_ = true;
    layout_touched_ = docks_->restoreState(state, kLayoutVersion);
    placing_ = false;
}

/// The gutters. By hand: a style sheet keeps the palette's colour of the theme that was there first.
void MainWindow::paintEvent(QPaintEvent* /*event*/) {
    QPainter(this).fillRect(rect(), theme_->color("bg.window"));
}

void MainWindow::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    if (shown_ && !layout_touched_) resize_timer_.start(60);
}

void MainWindow::closeEvent(QCloseEvent* event) {
    remember();
    clock_.stop();
    hide();  // at once; what is unfinished is cancelled and the recording closed behind the scenes
    end_session();
    event->accept();
    QApplication::quit();
}

}  // namespace pitwall::app
