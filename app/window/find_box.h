// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QDialog>
#include <vector>

#include "panels/common/theme.h"

class QAction;
class QLineEdit;
class QListWidget;

namespace pitwall::app {

/// Ctrl K: commands, panels and knobs by a part of their name.
class FindBox : public QDialog {
    Q_OBJECT
  public:
    FindBox(panels::Theme* theme, const std::vector<QAction*>& commands, QWidget* parent);
    void add_panels(const std::vector<std::pair<QString, QString>>& panels);  ///< id and title
    void popup_under(QWidget* bar);
    /// What is listed for the words typed so far.
    QStringList listed() const;

  signals:
    void panel_wanted(const QString& panel_id);
    void knob_wanted(const QString& name);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    struct Entry {
        QString text, kind, panel_id, knob;
        QAction* action = nullptr;
    };
    void list();
    void run(int row);

    std::vector<Entry> entries_;
    QLineEdit* words_;
    QListWidget* list_;
};

}  // namespace pitwall::app
