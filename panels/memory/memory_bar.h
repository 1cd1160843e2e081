// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/common/theme.h"
#include "panels/memory/memory_presenter.h"

namespace pitwall::panels {

/// All parts of the session's memory side by side, to scale, under what they sum to.
class MemoryBar : public QWidget {
    Q_OBJECT
  public:
    MemoryBar(Theme* theme, const MemoryPresenter& presenter, QWidget* parent);
    /// Where a part lies; nothing for one that is unknown or 0. None is thinner than a pixel.
    QRectF part_rect(size_t part) const;
    QSize sizeHint() const override;
    QSize minimumSizeHint() const override { return sizeHint(); }

  protected:
    void paintEvent(QPaintEvent* event) override;
    bool event(QEvent* event) override;

  private:
    Theme* theme_;
    const MemoryPresenter& presenter_;
};

}  // namespace pitwall::panels
