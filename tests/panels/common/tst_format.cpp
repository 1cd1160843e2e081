// SPDX-License-Identifier: GPL-3.0-or-later
#include <QTest>
#include <cmath>
#include <limits>

#include "panels/common/format.h"
#include "panels/common/paint.h"
#include "panels/common/time_axis.h"

using namespace pitwall;
using namespace pitwall::panels;

class FormatTest : public QObject {
    Q_OBJECT
  private slots:
    void durations_have_three_figures_data() {
        QTest::addColumn<double>("ns");
        QTest::addColumn<QString>("text");
        QTest::newRow("nothing") << 0.0 << QStringLiteral("0 ms");
        QTest::newRow("small") << 8'400.0 << QStringLiteral("8.40 \u00b5s");
        QTest::newRow("microseconds") << 840e3 << QStringLiteral("840 \u00b5s");
        QTest::newRow("just under the switch") << 999.4e3 << QStringLiteral("999 \u00b5s");
        QTest::newRow("rounds up to the next unit") << 999.6e3 << QStringLiteral("1.00 ms");
        QTest::newRow("two decimals") << 1.84e6 << QStringLiteral("1.84 ms");
        QTest::newRow("one decimal") << 27.5e6 << QStringLiteral("27.5 ms");
        QTest::newRow("none") << 487e6 << QStringLiteral("487 ms");
        QTest::newRow("9.996 is 10.0") << 9.996e6 << QStringLiteral("10.0 ms");
        QTest::newRow("seconds") << 1.32e9 << QStringLiteral("1.32 s");
        QTest::newRow("up to two minutes") << 119e9 << QStringLiteral("119 s");
        QTest::newRow("minutes") << 134e9 << QStringLiteral("2 m 14 s");
        QTest::newRow("hours") << 3725e9 << QStringLiteral("1 h 2 m");
        QTest::newRow("not known") << -1.0 << QStringLiteral("\u2013");
        QTest::newRow("no samples") << std::numeric_limits<double>::quiet_NaN() << QStringLiteral("\u2013");
    }
    void durations_have_three_figures() {
        QFETCH(double, ns);
        QFETCH(QString, text);
        QCOMPARE(format_duration(ns).text(), text);
    }

    void counts_have_commas_and_a_true_minus() {
        QCOMPARE(format_count(0), QStringLiteral("0"));
        QCOMPARE(format_count(999), QStringLiteral("999"));
        QCOMPARE(format_count(19'217), QStringLiteral("19,217"));
        QCOMPARE(format_count(1'234'567), QStringLiteral("1,234,567"));
        QCOMPARE(format_count(-1'234), QStringLiteral("\u22121,234"));
        QCOMPARE(format_count(-123), QStringLiteral("\u2212123"));
        QCOMPARE(format_count(std::numeric_limits<int64_t>::min()),
                 QStringLiteral("\u22129,223,372,036,854,775,808"));
    }
    void large_counts_are_shortened() {
        QCOMPARE(format_count_short(99'999), QStringLiteral("99,999"));
        QCOMPARE(format_count_short(124'400), QStringLiteral("124 k"));
        QCOMPARE(format_count_short(999'499), QStringLiteral("999 k"));
        QCOMPARE(format_count_short(999'500), QStringLiteral("1.00 M"));
        QCOMPARE(format_count_short(1'240'000), QStringLiteral("1.24 M"));
    }
    void shares() {
        QCOMPARE(format_share(0.5784), QStringLiteral("57.8 %"));
        QCOMPARE(format_share(0.5784, 0), QStringLiteral("58 %"));
        QCOMPARE(format_share(std::nan("")), kNoValue);
    }
    void rates_and_sizes() {
        QCOMPARE(format_rate(535, QStringLiteral("tok/s")).text(), QStringLiteral("535 tok/s"));
        QCOMPARE(format_rate(12'400, QStringLiteral("tok/s")).text(), QStringLiteral("12.4 k tok/s"));
        QCOMPARE(format_rate(3.65, QStringLiteral("req/s")).text(), QStringLiteral("3.65 req/s"));
        QCOMPARE(format_rate(1'424, QStringLiteral("tok/s")).text(), QStringLiteral("1,424 tok/s"));
        QCOMPARE(format_memory(557.0 * 1024 * 1024).text(), QStringLiteral("557 MiB"));
        QCOMPARE(format_memory(512).text(), QStringLiteral("512 B"));
        QCOMPARE(format_memory(2048.0 * 1024 * 1024 * 1024).text(), QStringLiteral("2.00 TiB"));
        QCOMPARE(format_file_size(18.3e6).text(), QStringLiteral("18.3 MB"));
        QCOMPARE(format_request(778), QStringLiteral("R-0778"));
    }
    void clock() {
        QCOMPARE(format_clock(200'000'000'000), QStringLiteral("3:20.0"));
        QCOMPARE(format_clock(3'723'450'000'000), QStringLiteral("1:02:03.4"));
        QCOMPARE(format_clock(-5), QStringLiteral("0:00.0"));
    }
    /// Whatever the value: never scientific notation, never a second sign, never wider than its column.
    void storm() {
        uint64_t state = 12345;
        for (int i = 0; i < 20'000; ++i) {
            state = state * 6364136223846793005ull + 1442695040888963407ull;
            const double value =
                std::ldexp(double(state >> 11) / double(1ull << 53) - 0.5, int(state % 80) - 20);
            const QString text = format_three(value);
            QVERIFY2(!text.contains(u'e') && !text.contains(u'-'), qPrintable(text));
            QVERIFY(text.count(u'\u2212') == (value < 0 && text != u"0.00" ? 1 : 0));
            const QString duration = format_duration(std::abs(value)).text();
            QVERIFY2(duration.size() <= 40, qPrintable(duration));
        }
    }

    void time_and_pixels_are_inverse() {
        const TimeAxis axis{{1'000, 101'000}, 50, 200};
        QCOMPARE(time_to_x(axis, 1'000), 50.0);
        QCOMPARE(time_to_x(axis, 101'000), 250.0);
        for (double x = 50; x <= 250; x += 0.5)
            QVERIFY(std::abs(time_to_x(axis, x_to_time(axis, x)) - x) < 0.01);
        QCOMPARE(x_to_time(axis, -1e9), int64_t{1'000});
        QCOMPARE(x_to_time(axis, 1e9), int64_t{101'000});
        const TimeAxis empty{{5, 5}, 50, 200};
        QCOMPARE(time_to_x(empty, 7), 50.0);
        QCOMPARE(x_to_time(empty, 100), int64_t{5});
    }
    void moving_a_range_keeps_its_length() {
        const auto moved = moved_within({10, 20}, 100, {0, 50});
        QCOMPARE(moved.begin_ns, int64_t{40});
        QCOMPARE(moved.end_ns, int64_t{50});
        const auto back = moved_within({10, 20}, -100, {0, 50});
        QCOMPARE(back.begin_ns, int64_t{0});
        const auto whole = moved_within({0, 500}, 3, {0, 50});
        QCOMPARE(whole.end_ns - whole.begin_ns, int64_t{50});
    }
    void time_steps_are_round() {
        QCOMPARE(nice_time_step(200'000'000'000, 7), int64_t{30'000'000'000});
        QVERIFY(400LL * 86'400'000'000'000 / nice_time_step(400LL * 86'400'000'000'000, 10) <= 10);
    }
    void cards_never_cover_what_they_explain() {
        const QRectF bounds(0, 0, 300, 200);
        for (int x = 0; x <= 290; x += 10)
            for (int y = 0; y <= 190; y += 10) {
                const QRectF thing(x, y, 8, 8), card = card_place(bounds, thing, {120, 50}, 4);
                QVERIFY2(!card.intersects(thing), qPrintable(QStringLiteral("%1,%2").arg(x).arg(y)));
                QVERIFY2(bounds.contains(card), qPrintable(QStringLiteral("%1,%2").arg(x).arg(y)));
            }
    }
};

QTEST_GUILESS_MAIN(FormatTest)
#include "tst_format.moc"
