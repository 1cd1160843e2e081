// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <QWidget>

#include "panels/common/panel.h"
#include "panels/common/refresh_gate.h"
#include "panels/figures/figures_presenter.h"

namespace pitwall::panels {

/// The row of headline figures: is it healthy?
class FiguresStrip : public Panel {
    Q_OBJECT
  public:
    explicit FiguresStrip(PanelContext context, QWidget* parent = nullptr);
    QString id() const override { return QStringLiteral("figures"); }
    QString title() const override { return QStringLiteral("Figures"); }
    /// Nobody reads faster; figures of a range move at 4 Hz or less.
    int refresh_hz() const override { return 5; }
    void refresh() override;
    QString csv() const override { return presenter_.csv(); }
    const FiguresPresenter& presenter() const { return presenter_; }
    QRectF tile_rect(size_t index, size_t count) const;
    QSize sizeHint() const override;

  signals:
    void panel_wanted(const QString& panel_id);

  protected:
    void paintEvent(QPaintEvent* event) override;
    void resizeEvent(QResizeEvent* event) override;
    void mousePressEvent(QMouseEvent* event) override;
    void mouseMoveEvent(QMouseEvent* event) override;
    void leaveEvent(QEvent* event) override;
    void keyPressEvent(QKeyEvent* event) override;
    bool event(QEvent* event) override;

  private:
    bool with_sparks() const;
    void present();
    std::vector<const FigureTile*> shown() const;
    int tile_at(QPointF position) const;
    void paint_tile(QPainter& painter, const FigureTile& tile, const QRectF& box, bool hovered) const;
    void paint_spark(QPainter& painter, const FigureTile& tile, const QRectF& box) const;

    FiguresPresenter presenter_;
    RefreshGate gate_;
    int hovered_ = -1, focused_ = 0;
};

}  // namespace pitwall::panels
