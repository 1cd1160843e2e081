// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/common/panel.h"
#include "panels/common/widgets.h"

class QLabel;
class QMenuBar;
class QPushButton;

namespace pitwall::app {

/// Where the events come from and how things stand; the toolbar's colour says it across the room.
struct SourceState {
    enum class Kind { kNone, kLoading, kLive, kSimulated, kReplay, kEnded, kFailed };
    Kind kind = Kind::kNone;
    bool paused = false;
    QString name;    ///< "SmolLM2-135M-Instruct Q4_1", or the recording's file name
    QString device;  ///< "CPU, 4 threads"
    QString
        sentence;  ///< the loading stage, what failed, "Paused at step 19,217. Space resumes, . runs one step"
    double share = 0;  ///< of loading, 0 to 1
    bool operator==(const SourceState&) const = default;
};

/// Logo, menus, the session chip, the range that all statistics are taken over, the layout switch.
class Toolbar : public QWidget {
    Q_OBJECT
  public:
    Toolbar(panels::Theme* theme, panels::RangeModel* range, QWidget* parent = nullptr);
    QMenuBar* menus() const { return menus_; }
    void set_state(const SourceState& state);
    const SourceState& state() const { return state_; }
    /// The surface and the ink that the state asks for: normal, inverted when paused, violet in a replay.
    QColor surface() const;
    QColor ink() const;
    QRect chip_rect() const;
    QSize sizeHint() const override;

  signals:
    void find_wanted();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    bool loud() const;  ///< paused or replay: the whole bar has another colour
    void restyle();
    void place_children();
    void show_range();
    void paint_logo(QPainter& painter) const;
    void paint_chip(QPainter& painter) const;
    QString chip_words() const;

    panels::Theme* theme_;
    panels::RangeModel* range_;
    QMenuBar* menus_;
    QPushButton *range_button_, *find_;
    QLabel* find_key_;
    SourceState state_;
};

}  // namespace pitwall::app
