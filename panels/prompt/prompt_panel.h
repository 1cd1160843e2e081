// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>
#include <QTextEdit>
#include <QTimer>

#include "panels/common/panel.h"
#include "panels/common/widgets.h"
#include "panels/prompt/prompt_presenter.h"
#include "panels/prompt/sampling_fields.h"

namespace pitwall::panels {

/// A box to send one's own request: a chat with its turns, or plain text. The stream shows here and, as the request is
/// selected, in every other panel.
class PromptPanel : public Panel {
    Q_OBJECT
  public:
    explicit PromptPanel(PanelContext context, QWidget* parent = nullptr);

    QString id() const override { return QStringLiteral("prompt"); }
    QString title() const override { return QStringLiteral("Prompt"); }
    QString scope() const override { return QStringLiteral("your own request"); }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    QWidget* title_control() override { return modes_; }

    PromptPresenter& presenter() { return presenter_; }
    QPlainTextEdit* input() { return input_; }
    QPushButton* send_button() { return send_; }
    QLabel* status() { return status_; }
    SamplingFields& fields() { return *fields_; }
    void send();
    void session_changed();  ///< another engine knows nothing of the turns so far

  protected:
    bool eventFilter(QObject* watched, QEvent* event) override;
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;

  private:
    void build();
    void take_theme();
    void poll();
    void show_state();
    void show_turns();
    void make_room();

    PromptPresenter presenter_;
    SegmentedControl* modes_;
    QPushButton *new_chat_, *send_;
    QTextEdit* turns_;
    QPlainTextEdit* input_;
    SamplingFields* fields_;
    QLabel* status_;
    QString turns_shown_;
    QTimer poll_;
};

}  // namespace pitwall::panels
