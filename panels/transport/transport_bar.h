// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>

#include "panels/changes/change_groups.h"
#include "panels/common/panel.h"
#include "panels/common/time_axis.h"
#include "panels/transport/session_envelope.h"

class QToolButton;
class QPushButton;

namespace pitwall::panels {

/// What the transport shows that is not in the store.
struct TransportState {
    bool replay = false, recording = false, running = false;
    uint64_t recorded_bytes = 0;
    int64_t begin_ns = 0, end_ns = 0;  ///< of the whole session; live: up to now
    double speed = 1;                  ///< of a replay; 0 is paused
    bool at_end = true;                ///< the playhead is at the newest event
    QString failed;                    ///< "recording ended: the disk is full"
};

/// Record, pause, step; the clock; the whole session with the pins of its changes; the shown window; live and speed.
class TransportBar : public Panel {
    Q_OBJECT
  public:
    explicit TransportBar(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("transport"); }
    QString title() const override { return QStringLiteral("Transport"); }
    /// In a replay the playhead moves at the replay's speed; live it hardly moves.
    int refresh_hz() const override { return state_.replay ? 10 : 5; }
    void refresh() override;
    QSize sizeHint() const override;

    void set_state(const TransportState& state);
    const TransportState& state() const { return state_; }
    void session_changed();  ///< another source: the strip begins again
    /// Of a replay: those ahead of the playhead too.
    void set_recorded_changes(std::span<const telemetry::KnobChange> changes);
    /// Of the whole session as far as it is known.
    std::span<const telemetry::KnobChange> changes() const;
    /// The time of the change before or after the playhead, or -1.
    int64_t neighbour_change(bool next) const;
    /// What stands at a pin: the knob with both values, or its name alone.
    QString change_text(const ChangeGroup& change, bool with_values) const;
    TimeAxis axis() const;

  signals:
    void record_toggled();
    void pause_toggled();
    void step_wanted();
    void live_wanted();
    void speed_wanted(double speed);
    void seek_wanted(int64_t t_ns);  ///< a replay
    void scrubbing(bool active);
    void change_wanted(uint32_t number);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;

  private:
    /// What the buttons look like.
    struct Shown {
        bool replay, running, still;
        double speed;
        bool operator==(const Shown&) const = default;
    };
    enum class Drag { kNone, kSeek, kRange, kWindow };
    QToolButton* make_button(const char* tip);
    void restyle();
    void place_children();
    void show_state();
    void update_words();  ///< all but the buttons
    QRectF strip() const;
    int64_t playhead_ns() const;
    void paint_clock(QPainter& painter) const;
    void paint_strip(QPainter& painter) const;
    void paint_envelope(QPainter& painter, const TimeAxis& axis, const QRectF& box) const;
    void paint_ticks(QPainter& painter, const TimeAxis& axis, const QRectF& box) const;
    void paint_changes(QPainter& painter, const TimeAxis& axis, const QRectF& box) const;
    void paint_losses(QPainter& painter, const TimeAxis& axis, const QRectF& box) const;
    QString second_line() const;
    void drag_to(double x);

    TransportState state_;
    std::vector<telemetry::KnobChange> recorded_;
    std::optional<Shown> shown_;
    SessionEnvelope envelope_;
    QToolButton *record_, *pause_, *step_;
    QPushButton *live_, *speed_;
    Drag drag_ = Drag::kNone;
    int64_t drag_from_ns_ = 0;
};

}  // namespace pitwall::panels
