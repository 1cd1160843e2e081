// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTimer>

#include "panels/common/panel.h"
#include "panels/common/widgets.h"
#include "panels/requests/cancel_question.h"
#include "panels/requests/request_detail.h"
#include "panels/requests/requests_view.h"

namespace pitwall::panels {

/// The line at the foot of the table that asks before a request is cancelled, and says what became of it.
class CancelBar : public QWidget {
    Q_OBJECT
  public:
    CancelBar(const PanelContext& context, QWidget* parent);
    void ask(const telemetry::RequestRow* row);
    const CancelQuestion& question() const { return question_; }

  signals:
    void changed();  ///< shown, hidden or told something new
    void closed();   ///< the keys belong to the table again

  protected:
    void paintEvent(QPaintEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;

  private:
    void show_state();
    void confirm();
    void close_bar();

    PanelContext context_;
    CancelQuestion question_;
    QLabel* text_;
    QPushButton *yes_, *no_;
    QTimer poll_, hide_;
};

/// Every request, where its time went, and the selected one's text as it streams.
class RequestsPanel : public Panel {
    Q_OBJECT
  public:
    explicit RequestsPanel(PanelContext context, QWidget* parent = nullptr);
    ~RequestsPanel() override;

    QString id() const override { return QStringLiteral("requests"); }
    QString title() const override { return QStringLiteral("Requests"); }
    QString scope() const override { return scope_; }
    QStringList shorter_scopes() const override { return presenter_.shorter_scopes(); }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return title_; }

    RequestsPresenter& presenter() { return presenter_; }
    RequestsModel& model() { return model_; }
    RequestsView* view() { return view_; }
    RequestDetail* detail() { return detail_; }
    CancelBar* cancel_bar() { return cancel_; }
    QLineEdit* filter() { return filter_; }
    QLabel* note() { return note_; }

  protected:
    void resizeEvent(QResizeEvent* event) override;
    void showEvent(QShowEvent* event) override;
    bool eventFilter(QObject* watched, QEvent* event) override;

  private:
    void build_title();
    void connect_all();
    void lay_out();
    void open_steps();
    void show_part(int segment);
    void size_filter();
    void show_note();
    int note_height(int width) const;
    void choose_parts();
    bool wide() const;

    RequestsPresenter presenter_;
    RequestsModel model_;
    RequestsView* view_;
    RequestDetail* detail_;
    CancelBar* cancel_;
    QWidget* title_;
    QLineEdit* filter_;
    QLabel* note_;  ///< below the table: what the filter did not look at
    SegmentedControl* parts_;
    bool beside_ = false;  ///< the table stands beside the text, whatever the segment says
    EmptyState* empty_;
    QString scope_;
};

}  // namespace pitwall::panels
