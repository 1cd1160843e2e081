// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTimer>
#include <map>
#include <vector>

#include "panels/common/panel.h"
#include "panels/common/widgets.h"
#include "panels/knobs/knob_row.h"
#include "panels/knobs/knobs_presenter.h"
#include "telemetry/base/result.h"

class QPushButton;
class QLabel;
class QScrollArea;

namespace pitwall::panels {

class KnobGroupHeader;

/// Every knob of the table, grouped, made from the table alone.
class KnobsPanel : public Panel {
    Q_OBJECT
  public:
    explicit KnobsPanel(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("knobs"); }
    QString title() const override { return QStringLiteral("Knobs"); }
    QString scope() const override { return presenter_.scope(); }
    int refresh_hz() const override { return 10; }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return filter_; }

    /// Brings a knob into view, out of a folded group or the filter, and gives it the keyboard.
    void show_knob(const QString& name);
    KnobRow* row(presets::KnobId id) const { return rows_[static_cast<size_t>(id)]; }
    /// The settings that differ from the defaults, as a preset file; and the settings of one, sent to the
    /// engine.
    Status save_preset(const QString& path) const;
    Status load_preset(const QString& path);

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void add_rows();
    void connect_row(KnobRow* row, presets::KnobId id);
    QWidget* make_footer();
    void show_rows();
    void show_which();
    void tick();
    void ask_load();
    void ask_save();
    void report(const Status& status);
    void say(const QString& sentence);  ///< above the buttons; empty hides it
    int64_t now_ms() const { return clock_.elapsed(); }

    QElapsedTimer clock_;
    KnobsPresenter presenter_;
    SegmentedControl* filter_;
    QScrollArea* scroll_;
    QLabel* note_;
    QLabel* none_;  ///< where the filter leaves nothing
    std::vector<KnobRow*> rows_;
    std::map<QString, KnobGroupHeader*> headers_;
    QTimer tick_;             ///< while something is on its way to the engine
    QElapsedTimer scrolled_;  ///< since the list last moved
    uint64_t shown_version_ = 0;
    QString shown_scope_;
};

/// The name of a group of knobs; folds it.
class KnobGroupHeader : public QWidget {
    Q_OBJECT
  public:
    KnobGroupHeader(Theme* theme, QString name, bool first, QWidget* parent = nullptr);
    bool folded() const { return folded_; }
    void set_folded(bool folded);
    QSize sizeHint() const override;

  signals:
    void toggled();

  protected:
    bool event(QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    Theme* theme_;
    QString name_;
    bool first_, folded_ = false;
};

}  // namespace pitwall::panels
