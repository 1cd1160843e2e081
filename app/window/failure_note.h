// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/common/theme.h"

class QLabel;
class QPushButton;

namespace pitwall::app {

/// Why no session could be opened, in full, and what one can do about it. Lies over the panels, which have nothing to
/// show and whose buttons would only be refused.
class FailureNote : public QWidget {
    Q_OBJECT
  public:
    FailureNote(panels::Theme* theme, const QString& sentence, QWidget* over);

  signals:
    void again_wanted();
    void recording_wanted();

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;  ///< keeps itself over the whole parent

  private:
    void restyle();
    void keep_narrow();
    panels::Theme* theme_;
    QLabel *heading_, *sentence_;
    QPushButton *again_, *recording_;
};

}  // namespace pitwall::app
