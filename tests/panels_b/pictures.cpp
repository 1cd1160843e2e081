// SPDX-License-Identifier: GPL-3.0-or-later
//
// Draws each panel over one session in both themes and the sizes that the window gives it, keeps the pictures beside
// the test to be looked at, and checks what can be checked of a picture.
#include <gtest/gtest.h>

#include <QDir>
#include <QImage>
#include <QPainter>
#include <QTest>

#include "panels/changes/changes_panel.h"
#include "panels/knobs/knobs_panel.h"
#include "panels/latency/latency_panel.h"
#include "panels/prefix_cache/prefix_cache_panel.h"
#include "panels/throughput/throughput_panel.h"
#include "panels/workload/workload_panel.h"
#include "tests/panels_a/scene.h"
#include "tests/panels_b/desk.h"

namespace pitwall::testing {
namespace {

using namespace panels;
using presets::KnobId;

/// A panel under its title, as the window frames it.
class Frame : public QWidget {
  public:
    Frame(Panel* panel, Theme* theme) : panel_(panel), theme_(theme) {
        panel->setParent(this);
        if (QWidget* control = panel->title_control()) control->setParent(this);
    }

  protected:
    void resizeEvent(QResizeEvent*) override {
        const int title = theme_->px("title_bar");
        panel_->setGeometry(0, title, width(), height() - title);
        if (QWidget* control = panel_->title_control()) {
            const QSize size = control->sizeHint();
            control->setGeometry(width() - 8 - size.width(), (title - size.height()) / 2, size.width(),
                                 size.height());
        }
    }
    void paintEvent(QPaintEvent*) override {
        QPainter painter(this);
        painter.fillRect(rect(), theme_->color("bg.panel"));
        painter.setFont(theme_->words("title", 600));
        painter.setPen(theme_->color("text.primary"));
        painter.drawText(QPointF(12, 18.5), panel_->title());
        const double x = 20 + QFontMetricsF(painter.font()).horizontalAdvance(panel_->title());
        const double right = panel_->title_control() ? panel_->title_control()->x() - 8 : width() - 12;
        painter.setFont(theme_->words("small"));
        painter.setPen(theme_->color("text.secondary"));
        painter.drawText(
            QPointF(x, 18.5),
            QFontMetricsF(painter.font()).elidedText(panel_->scope(), Qt::ElideRight, right - x));
    }

  private:
    Panel* panel_;
    Theme* theme_;
};

const char* word(Theme::Mode mode) { return mode == Theme::Mode::kDark ? "dark" : "light"; }

bool holds(const QImage& image, QColor colour) {
    for (int y = 0; y < image.height(); ++y)
        for (int x = 0; x < image.width(); ++x)
            if (image.pixelColor(x, y).rgb() == colour.rgb()) return true;
    return false;
}

/// 200 s of the workload with three changes; made once for both themes where they share a process.
const std::vector<telemetry::Event>& session_events() {
    static const std::vector<telemetry::Event> events = [] {
        Scene scene({.seed = 18, .budget = 256, .max_seqs = 24, .arrivals_per_s = 4.2, .change_at_s = 118});
        return scene.run(200);
    }();
    return events;
}

class PanelPictures : public ::testing::TestWithParam<Theme::Mode> {
  protected:
    PanelPictures() : desk_(GetParam()) {
        desk_.told.start(KnobId::kMaxNumSeqs, 24);
        tell_until(164'000);
        desk_.told.knob(164'000, KnobId::kLongPrefillTokenThreshold, 0, 64);
        tell_until(194'600);
        desk_.told.knob(194'600, KnobId::kNumKvBlocks, 2048, 3072);
        tell_until(1'000'000);
        for (const auto& [id, row] : desk_.told.store.requests())
            if (row.state == telemetry::RequestState::kDecode && row.output_tokens > 20)
                desk_.selection.select_request(id);
    }
    void tell_until(int64_t t_ms) {
        const std::vector<telemetry::Event>& events = session_events();
        size_t end = told_;
        while (end < events.size() && events[end].t_ns < t_ms * kMs) ++end;
        desk_.told.store.apply(std::span(events).subspan(told_, end - told_));
        told_ = end;
    }
    template <class P>
    QImage picture(QSize size, const char* what = "", const std::function<void(P&)>& prepare = {}) {
        auto* panel = new P(desk_.context());
        Frame frame(panel, &desk_.theme);
        frame.resize(size);
        frame.show();
        panel->refresh();
        if (prepare) prepare(*panel);
        QTest::qWait(30);
        const QImage image = frame.grab().toImage().convertToFormat(QImage::Format_RGB32);
        QDir().mkpath(QStringLiteral("pictures_b"));
        EXPECT_TRUE(image.save(QStringLiteral("pictures_b/%1%2-%3-%4x%5.png")
                                   .arg(panel->id(), QLatin1String(what), QLatin1String(word(GetParam())))
                                   .arg(size.width())
                                   .arg(size.height())));
        return image;
    }
    QColor colour(const char* token) const { return desk_.theme.color(token); }
    void latency();
    void prefix_cache();
    void throughput();
    void hover_over_a_change();
    void knobs();
    void changes();
    void workload();
    void empty();

    Desk desk_;
    size_t told_ = 0;
};

void PanelPictures::latency() {
    for (const QSize size : {QSize(400, 336), QSize(344, 300), QSize(480, 400), QSize(400, 222),
                             QSize(344, 150), QSize(344, 110)}) {
        const QImage image = picture<LatencyPanel>(size);
        if (size.height() > 200) {
            EXPECT_TRUE(holds(image, colour("work.prefill")));
        }
        if (size.height() > 300) {
            EXPECT_TRUE(holds(image, colour("work.decode")));
        }
    }
}

void PanelPictures::prefix_cache() {
    for (const QSize size : {QSize(400, 222), QSize(344, 300), QSize(480, 300), QSize(400, 140)})
        EXPECT_TRUE(holds(picture<PrefixCachePanel>(size), colour("work.cached")));
}

void PanelPictures::throughput() {
    for (const QSize size : {QSize(400, 234), QSize(344, 300), QSize(480, 300), QSize(400, 140)})
        EXPECT_TRUE(holds(picture<ThroughputPanel>(size), colour("work.decode")));
    picture<ThroughputPanel>({400, 234}, "-requests", [](ThroughputPanel& panel) {
        static_cast<SegmentedControl*>(panel.title_control())->set_current(1);
    });
}

void PanelPictures::hover_over_a_change() {
    picture<ThroughputPanel>({400, 234}, "-hover", [](ThroughputPanel& panel) {
        const int x = int(panel.chart().pixel_of(0, 164.0));
        QTest::mouseMove(panel.chart().findChild<QWidget*>(), {x, 60});
        QTest::qWait(300);
    });
    picture<PrefixCachePanel>({400, 222}, "-hover", [](PrefixCachePanel& panel) {
        QTest::mouseMove(panel.chart().findChild<QWidget*>(), {200, 60});
        QTest::qWait(300);
    });
}

void PanelPictures::knobs() {
    for (const QSize size : {QSize(264, 418), QSize(240, 400), QSize(320, 700)})
        EXPECT_TRUE(holds(picture<KnobsPanel>(size), colour("signal.accent")));
    desk_.control.next = {
        telemetry::Verdict::kRefused,
        "num_kv_blocks=9999 is above what kv_cache_memory_bytes holds: give 1 to 4,096 blocks", 0,
        kNoRequest};
    picture<KnobsPanel>({264, 418}, "-refused", [](KnobsPanel& panel) {
        emit panel.row(KnobId::kMaxNumBatchedTokens)->entered(QStringLiteral("512"));
        panel.row(KnobId::kMaxNumSeqs)->setFocus(Qt::TabFocusReason);
        panel.refresh();
    });
}

void PanelPictures::changes() {
    for (const QSize size : {QSize(264, 146), QSize(264, 300), QSize(400, 222)})
        EXPECT_TRUE(holds(picture<ChangesPanel>(size), colour("signal.accent_fill")));
}

void PanelPictures::workload() {
    for (const QSize size : {QSize(264, 228), QSize(240, 300), QSize(320, 300)}) picture<WorkloadPanel>(size);
}

void PanelPictures::empty() {
    Desk fresh(GetParam());
    for (Panel* panel : std::initializer_list<Panel*>{
             new LatencyPanel(fresh.context()), new PrefixCachePanel(fresh.context()),
             new ThroughputPanel(fresh.context()), new ChangesPanel(fresh.context()),
             new WorkloadPanel(fresh.context())}) {
        Frame frame(panel, &fresh.theme);
        frame.resize(400, 222);
        frame.show();
        panel->refresh();
        QTest::qWait(20);
        EXPECT_TRUE(frame.grab().toImage().save(
            QStringLiteral("pictures_b/empty-%1-%2.png").arg(panel->id(), QLatin1String(word(GetParam())))));
    }
}

/// One case a theme: ctest gives each case a process of its own, and each would make the session again.
TEST_P(PanelPictures, AreDrawn) {
    latency();
    prefix_cache();
    throughput();
    hover_over_a_change();
    knobs();
    changes();
    workload();
    empty();
}

INSTANTIATE_TEST_SUITE_P(Themes, PanelPictures, ::testing::Values(Theme::Mode::kDark, Theme::Mode::kLight),
                         [](const auto& parameters) { return std::string(word(parameters.param)); });

}  // namespace
}  // namespace pitwall::testing
