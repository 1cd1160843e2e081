// SPDX-License-Identifier: GPL-3.0-or-later
//
// Where things are in the window, how they look, and that it stays so.
#include <QLineEdit>
#include <QMenuBar>
#include <QSettings>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include "app/window/help_text.h"
#include "app/window/main_window.h"
#include "app/window/screenshots.h"
#include "tests/app/window/opened_window.h"

using namespace pitwall;
using namespace pitwall::app;
using pitwall::testing::fake_source;
using pitwall::testing::Opened;

class LayoutTest : public QObject {
    Q_OBJECT
  private slots:
    void docks_share_the_window_without_overlap_data() {
        QTest::addColumn<QSize>("size");
        QTest::addColumn<double>("scale");
        QTest::newRow("small") << QSize(1280, 800) << 1.0;
        QTest::newRow("middle") << QSize(1600, 1000) << 1.0;
        QTest::newRow("large") << QSize(2560, 1440) << 1.0;
        QTest::newRow("teaching") << QSize(1920, 1080) << 1.35;
    }
    void docks_share_the_window_without_overlap() {
        QFETCH(QSize, size);
        QFETCH(double, scale);
        panels::Theme theme;
        theme.set_scale(scale);
        MainWindow window(&theme, nullptr);
        window.resize(size);
        window.show();
        QTest::qWait(100);
        QCOMPARE(window.size(), size);
        std::vector<std::pair<QString, QRect>> places;
        const auto note = [&](QWidget& widget, const QString& name) {
            places.emplace_back(name, QRect(widget.mapTo(&window, QPoint(0, 0)), widget.size()));
        };
        note(window.toolbar(), QStringLiteral("toolbar"));
        note(window.figures(), QStringLiteral("figures"));
        note(window.transport(), QStringLiteral("transport"));
        note(window.status(), QStringLiteral("status"));
        for (PanelDock* dock : window.docks().docks())
            if (in_sight(*dock)) note(*dock, dock->panel()->id());
        QVERIFY(places.size() >= 4 + 7);
        for (size_t a = 0; a < places.size(); ++a) {
            QVERIFY2(QRect(QPoint(0, 0), size).contains(places[a].second), qPrintable(places[a].first));
            for (size_t b = a + 1; b < places.size(); ++b)
                QVERIFY2(!places[a].second.intersects(places[b].second),
                         qPrintable(places[a].first + QStringLiteral(" over ") + places[b].first));
        }
    }
    void tabs_share_a_place_and_join_no_other_data() { docks_share_the_window_without_overlap_data(); }
    void tabs_share_a_place_and_join_no_other() {
        QFETCH(QSize, size);
        panels::Theme theme;
        MainWindow window(&theme, nullptr);
        window.resize(size);
        window.show();
        QTest::qWait(100);
        const auto dock = [&](const char* id) { return window.docks().dock(QLatin1String(id)); };
        for (const char* id : {"batch", "kv_block_map", "requests"}) QVERIFY2(in_sight(*dock(id)), id);
        QVERIFY(!in_sight(*dock("memory")));
        const QList<QDockWidget*> behind = window.docks().tabifiedDockWidgets(dock("kv_block_map"));
        QCOMPARE(behind, (QList<QDockWidget*>{dock("memory"), dock("kv_precision"), dock("speculation"),
                                              dock("device")}));
        window.docks().focus_panel(QStringLiteral("memory"));
        QVERIFY(in_sight(*dock("memory")));
    }
    void the_middle_layout_is_that_of_the_design() {
        panels::Theme theme;
        MainWindow window(&theme, nullptr);
        window.resize(1600, 1000);
        window.show();
        QTest::qWait(100);
        const auto width_of = [&](const char* id) { return window.docks().dock(QLatin1String(id))->width(); };
        QVERIFY2(std::abs(width_of("knobs") - 264) <= 4, qPrintable(QString::number(width_of("knobs"))));
        QVERIFY2(std::abs(width_of("batch") - 920) <= 8, qPrintable(QString::number(width_of("batch"))));
        QVERIFY2(std::abs(width_of("latency") - 400) <= 4, qPrintable(QString::number(width_of("latency"))));
        QCOMPARE(window.toolbar().height(), 40);
        QCOMPARE(window.figures().height(), 64);
        QCOMPARE(window.transport().height(), 56);
        QCOMPARE(window.status().height(), 24);
    }

    void a_title_without_the_room_says_it_in_fewer_words() {
        Opened opened;
        PanelDock* dock = opened.window.docks().dock(QStringLiteral("requests"));
        auto* filter = dock->findChild<QLineEdit*>();
        opened.window.resize(1600, 1000);
        QTRY_COMPARE(dock->title_bar()->shown_scope(), QStringLiteral("0 running, 0 waiting, 0 finished"));
        const int wide_filter = filter->width();
        opened.window.resize(1100, 700);
        QTRY_COMPARE(dock->title_bar()->shown_scope(), QStringLiteral("0 running, 0 waiting"));
        QTRY_VERIFY(filter->width() < wide_filter);  // nobody uses it
        QTest::keyClicks(filter, QStringLiteral("cat"));
        QTRY_COMPARE(filter->width(), wide_filter);
        QTRY_COMPARE(dock->title_bar()->shown_scope(), QStringLiteral("0 match"));
        QTest::keyClick(filter, Qt::Key_Escape);
        QTRY_VERIFY(filter->width() < wide_filter);
    }
    void the_chip_stays_when_the_theme_changes() {
        Opened opened;
        QTest::qWait(150);
        const QRect before = opened.window.toolbar().chip_rect();
        QVERIFY2(before.width() > 300, qPrintable(QString::number(before.width())));
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(opened.window.toolbar().chip_rect(), before);
        QTest::qWait(150);
        QCOMPARE(opened.window.toolbar().chip_rect(), before);
        QVERIFY(opened.window.toolbar().menus()->width() <=
                opened.window.toolbar().menus()->sizeHint().width());
    }
    void scale_and_theme_from_the_keyboard() {
        Opened opened;
        QTest::keyClick(&opened.window, Qt::Key_Plus, Qt::ControlModifier);
        QCOMPARE(qRound(opened.theme.scale() * 10), 11);
        QTest::keyClick(&opened.window, Qt::Key_Minus, Qt::ControlModifier);
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(opened.theme.mode(), panels::Theme::Mode::kLight);
        QTest::qWait(50);
        const QImage image = opened.window.grab().toImage();
        QCOMPARE(image.pixelColor(1, 100), opened.theme.color("bg.window"));
    }
    void a_layout_of_ones_own_is_kept() {
        Opened opened;
        DockArea& area = opened.window.docks();
        const auto resized = [&](QSize size) {
            opened.window.resize(size);
            QTest::qWait(150);
        };
        area.dock(QStringLiteral("latency"))->close();
        resized({1300, 820});
        QVERIFY(!area.dock(QStringLiteral("latency"))->isVisible());
        opened.window.open(fake_source(&opened.outside, true));  // other panels, in the same places
        QVERIFY(QTest::qWaitFor([&] { return opened.window.session() != nullptr; }));
        QVERIFY(!opened.window.docks().dock(QStringLiteral("latency"))->isVisible());
        QVERIFY(opened.window.docks().dock(QStringLiteral("batch"))->isVisible());
    }
    void the_tab_in_front_stays_there() {
        Opened opened;
        PanelDock* behind = opened.window.docks().dock(QStringLiteral("throughput"));
        QVERIFY(!in_sight(*behind));
        behind->raise();
        QVERIFY(in_sight(*behind));
        QTest::keyClick(&opened.window, Qt::Key_T, Qt::ControlModifier);
        opened.window.resize(1300, 820);
        QTest::qWait(200);
        QVERIFY(in_sight(*behind));
        opened.window.reset_layout();
        QVERIFY(!in_sight(*behind));
    }
    void a_separator_moved_by_hand_stays() {
        Opened opened;
        DockArea& area = opened.window.docks();
        PanelDock* knobs = area.dock(QStringLiteral("knobs"));
        const QPoint at(knobs->geometry().right() + 2, knobs->geometry().center().y());
        QVERIFY(area.isSeparator(at));
        const int before = knobs->width();
        QTest::mousePress(&area, Qt::LeftButton, {}, at);
        QTest::mouseMove(&area, at + QPoint(40, 0));
        QTest::qWait(30);  // Qt moves it with a timer
        QTest::mouseRelease(&area, Qt::LeftButton, {}, at + QPoint(40, 0));
        QTest::qWait(50);
        const int wider = knobs->width();
        QVERIFY2(wider > before + 20, qPrintable(QString::number(wider)));
        opened.window.resize(1290, 810);
        QTest::qWait(150);
        QVERIFY2(std::abs(knobs->width() - wider) < 15, qPrintable(QString::number(knobs->width())));
    }
    void what_one_arranged_is_remembered() {
        const QTemporaryDir folder;
        const QString path = folder.filePath(QStringLiteral("pitwall.ini"));
        {
            QSettings settings(path, QSettings::IniFormat);
            panels::Theme theme;
            MainWindow window(&theme, &settings);
            window.resize(1500, 900);
            window.show();
            QTest::qWait(100);
            theme.set_mode(panels::Theme::Mode::kLight);
            theme.set_scale(1.2);
            window.range().set_mode(panels::RangeModel::Mode::kSession);
            window.docks().docks()[1]->setFloating(true);
            QTest::qWait(50);
            window.close();
        }
        QSettings settings(path, QSettings::IniFormat);
        panels::Theme theme;
        MainWindow window(&theme, &settings);
        window.show();
        QTest::qWait(100);
        QCOMPARE(theme.mode(), panels::Theme::Mode::kLight);
        QCOMPARE(theme.scale(), 1.2);
        QCOMPARE(window.range().mode(), panels::RangeModel::Mode::kSession);
        QVERIFY(window.docks().docks()[1]->isFloating());
        window.reset_layout();
        QTest::qWait(50);
        QVERIFY(!window.docks().docks()[1]->isFloating());
    }
    void what_draws_follows_the_wish_and_the_machine() {
        using panels::ImGuiDrawer;
        const panels::OpenGlProbe card{true, true, QStringLiteral("Radeon"), {}},
            software{true, false, QStringLiteral("llvmpipe"), {}},
            none{false, false, {}, QStringLiteral("no context")};
        const auto drawer = [](const char* wish, const panels::OpenGlProbe& probe) {
            return choose_drawing(wish, probe).drawer;
        };
        QCOMPARE(drawer("auto", card), ImGuiDrawer::kOpenGl);
        QCOMPARE(drawer("auto", software), ImGuiDrawer::kImage);
        QCOMPARE(drawer("auto", none), ImGuiDrawer::kImage);
        QCOMPARE(drawer("on", software), ImGuiDrawer::kOpenGl);
        QCOMPARE(drawer("on", none), ImGuiDrawer::kImage);
        QCOMPARE(drawer("off", card), ImGuiDrawer::kImage);
        QVERIFY(choose_drawing("on", none).complaint.contains(none.problem));  // said where one asked for it,
        for (const auto& [wish, probe] : {std::pair{"auto", none}, {"auto", software}, {"on", software}})
            QVERIFY(choose_drawing(wish, probe).complaint.isEmpty());  // and only there
        QVERIFY(about_html(choose_drawing("auto", card).about).contains(card.renderer));
        QVERIFY(about_html(choose_drawing("auto", software).about).contains(software.renderer));
        QVERIFY(about_html(choose_drawing("auto", none).about).contains(none.problem));
    }
    void pictures_of_the_window_and_of_every_panel() {
        Opened opened;
        const QTemporaryDir folder;
        const QString target = folder.filePath(QStringLiteral("new/pictures"));
        QVERIFY(prepare_screenshots(opened.window, target, false).ok());
        QVERIFY(take_screenshots(opened.window, target).ok());
        QCOMPARE(QImage(target + QStringLiteral("/window.png")).size(), QSize(1280, 800));
        for (PanelDock* dock : opened.window.docks().docks()) {
            const QImage image(target + u'/' + dock->panel()->id() + QStringLiteral(".png"));
            QVERIFY2(!image.isNull(), qPrintable(dock->panel()->id()));
            QSet<QRgb> colours;
            for (int y = 0; y < image.height(); ++y)
                for (int x = 0; x < image.width(); ++x) colours.insert(image.pixel(x, y));
            QVERIFY2(colours.size() >= 4, qPrintable(dock->panel()->id()));
        }
        QVERIFY(!prepare_screenshots(opened.window, target, false).ok());  // would replace them
        QVERIFY(prepare_screenshots(opened.window, target, true).ok());
        QVERIFY(!prepare_screenshots(opened.window, QStringLiteral("/proc/nowhere"), true).ok());
    }
};

QTEST_MAIN(LayoutTest)
#include "tst_layout.moc"
