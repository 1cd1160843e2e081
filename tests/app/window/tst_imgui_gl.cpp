// SPDX-License-Identifier: GPL-3.0-or-later
//
// The OpenGL surface of ImGui panels, beside the image one. Needs an X server: `xvfb-run -a`, with software OpenGL.
#include <imgui.h>

#include <QApplication>
#include <QDockWidget>
#include <QMainWindow>
#include <QOpenGLContext>
#include <QOpenGLWidget>
#include <QPainter>
#include <QPointer>
#include <QScreen>
#include <QSignalSpy>
#include <QTest>
#include <QWheelEvent>
#include <QWindow>

#include "app/window/main_window.h"
#include "panels/common/imgui_host.h"
#include "tests/app/window/fake_session.h"

using namespace pitwall;
using namespace pitwall::panels;

namespace {

constexpr uint32_t kRed = IM_COL32(255, 0, 0, 255), kHalfWhite = IM_COL32(255, 255, 255, 128);
constexpr QRgb kGreen = 0xff00ff00u;

/// Whatever views draw: rectangles, a see-through one, a texture, a clipped one, a circle, many vertices, text above.
class Scene : public ImGuiHost {
  public:
    Scene(Theme* theme, ImGuiDrawer drawer, QWidget* parent = nullptr) : ImGuiHost(theme, drawer, parent) {
        texture.resize(2, 2);
        fill_texture(0xffff0000u);
        setMinimumSize(300, 200);
    }
    void fill_texture(QRgb first) {
        const uint32_t texels[] = {first, 0xff00ff00, 0x800000ff, 0xffffffff};
        std::copy(std::begin(texels), std::end(texels), texture.texels());
    }
    ImGuiTexture texture, empty;
    int clicks = 0;
    double wheel = 0;
    bool dense = false;

  protected:
    void draw_imgui() override {
        ImDrawList* list = ImGui::GetWindowDrawList();
        list->AddRectFilled({10, 10}, {20, 20}, kRed);
        list->AddRectFilled({10, 30}, {20, 40}, kHalfWhite);
        list->AddImage(texture.id(), {30, 10}, {70, 50});
        list->AddImage(empty.id(), {30, 60}, {70, 80});
        list->PushClipRect({80, 10}, {90, 60});
        list->AddRectFilled({70, 20}, {100, 30}, kHalfWhite);
        list->PopClipRect();
        list->AddCircleFilled({130, 30}, 20, kRed, 24);
        list->AddText({160, 60}, kRed, "ImGui");
        if (dense)
            for (int i = 0; i < 20'000; ++i)  // more vertices than a 16-bit index reaches
                list->AddRectFilled({float(i % 200), 100.f + float(i / 200)},
                                    {float(i % 200) + 1, 101.f + float(i / 200)},
                                    IM_COL32(i % 251, i / 97, 9, 255));
        ImGui::SetCursorPos({160, 10});
        if (ImGui::InvisibleButton("click", {40, 40})) ++clicks;
        wheel += double(ImGui::GetIO().MouseWheel);
    }
    QColor background() const override { return {10, 20, 30}; }
    void paint_over(QPainter& painter) override {
        painter.fillRect(0, 90, 5, 5, Qt::yellow);
        painter.setPen(Qt::white);
        painter.drawText(20, 90, QStringLiteral("Words over it"));
        painter.setRenderHint(QPainter::Antialiasing);
        painter.drawEllipse(220, 10, 40, 40);
    }
};

bool draws_on_gl(const QWidget& host) { return host.findChild<QOpenGLWidget*>() != nullptr; }

/// Shows it and waits until a frame was drawn.
bool bring_up(QWidget& window, const ImGuiHost& host) {
    window.show();
    return QTest::qWaitForWindowExposed(&window) && QTest::qWaitFor([&] { return host.frames() > 0; });
}

/// Pixels that differ by more than `step` of 255 in any colour.
int differences(const QImage& a, const QImage& b, int step) {
    int count = 0;
    for (int y = 0; y < a.height(); ++y)
        for (int x = 0; x < a.width(); ++x) {
            const QColor p = a.pixelColor(x, y), q = b.pixelColor(x, y);
            const int most = std::max({std::abs(p.red() - q.red()), std::abs(p.green() - q.green()),
                                       std::abs(p.blue() - q.blue())});
            count += most > step ? 1 : 0;
        }
    return count;
}

/// What the X server shows of a window, which is what was composed and not only what could be grabbed.
QImage on_screen(const QWidget& window) { return window.screen()->grabWindow(window.winId()).toImage(); }

void frame(ImGuiHost& host) {
    const uint64_t before = host.frames();
    host.update();
    if (!QTest::qWaitFor([&] { return host.frames() > before; })) qFatal("no frame came");
}

/// A dock beside something else, as in the program.
struct Docks {
    explicit Docks(Theme* theme) : scene(new Scene(theme, ImGuiDrawer::kOpenGl)) {
        window.setCentralWidget(new QWidget);
        dock = new QDockWidget(&window);
        dock->setWidget(scene);
        window.addDockWidget(Qt::RightDockWidgetArea, dock);
        window.resize(700, 400);
        if (!bring_up(window, *scene)) qFatal("the window did not come up");
    }
    bool turn(bool floating) {
        dock->setFloating(floating);
        return QTest::qWaitForWindowExposed(dock->window()) &&
               QTest::qWaitFor([&] { return scene->frames() > 0; });
    }
    QMainWindow window;
    QDockWidget* dock;
    Scene* scene;
};

}  // namespace

class ImGuiGlTest : public QObject {
    Q_OBJECT
  private slots:
    void initTestCase() {
        const OpenGlProbe probe = probe_opengl();
        QVERIFY2(probe.works, qPrintable(probe.problem));
        qInfo("drawn by %s, hardware %d", qPrintable(probe.renderer), probe.hardware);
    }

    void both_surfaces_draw_the_same() {
        Theme theme;
        Scene image(&theme, ImGuiDrawer::kImage), gl(&theme, ImGuiDrawer::kOpenGl);
        image.dense = gl.dense = true;
        QVERIFY(!draws_on_gl(image));
        QVERIFY(draws_on_gl(gl));
        for (Scene* scene : {&image, &gl}) {
            scene->resize(320, 240);
            QVERIFY(bring_up(*scene, *scene));
        }
        const QImage a = image.grab().toImage(), b = gl.grab().toImage();
        QCOMPARE(a.size(), b.size());
        QCOMPARE(b.pixelColor(15, 15), QColor(Qt::red));
        QCOMPARE(b.pixelColor(40, 20), QColor(Qt::red));
        QCOMPARE(b.pixelColor(60, 20), QColor(Qt::green));
        QCOMPARE(b.pixelColor(2, 92), QColor(Qt::yellow));
        QCOMPARE(b.pixelColor(300, 230), QColor(10, 20, 30));
        const int coarse = differences(a, b, 2);
        QVERIFY2(coarse <= 24, qPrintable(QString::number(coarse)));  // of the circle's edge
    }

    void the_screen_shows_what_grab_says() {
        Theme theme;
        Scene gl(&theme, ImGuiDrawer::kOpenGl);
        gl.resize(320, 240);
        QVERIFY(bring_up(gl, gl));
        const QImage grabbed = gl.grab().toImage();
        QTRY_COMPARE(differences(on_screen(gl), grabbed, 2), 0);
        gl.fill_texture(kGreen);
        gl.update();
        QTRY_COMPARE(on_screen(gl).pixelColor(40, 20), QColor(Qt::green));
        gl.resize(400, 300);
        QTRY_COMPARE(on_screen(gl).size(), QSize(400, 300));
        QTRY_COMPARE(differences(on_screen(gl), gl.grab().toImage(), 2), 0);
    }

    void one_update_is_one_frame() {
        Theme theme;
        Scene gl(&theme, ImGuiDrawer::kOpenGl);
        QVERIFY(bring_up(gl, gl));
        QTest::qWait(100);
        const uint64_t before = gl.frames();
        gl.grab();
        QCOMPARE(gl.frames(), before + 1);
        gl.update();
        QTest::qWait(100);
        QCOMPARE(gl.frames(), before + 2);
        QTest::qWait(100);
        QCOMPARE(gl.frames(), before + 2);  // and nothing draws by itself
    }

    void a_texture_is_uploaded_again_when_written_to() {
        Theme theme;
        Scene gl(&theme, ImGuiDrawer::kOpenGl);
        QVERIFY(bring_up(gl, gl));
        gl.fill_texture(kGreen);
        QCOMPARE(gl.grab().toImage().pixelColor(40, 20), QColor(Qt::green));
        gl.texture.resize(1, 1);
        *gl.texture.texels() = 0xff0000ffu;
        const QImage blue = gl.grab().toImage();
        QCOMPARE(blue.pixelColor(40, 20), QColor(Qt::blue));
        QCOMPARE(blue.pixelColor(60, 40), QColor(Qt::blue));
    }

    void clicks_and_wheel_arrive() {
        Theme theme;
        Scene gl(&theme, ImGuiDrawer::kOpenGl);
        QVERIFY(bring_up(gl, gl));
        QWindow* const window =
            gl.windowHandle();  // through Qt's own search for the widget under the pointer
        for (int i = 1; i <= 3; ++i) {
            QTest::mouseMove(window, QPoint(180, 30));
            frame(gl);
            QTest::mousePress(window, Qt::LeftButton, {}, QPoint(180, 30));
            QTest::mouseRelease(window, Qt::LeftButton, {}, QPoint(180, 30));
            frame(gl);
            frame(gl);
            QCOMPARE(gl.clicks, i);
        }
        QTest::mouseClick(window, Qt::LeftButton, {}, QPoint(120, 100));
        frame(gl);
        frame(gl);
        QCOMPARE(gl.clicks, 3);
        QWheelEvent turn({180, 30}, {180, 30}, {}, {0, 120}, Qt::NoButton, {}, Qt::NoScrollPhase, false);
        QCoreApplication::sendEvent(window, &turn);
        frame(gl);
        QCOMPARE(gl.wheel, 1.0);
    }

    void floats_and_docks() {
        Theme theme;
        Docks docks(&theme);
        const QImage before = docks.scene->grab().toImage();
        QPointer<QOpenGLContext> context = docks.scene->findChild<QOpenGLWidget*>()->context();
        for (int round = 0; round < 3; ++round)
            for (const bool floating : {true, false}) {
                docks.scene->fill_texture(floating ? kGreen : 0xffff0000u);
                QVERIFY(docks.turn(floating));
                const QImage now = docks.scene->grab().toImage();
                QCOMPARE(now.pixelColor(40, 20), floating ? QColor(Qt::green) : QColor(Qt::red));
                QCOMPARE(now.pixelColor(60, 20), QColor(Qt::green));
                QCOMPARE(now.pixelColor(15, 15), QColor(Qt::red));
                const QPoint at = docks.scene->mapTo(docks.scene->window(), QPoint(60, 20));
                QTRY_COMPARE(on_screen(*docks.scene->window()).pixelColor(at), QColor(Qt::green));
            }
        QVERIFY(context.isNull());  // a context was lost on the way, which is what this is about
        QCOMPARE(
            differences(docks.scene->grab().toImage().copy(0, 0, 280, 90), before.copy(0, 0, 280, 90), 2), 0);
    }

    void hides_and_shows() {
        Theme theme;
        Docks docks(&theme);
        for (int round = 0; round < 3; ++round) {
            docks.dock->hide();
            docks.scene->fill_texture(kGreen);
            docks.scene->update();
            QTest::qWait(20);
            docks.dock->show();
            QTest::qWait(20);
            QCOMPARE(docks.scene->grab().toImage().pixelColor(40, 20), QColor(Qt::green));
        }
    }

    void goes_in_any_order() {
        Theme theme;
        for (const bool floating : {false, true})
            for (int order = 0; order < 4; ++order) {
                auto docks = std::make_unique<Docks>(&theme);
                QVERIFY(docks->turn(floating));
                if (order == 1) delete docks->scene;
                if (order == 2) delete docks->dock;
                if (order == 3) docks->window.hide();
                QTest::qWait(5);
                docks.reset();
            }
        Scene never_shown(&theme, ImGuiDrawer::kOpenGl);
        auto first = std::make_unique<Scene>(&theme, ImGuiDrawer::kOpenGl),
             second = std::make_unique<Scene>(&theme, ImGuiDrawer::kOpenGl);
        QVERIFY(bring_up(*first, *first));
        QVERIFY(bring_up(*second, *second));
        first.reset();
        QCOMPARE(second->grab().toImage().pixelColor(15, 15), QColor(Qt::red));
    }

    void the_whole_window_floats_docks_and_changes_its_session() {
        testing::FakeSession::Outside outside;
        Theme theme;
        app::MainWindow window(&theme, nullptr, {ImGuiDrawer::kOpenGl, {}, {}});
        window.resize(1280, 800);
        window.show();
        for (const bool replay : {false, true}) {
            QSignalSpy opened(&window, &app::MainWindow::opened);
            window.open(testing::fake_source(&outside, replay));
            QTRY_COMPARE(opened.size(), 1);
            for (const bool floating : {true, false})
                for (const char* panel : {"kv_block_map", "batch"}) {
                    app::PanelDock* dock = window.docks().dock(QLatin1String(panel));
                    auto* const host = dock->findChild<ImGuiHost*>();
                    QVERIFY(host != nullptr && draws_on_gl(*host));
                    dock->setFloating(floating);
                    host->show();
                    QVERIFY(QTest::qWaitForWindowExposed(dock->window()));
                    const QImage image = host->grab().toImage();
                    QCOMPARE(image.pixelColor(image.width() - 1, image.height() - 1),
                             theme.color("bg.panel"));
                }
        }
    }

    void two_in_one_window() {
        Theme theme;
        QWidget window;
        Scene left(&theme, ImGuiDrawer::kOpenGl, &window), right(&theme, ImGuiDrawer::kOpenGl, &window);
        left.setGeometry(0, 0, 300, 200);
        right.setGeometry(300, 0, 300, 200);
        right.fill_texture(kGreen);
        window.resize(600, 200);
        QVERIFY(bring_up(window, right));
        QTRY_COMPARE(on_screen(window).pixelColor(40, 20), QColor(Qt::red));
        QTRY_COMPARE(on_screen(window).pixelColor(340, 20), QColor(Qt::green));
        QTest::mouseClick(window.windowHandle(), Qt::LeftButton, {}, QPoint(480, 30));
        for (int i = 0; i < 3; ++i) frame(left), frame(right);
        QCOMPARE(left.clicks, 0);
        QCOMPARE(right.clicks, 1);
    }
};

int main(int argc, char** argv) {
    ask_for_opengl_contexts();
    QApplication application(argc, argv);
    ImGuiGlTest test;
    return QTest::qExec(&test, argc, argv);
}
#include "tst_imgui_gl.moc"
