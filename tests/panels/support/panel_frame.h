// SPDX-License-Identifier: GPL-3.0-or-later
//
// A panel as the window shows it, title bar included, so that a picture of one can be judged beside the mock-up.
#pragma once

#include <QPainter>
#include <QWidget>

#include "panels/common/panel.h"
#include "panels/common/text_line.h"

namespace pitwall::testing {

class PanelFrame : public QWidget {
  public:
    PanelFrame(panels::Panel* panel, panels::Theme* theme) : panel_(panel), theme_(theme) {
        panel->setParent(this);
        if (QWidget* control = panel->title_control()) {
            control->setParent(this);
            control->show();
        }
        connect(panel, &panels::Panel::scope_changed, this, qOverload<>(&QWidget::update));
    }

  protected:
    void resizeEvent(QResizeEvent* /*event*/) override {
        const int title = theme_->px("title_bar");
        panel_->setGeometry(0, title, width(), height() - title);
        QWidget* control = panel_->title_control();
        if (!control) return;
        const int w = control->sizeHint().width();
        const int h = control->sizeHint().height();
        control->setGeometry(width() - theme_->scaled(8) - w, (title - h) / 2 + 1, w, h);
    }
    void paintEvent(QPaintEvent* /*event*/) override {
        QPainter painter(this);
        const panels::Theme& t = *theme_;
        painter.fillRect(rect(), t.color("bg.panel"));
        const double x = t.scaled(12), y = t.scaled(18.5);
        const double end = x + panels::paint_text(painter, t.words("title", 600), t.color("text.primary"), x,
                                                  y, panel_->title());
        panels::paint_text(painter, t.words("small"), t.color("text.secondary"), end + t.scaled(8), y,
                           panel_->scope());
    }

  private:
    panels::Panel* panel_;
    panels::Theme* theme_;
};

}  // namespace pitwall::testing
