// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QPointer>
#include <QTimer>
#include <QWidget>
#include <future>
#include <memory>
#include <vector>

#include "app/core/session/scratch_folder.h"
#include "app/core/session/session.h"
#include "app/window/answer_box.h"
#include "app/window/control_relay.h"
#include "app/window/dock_area.h"
#include "app/window/drawing.h"
#include "app/window/drawing_budget.h"
#include "app/window/failure_note.h"
#include "app/window/frame_clock.h"
#include "app/window/panel_refresher.h"
#include "app/window/recording_desk.h"
#include "app/window/scratch_desk.h"
#include "app/window/session_loader.h"
#include "app/window/session_recall.h"
#include "app/window/toolbar.h"
#include "panels/figures/figures_strip.h"
#include "panels/statusbar/event_rate.h"
#include "panels/statusbar/status_bar.h"
#include "panels/transport/transport_bar.h"
#include "telemetry/store/store.h"

class QAction;
class QMenu;
class QSettings;
class QVBoxLayout;

namespace pitwall::app {

/// A session that the window may be asked to open.
struct Source {
    bool replay = false, simulated = false;
    QString name;  ///< to say while it loads
    SessionLoader::Open open;
};

/// The whole window around one session: toolbar, figures, docks, transport, status bar.
class MainWindow : public QWidget {
    Q_OBJECT
  public:
    /// `settings` remembers geometry, layout, theme and scale; null: nothing is read or kept (screenshots, tests).
    MainWindow(panels::Theme* theme, QSettings* settings, Drawing drawing = {}, QWidget* parent = nullptr);
    ~MainWindow() override;

    /// Ends the session there is and opens another, without blocking.
    void open(Source source);
    /// What L goes back to from a replay.
    void set_live_source(Source source) { live_source_ = std::move(source); }
    /// What killed processes left, newest first: says so once, and the File menu opens it.
    void offer_unfinished(const std::vector<LeftOver>& sessions);
    /// Beside the window; what is at `path` is replaced. The answer is told in the status bar.
    void save_so_far(const QString& path);
    const SourceState& source_state() const { return toolbar_->state(); }
    const QString& failure() const { return failure_; }
    FailureNote* failure_note() const { return failure_note_; }
    bool loading() const { return loader_.loading(); }
    Session* session() const { return session_.get(); }
    const telemetry::Store& store() const { return *store_; }
    panels::SelectionModel& selection() { return selection_; }
    panels::RangeModel& range() { return range_; }
    DockArea& docks() { return *docks_; }
    FrameClock& frame_clock() { return clock_; }
    PanelRefresher& refresher() { return *refresher_; }
    panels::FiguresStrip& figures() { return *figures_; }
    panels::TransportBar& transport() { return *transport_; }
    panels::StatusBar& status() { return *status_; }
    Toolbar& toolbar() { return *toolbar_; }
    void reset_layout();

  signals:
    void opened();
    void failed(const QString& sentence);

  protected:
    void closeEvent(QCloseEvent* event) override;
    void showEvent(QShowEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    static constexpr int kLayoutVersion = 1;

    // Construction.
    void build();
    void build_panels(bool replay);
    void connect_bars();
    void build_menus();
    void build_file_menu();
    void build_view_menu();
    void build_engine_menu();
    void build_workload_menu();
    void build_help_menu();
    void build_shortcuts();
    void fill_panel_menu();
    void restyle();

    // Keys.
    static bool leaves_to_control(const QKeyEvent& event);
    bool take_key(const QKeyEvent& event);
    void train_buttons();

    // The session.
    void poll_loader();
    void adopt(std::unique_ptr<Session> session);
    void fail(const Error& error);
    void show_failure();
    void end_session();

    // Frames.
    void on_frame(const Frame& frame);
    void keep_to_budget(const Frame& frame);
    void note_gap(const Frame& frame);
    void tell_trouble();
    void show_state();
    SourceState describe() const;
    QString device_name() const;  ///< of a session
    void show_rates(int64_t now_ns);

    // Commands.
    void say(const QString& sentence, bool bad = false);
    void toggle_pause();
    void toggle_recording();
    void single_step();
    void go_live();
    void go_to(int64_t t_ns);
    void go_to_change(bool next);
    void show_change(uint32_t number);
    void move_in_time(int64_t delta_ns);
    void set_knob(const char* name, const QString& value);
    static QString recordings_folder();
    void ask_for_recording();
    void ask_for_draft_model();
    void load_draft_model(const QString& path);
    void ask_where_to_save();
    void open_recording(const QString& path);
    void open_replay(const QString& path);
    void show_help(const QString& title, const QString& html);
    void find();
    void show_knob(const QString& name);

    // Layout and memory.
    void apply_plan(bool keep_tabs = true);
    void arrange(const QByteArray& state);  ///< as one left it, where there is such a state
    void restore();
    void remember() const;
    QString layout_key() const;

    panels::Theme* theme_;
    QSettings* settings_;
    Drawing drawing_;
    std::unique_ptr<telemetry::Store> store_;
    panels::SelectionModel selection_;
    panels::RangeModel range_;
    ControlRelay relay_;
    FrameClock clock_;
    std::unique_ptr<PanelRefresher> refresher_;
    DrawingBudget drawing_budget_;
    int64_t cpu_ns_ = 0;  ///< of this thread, at the last frame
    AnswerBox answers_;
    SessionLoader loader_;
    Source source_, live_source_;
    std::shared_ptr<Session> session_;  ///< shared with what begins and ends its recording meanwhile
    SessionRecall recall_{session_};
    RecordingDesk recording_;
    ScratchDesk scratch_;
    std::shared_ptr<telemetry::Reader> reader_;
    std::vector<std::future<void>> ending_;  ///< sessions that are being stopped
    QString failure_;

    QVBoxLayout* layout_ = nullptr;
    Toolbar* toolbar_ = nullptr;
    panels::FiguresStrip* figures_ = nullptr;
    DockArea* docks_ = nullptr;
    QPointer<FailureNote> failure_note_;  ///< lies over the docks, and goes with them
    panels::TransportBar* transport_ = nullptr;
    panels::StatusBar* status_ = nullptr;
    QMenu *panel_menu_ = nullptr, *unfinished_menu_ = nullptr;
    QAction* draft_model_ = nullptr;
    std::vector<QAction*> commands_;  ///< what Ctrl K finds
    bool trouble_told_ = false;
    QTimer resize_timer_, message_timer_;
    bool shown_ = false, placing_ = false, layout_touched_ = false, replay_panels_ = false;
    int64_t state_shown_ns_ = 0, rates_shown_ns_ = 0, keyframe_asked_ns_ = 0;
    panels::EventRate event_rate_;
    double replay_speed_ = 1;
};

}  // namespace pitwall::app
