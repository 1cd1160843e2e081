// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLineEdit>
#include <QWidget>

#include "panels/common/theme.h"
#include "panels/knobs/knobs_presenter.h"

namespace pitwall::panels {

/// One knob: name and tag above, control and value below, a note under them where there is one. It knows no
/// engine: what a hand does goes out as signals. Its objectName is the knob's name.
class KnobRow : public QWidget {
    Q_OBJECT
  public:
    KnobRow(Theme* theme, const presets::KnobSpec& spec, QWidget* parent = nullptr);
    void show_view(const KnobRowView& view);
    const KnobRowView& view() const { return view_; }
    /// Where the slider, switch or segments are, in this widget's pixels; empty where there is no room.
    QRectF control_rect() const;
    QSize sizeHint() const override;
    /// While the list scrolls under a resting mouse the wheel must not turn knobs.
    void set_wheel_locked(bool locked) { wheel_locked_ = locked; }

  signals:
    void dragged(double position);  ///< 0 to 1
    void drag_ended();
    void stepped(int steps);
    void chosen(double value);
    void entered(const QString& text);
    void reset();

  protected:
    bool event(QEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void mouseReleaseEvent(QMouseEvent* event) override;
    void mouseDoubleClickEvent(QMouseEvent* event) override;
    void wheelEvent(QWheelEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    void focusInEvent(QFocusEvent* event) override;
    void focusOutEvent(QFocusEvent* event) override;

  private:
    double control_line() const;  ///< y of the middle of the control
    QRectF value_rect() const;
    void draw_head(QPainter& painter) const;
    void draw_value(QPainter& painter) const;
    void draw_slider(QPainter& painter) const;
    void draw_switch(QPainter& painter) const;
    void draw_segments(QPainter& painter) const;
    void draw_menu(QPainter& painter) const;
    void draw_note(QPainter& painter) const;
    QStringList note_lines() const;
    double segment_width(const QString& word) const;
    double segments_width() const;
    /// As the view has it; segments that its row has no room for are a menu.
    KnobWidgetKind kind() const;
    void press_control(QPointF at);
    void drag_to(double x);
    void open_editor(const QString& first);
    void close_editor(bool apply);
    void open_menu();
    void step_key(int steps, Qt::KeyboardModifiers modifiers);
    bool takes_from_window(const QKeyEvent& event) const;

    Theme* theme_;
    const presets::KnobSpec& spec_;
    KnobRowView view_;
    QLineEdit* editor_ = nullptr;
    int wheel_rest_ = 0;  ///< eighths of a degree not yet spent
    bool dragging_ = false, ring_ = false, wheel_locked_ = false;
};

}  // namespace pitwall::panels
