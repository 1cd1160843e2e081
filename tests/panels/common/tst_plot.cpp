// SPDX-License-Identifier: GPL-3.0-or-later
#include <qcustomplot.h>

#include <QTest>
#include <cmath>
#include <random>

#include "panels/common/plot.h"

using namespace pitwall;
using namespace pitwall::panels;

class PlotTest : public QObject {
    Q_OBJECT
  private slots:
    void steps_are_round_and_few() {
        QCOMPARE(nice_step(256, 4), 100.0);
        QCOMPARE(nice_step(100, 2), 50.0);
        QCOMPARE(nice_step(0, 4), 1.0);
        for (double top = 0.001; top < 1e9; top *= 1.7)
            QVERIFY(std::ceil(top / nice_step(top, 4) - 1e-9) <= 4);
    }
    /// In order, inside the room, no two on top of each other, wherever the anchors are.
    void labels_never_overlap() {
        std::mt19937 random(7);
        for (int round = 0; round < 2000; ++round) {
            std::vector<LabelSlot> labels(1 + random() % 4);
            for (LabelSlot& label : labels)
                label = {double(random() % 420) - 10, 40 + double(random() % 50), 0};
            spread_labels(labels, 0, 400);
            double last = 0;
            for (const LabelSlot& label : labels) {
                QVERIFY(label.centre - label.width / 2 >= last - 1e-9);
                last = label.centre + label.width / 2;
            }
            QVERIFY(last <= 400 + 1e-9);
        }
    }
    void labels_with_room_stay_at_their_lines() {
        std::vector<LabelSlot> labels{{300, 40, 0}, {100, 40, 0}};
        spread_labels(labels, 0, 400);
        QCOMPARE(labels[0].centre, 100.0);
        QCOMPARE(labels[1].centre, 300.0);
    }
    void a_plot_follows_the_theme() {
        Theme theme;
        QWidget parent;
        QCustomPlot* plot = make_plot(&theme, &parent);
        QVERIFY(!plot->plottingHints().testFlag(QCP::phImmediateRefresh));
        QCOMPARE(plot->xAxis->tickLabelColor(), theme.color("text.secondary"));
        theme.set_mode(Theme::Mode::kLight);
        QCOMPARE(plot->xAxis->tickLabelColor(), theme.color("text.secondary"));
        plot->resize(50, 50);
        QCOMPARE(plot->toPixmap(50, 50).toImage().pixelColor(1, 1), theme.color("bg.panel"));
    }
    void value_axis_ends_at_its_top_with_the_unit() {
        Theme theme;
        QWidget parent;
        QCustomPlot* plot = make_plot(&theme, &parent);
        plot->resize(300, 200);
        set_value_axis(*plot->yAxis, 200, QStringLiteral("tok"));
        plot->replot();
        QCOMPARE(plot->yAxis->range().upper, 200.0);
        QCOMPARE(plot->yAxis->tickVectorLabels().constLast(), QStringLiteral("200 tok"));
        QVERIFY(plot->yAxis->tickVectorLabels().size() <= 3);
        set_value_axis(*plot->yAxis, 4000, QStringLiteral("tok/s"));
        plot->replot();
        QCOMPARE(plot->yAxis->tickVectorLabels().constLast(), QStringLiteral("4,000 tok/s"));
    }
    void now_axis_counts_back_from_the_right() {
        Theme theme;
        QWidget parent;
        QCustomPlot* plot = make_plot(&theme, &parent);
        plot->resize(400, 200);
        set_now_axis(*plot->xAxis, {80'000'000'000, 200'000'000'000});
        plot->replot();
        const QVector<QString> labels = plot->xAxis->tickVectorLabels();
        QCOMPARE(labels.constLast(), QStringLiteral("now"));
        QCOMPARE(labels.constFirst(), QStringLiteral("\u2212120 s"));
        QCOMPARE(labels.size(), 5);
    }
    void the_overlay_draws_what_it_is_told() {
        Theme theme;
        QWidget parent;
        QCustomPlot* plot = make_plot(&theme, &parent);
        plot->resize(400, 200);
        plot->xAxis->setRange(0, 100);
        PlotOverlay* overlay = PlotOverlay::over(plot->axisRect(), &theme);
        plot->replot();
        const QImage before = plot->toPixmap(400, 200).toImage();
        overlay->set_changes({{40, 0, 1}});
        overlay->set_percentiles({{20, QStringLiteral("p50 20.0 ms"), false}});
        overlay->set_slo({80, QStringLiteral("SLO 80 ms"), QStringLiteral("6.7 % missed")});
        plot->replot();
        const QImage after = plot->toPixmap(400, 200).toImage();
        QVERIFY(before != after);
        const auto column_has = [&](double key, const QColor& color) {
            const int x = int(std::floor(plot->xAxis->coordToPixel(key)));
            for (int y = 0; y < after.height(); ++y)  // a line of 1 px lies on either side of the coordinate
                for (int dx = -1; dx <= 1; ++dx)
                    if (after.pixelColor(x + dx, y) == color) return true;
            return false;
        };
        QVERIFY(column_has(40, theme.color("signal.accent")));
        QVERIFY(column_has(20, theme.color("text.primary")));
        QVERIFY(column_has(80, theme.color("signal.bad")));
        QCOMPARE(overlay->change_at({plot->xAxis->coordToPixel(40) + 3, 50}), 1u);
        QCOMPARE(overlay->change_at({plot->xAxis->coordToPixel(60), 50}), 0u);
        QVERIFY(overlay->slo_at(QPointF(plot->xAxis->coordToPixel(80), plot->axisRect()->center().y())));
    }
};

QTEST_MAIN(PlotTest)
#include "tst_plot.moc"
