// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QElapsedTimer>
#include <QTextEdit>
#include <QWidget>

#include "panels/common/panel.h"
#include "panels/requests/requests_presenter.h"

namespace pitwall::panels {

/// The selected request: where its time went, and its text as it comes.
class RequestDetail : public QWidget {
    Q_OBJECT
  public:
    enum class Show { kOutput, kPrompt, kTokens };

    RequestDetail(const PanelContext& context, const RequestsPresenter& presenter, QWidget* parent);
    void set_request(RequestId request);
    void set_show(Show show);
    void refresh();
    QString text() const { return text_->toPlainText(); }

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    bool event(QEvent* event) override;

  private:
    int text_top() const { return theme_->scaled(72); }
    void paint_header(QPainter& painter, const telemetry::RequestRow& row);
    void paint_bar(QPainter& painter, const telemetry::RequestRow& row);
    void paint_labels(QPainter& painter, const telemetry::RequestRow& row);
    void take_theme();
    void set_text(const QString& text, bool more_comes);
    QString wanted_text(const telemetry::RequestRow& row) const;
    QString token_line(const telemetry::RequestRow& row, size_t index) const;
    void add_tokens(QTextCursor& cursor, const telemetry::RequestRow& row, size_t first) const;
    QString hover_text(const telemetry::RequestRow& row);
    void follow_tokens(const telemetry::RequestRow& row);
    void forget_text();
    const telemetry::RequestRow* row_with_tokens();
    QString prompt_of(const telemetry::RequestRow& row) const;

    Theme* theme_;
    const Recollection* recollection_;
    const RequestsPresenter& presenter_;
    QTextEdit* text_;
    QString shown_;  ///< what text_ holds, without the caret
    bool caret_ = false;
    size_t first_token_ = 0, next_token_ = 0;  ///< of those that text_ lists
    RequestId request_ = kNoRequest;
    /// The request as it was before the store folded it, once it was asked for: with its tokens and its prompt.
    telemetry::RequestRow recalled_;
    std::string recalled_prompt_;
    bool in_recording_ = false;
    uint64_t recalled_generation_ = 0;
    QElapsedTimer recalled_since_;
    Show show_ = Show::kOutput;
};

}  // namespace pitwall::panels
